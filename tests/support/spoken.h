// Questions as audio files: speech by a voice that is not the assistant's own, silence before and
// after it.
#pragma once

#include "audio/frame.h"

#include <filesystem>
#include <string>
#include <vector>

namespace voxanne::test {

std::vector<audio::Sample> spoken(const std::string& text, int rate);
// `silence` in seconds.
void write_spoken(const std::filesystem::path& file, const std::string& text, int rate,
                  double silence_before = 0, double silence_after = 0);

// The share of 20 ms frames in [from, to) seconds that somebody could hear.
double audible_share(const std::vector<audio::Sample>& samples, int rate, double from, double to);

}  // namespace voxanne::test
