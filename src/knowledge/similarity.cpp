#include "knowledge/similarity.h"

#include <cmath>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace voxanne::knowledge {
namespace {

using Dot = float (*)(const float*, const float*, std::size_t);

// Four sums, so that one addition need not wait for the one before.
float portable(const float* a, const float* b, std::size_t count) {
  float sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4)
    for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) float avx2(const float* a, const float* b, std::size_t count) {
  __m256 s0 = _mm256_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    s0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), s0);
    s1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), s1);
    s2 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 16), _mm256_loadu_ps(b + i + 16), s2);
    s3 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 24), _mm256_loadu_ps(b + i + 24), s3);
  }
  const __m256 sum = _mm256_add_ps(_mm256_add_ps(s0, s1), _mm256_add_ps(s2, s3));
  alignas(32) float lanes[8];
  _mm256_store_ps(lanes, sum);
  float total = 0;
  for (const float lane : lanes) total += lane;
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}

__attribute__((target("avx512f"))) float avx512(const float* a, const float* b, std::size_t count) {
  __m512 s0 = _mm512_setzero_ps(), s1 = s0, s2 = s0, s3 = s0;
  std::size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    s0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), s0);
    s1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), s1);
    s2 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 32), _mm512_loadu_ps(b + i + 32), s2);
    s3 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 48), _mm512_loadu_ps(b + i + 48), s3);
  }
  alignas(64) float lanes[16];
  _mm512_store_ps(lanes, _mm512_add_ps(_mm512_add_ps(s0, s1), _mm512_add_ps(s2, s3)));
  float total = 0;
  for (const float lane : lanes) total += lane;
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}
#endif

Dot choose() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2;
#endif
  return portable;
}

Dot chosen() {
  static const Dot dot_product = choose();
  return dot_product;
}

}  // namespace

float dot(const float* a, const float* b, std::size_t count) { return chosen()(a, b, count); }

void dot_rows(std::span<const float> query, const float* rows, std::span<float> out) {
  const Dot product = chosen();
  for (std::size_t row = 0; row < out.size(); ++row)
    out[row] = product(query.data(), rows + row * query.size(), query.size());
}

bool normalize(std::span<float> vector) {
  double squares = 0;
  for (const float value : vector) squares += double{value} * double{value};
  const double length = std::sqrt(squares);
  if (!std::isfinite(length) || length < 1e-12) return false;
  for (float& value : vector) value = static_cast<float>(value / length);
  return true;
}

std::string_view instruction_set() {
#if defined(__x86_64__)
  if (chosen() == avx512) return "avx512";
  if (chosen() == avx2) return "avx2";
#endif
  return "portable";
}

}  // namespace voxanne::knowledge
