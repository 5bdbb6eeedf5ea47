// The page's files, embedded into the binary. Constant data.
#pragma once

#include <span>
#include <string_view>

namespace voxanne::web {

struct Asset {
  std::string_view name;  // "index.html"
  std::string_view text;
};

std::span<const Asset> assets();

}  // namespace voxanne::web
