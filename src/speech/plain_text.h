// UTF-8 → the few ASCII characters that matter for saying a text, each remembering where it ends in
// the source. Letters lose their accents; dashes, quotes and blanks become the plain ones; other
// symbols and undecodable bytes become blanks. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::speech {

// Stand-ins for what ASCII lacks.
inline constexpr char pound_sign = '\x01', euro_sign = '\x02', degree_sign = '\x03';

struct PlainText {
  std::string characters;
  std::vector<std::size_t> source_end;  // of each character
};

PlainText plain_text(std::string_view utf8);

}  // namespace voxanne::speech
