// The variables that configure the server, one by one: what each means, and what it may be. config.cpp finds
// their values, and checks what concerns several of them.
#pragma once

#include "app/config.h"

#include <span>
#include <string_view>

namespace voxanne::app {

struct ConfigKey {
  std::string_view variable;
  std::string_view meaning;
  // Its value into the Config, or what is allowed; what is odd but can be served goes into the warnings,
  // without the variable's name.
  Result<> (*set)(Config& config, std::string_view value);
  bool secret = false;  // can be given as a file (VARIABLE_FILE), and is never shown
};

std::span<const ConfigKey> config_keys();

// `allowed`: how to mend it.
Error bad_value(std::string_view allowed);

}  // namespace voxanne::app
