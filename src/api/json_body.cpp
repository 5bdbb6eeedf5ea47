#include "api/json_body.h"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parser.hpp>

#include <algorithm>
#include <cmath>

namespace voxanne::api {

namespace json = boost::json;

namespace {

constexpr std::size_t max_depth = 32;

Error invalid(const std::string& field, const std::string& must) {
  return malformed("invalid_field", field + " must be " + must);
}

Error missing(const std::string& field) { return malformed("missing_field", field + " is missing"); }

// application/json, or anything +json, whatever its parameters (RFC 6839 §3.1).
bool is_json_type(std::string_view type) {
  type = type.substr(0, type.find(';'));
  while (!type.empty() && (type.back() == ' ' || type.back() == '\t')) type.remove_suffix(1);
  constexpr std::string_view suffix = "+json";
  return net::equal_ignoring_case(type, "application/json") ||
         (type.size() > suffix.size() &&
          net::equal_ignoring_case(type.substr(type.size() - suffix.size()), suffix));
}

std::optional<std::int64_t> whole_number(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  if (!value.is_double()) return std::nullopt;
  const double number = value.get_double();
  // Beyond 2^53 a double no longer names one integer.
  if (!std::isfinite(number) || number != std::trunc(number) || std::abs(number) > 9'007'199'254'740'992.0)
    return std::nullopt;
  return static_cast<std::int64_t>(number);
}

const json::value* find(const json::object& object, std::string_view field) {
  const auto* value = object.if_contains({field.data(), field.size()});
  return value && !value->is_null() ? value : nullptr;
}

}  // namespace

Result<JsonBody> JsonBody::parse(const net::Request& request) {
  if (const auto type = request.headers.find("Content-Type"); type && !is_json_type(*type))
    return Error{Fault::unsupported_type, "unsupported_media_type",
                 "send the body as Content-Type: application/json"};
  return parse(std::string_view{request.body});
}

Result<JsonBody> JsonBody::parse(std::string_view text) {
  if (text.empty()) return malformed("invalid_json", "the body is empty; send a JSON object");
  json::parse_options options;
  options.max_depth = max_depth;
  // A body is read, looked at and dropped: few pieces of memory for all of it.
  unsigned char scratch[2048];
  json::parser parser{json::storage_ptr{}, options, scratch};
  parser.reset(json::make_shared_resource<json::monotonic_resource>());
  boost::system::error_code failed;
  const auto read = parser.write_some(text.data(), text.size(), failed);
  const auto trailing = failed ? std::string_view::npos : text.find_first_not_of(" \t\r\n", read);
  if (!failed && trailing != std::string_view::npos) failed = json::error::extra_data;
  if (failed)
    return malformed("invalid_json",
                     "the body is not JSON at byte " + std::to_string(read) + ": " + failed.message());
  json::value value = parser.release();
  if (!value.is_object()) return malformed("invalid_json", "the body must be a JSON object");
  return JsonBody{std::move(value.get_object()), {}};
}

bool JsonBody::has(std::string_view field) const { return find(object_, field) != nullptr; }

Result<std::optional<std::string>> JsonBody::optional_text(std::string_view field, TextRules rules) const {
  const json::value* value = find(object_, field);
  if (!value) return std::optional<std::string>{};
  const auto* text = value->if_string();
  if (!text || text->size() < rules.min || text->size() > rules.max)
    return invalid(name_of(field),
                   "a text of " + std::to_string(rules.min) + " to " + std::to_string(rules.max) + " bytes");
  if (text->find('\0') != json::string::npos) return invalid(name_of(field), "a text without NUL");
  return std::optional<std::string>{std::in_place, text->data(), text->size()};
}

Result<std::string> JsonBody::text(std::string_view field, TextRules rules) const {
  auto text = optional_text(field, rules);
  if (!text) return text.error();
  if (!*text) return missing(name_of(field));
  return std::move(**text);
}

Result<std::int64_t> JsonBody::integer(std::string_view field, std::int64_t min, std::int64_t max) const {
  const json::value* value = find(object_, field);
  if (!value) return missing(name_of(field));
  const auto number = whole_number(*value);
  if (!number || *number < min || *number > max)
    return invalid(name_of(field),
                   "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return *number;
}

Result<std::int64_t> JsonBody::integer(std::string_view field, std::int64_t min, std::int64_t max,
                                       std::int64_t otherwise) const {
  if (!has(field)) return otherwise;
  return integer(field, min, max);
}

Result<bool> JsonBody::boolean(std::string_view field, bool otherwise) const {
  const json::value* value = find(object_, field);
  if (!value) return otherwise;
  if (!value->is_bool()) return invalid(name_of(field), "true or false");
  return value->get_bool();
}

Result<std::optional<JsonBody>> JsonBody::optional_object(std::string_view field) const {
  const json::value* value = find(object_, field);
  if (!value) return std::optional<JsonBody>{};
  if (!value->is_object()) return invalid(name_of(field), "an object");
  return std::optional<JsonBody>{JsonBody{value->get_object(), name_of(field) + "."}};
}

Result<JsonBody> JsonBody::object(std::string_view field) const {
  auto inner = optional_object(field);
  if (!inner) return inner.error();
  if (!*inner) return missing(name_of(field));
  return std::move(**inner);
}

}  // namespace voxanne::api
