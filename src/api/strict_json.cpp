#include "api/strict_json.h"

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace voxanne::api {

namespace {

namespace json = boost::json;

constexpr std::size_t max_depth = 16;

// Sees every member's name, and stops at one it has seen in the same object.
struct Names {
  static constexpr std::size_t max_object_size = 1'024, max_array_size = 1'024, max_key_size = 256,
                               max_string_size = 1 << 20;
  using Code = boost::system::error_code;
  using Text = json::string_view;

  std::vector<std::vector<std::string>> objects;
  std::string name;
  bool repeated = false;

  bool on_document_begin(Code&) { return true; }
  bool on_document_end(Code&) { return true; }
  bool on_object_begin(Code&) {
    objects.emplace_back();
    return true;
  }
  bool on_object_end(std::size_t, Code&) {
    objects.pop_back();
    return true;
  }
  bool on_array_begin(Code&) { return true; }
  bool on_array_end(std::size_t, Code&) { return true; }
  bool on_key_part(Text part, std::size_t, Code&) {
    name.append(part.data(), part.size());
    return true;
  }
  bool on_key(Text part, std::size_t, Code& failed) {
    name.append(part.data(), part.size());
    auto& names = objects.back();
    repeated = std::ranges::find(names, name) != names.end();
    if (repeated) failed = json::error::syntax;
    names.push_back(std::exchange(name, {}));
    return !repeated;
  }
  bool on_string_part(Text, std::size_t, Code&) { return true; }
  bool on_string(Text, std::size_t, Code&) { return true; }
  bool on_number_part(Text, Code&) { return true; }
  bool on_int64(std::int64_t, Text, Code&) { return true; }
  bool on_uint64(std::uint64_t, Text, Code&) { return true; }
  bool on_double(double, Text, Code&) { return true; }
  bool on_bool(bool, Code&) { return true; }
  bool on_null(Code&) { return true; }
  bool on_comment_part(Text, Code&) { return true; }
  bool on_comment(Text, Code&) { return true; }
};

}  // namespace

std::optional<json::object> parse_strict_object(std::string_view text) {
  json::parse_options options;
  options.max_depth = max_depth;
  json::basic_parser<Names> names{options};
  boost::system::error_code failed;
  const auto read = names.write_some(false, text.data(), text.size(), failed);
  if (failed || read != text.size() || !names.done()) return std::nullopt;
  json::value value = json::parse({text.data(), text.size()}, failed, {}, options);
  if (failed || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

}  // namespace voxanne::api
