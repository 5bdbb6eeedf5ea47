// What somebody who listens would understand: recorded speech, fed to the recognizer with an organization's
// model, stretch by stretch as pauses part it.
#pragma once

#include "audio/frame.h"

#include <filesystem>
#include <string>
#include <vector>

namespace voxanne::test {

// `model`: a directory that holds a built language model, such as DATA_DIR/models/demo.
std::string understood(const std::vector<audio::Sample>& samples, int rate,
                       const std::filesystem::path& model);

}  // namespace voxanne::test
