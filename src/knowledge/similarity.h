// The inner product, which for vectors of length one is their cosine: the whole cost of a search by meaning.
// AVX-512 or AVX2 where the processor has it. Pure.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace voxanne::knowledge {

float dot(const float* a, const float* b, std::size_t count);

// out[i] = query · rows[i]; rows lie one after the other, each as long as the query.
void dot_rows(std::span<const float> query, const float* rows, std::span<float> out);

// Scales it to length one; false, and unchanged, when that cannot be done (zero, infinite, not a number).
bool normalize(std::span<float> vector);

std::string_view instruction_set();  // "avx512", "avx2", "portable": for benchmarks

}  // namespace voxanne::knowledge
