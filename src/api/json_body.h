// A request's JSON object, read strictly: wrong types are errors that name the field; unknown
// fields are ignored, so that clients may be newer than the server.
//
//   auto body = JsonBody::parse(context.request);
//   if (!body) co_return body.error();
//   auto assistant = body->text("assistantId", {.max = 128});       // Result<std::string>
//   auto limit = body->integer("limit", 1, 100, 20);                // Result<std::int64_t>
//
// Errors: malformed (invalid_json, missing_field, invalid_field), unsupported_type
// (unsupported_media_type). Depth is at most 32; the size is the route's body limit.
#pragma once

#include "base/result.h"
#include "net/http.h"

#include <boost/json/object.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace voxanne::api {

class JsonBody {
 public:
  // The Content-Type must be application/json (or absent, or …+json).
  static Result<JsonBody> parse(const net::Request& request);
  static Result<JsonBody> parse(std::string_view text);

  struct TextRules {
    std::size_t min = 1;  // bytes
    std::size_t max = 1024;
  };

  bool has(std::string_view field) const;  // present and not null
  Result<std::string> text(std::string_view field, TextRules rules) const;
  Result<std::string> text(std::string_view field) const { return text(field, TextRules{}); }
  // nullopt when absent or null.
  Result<std::optional<std::string>> optional_text(std::string_view field, TextRules rules) const;
  Result<std::optional<std::string>> optional_text(std::string_view field) const {
    return optional_text(field, TextRules{});
  }
  Result<std::int64_t> integer(std::string_view field, std::int64_t min, std::int64_t max) const;
  Result<std::int64_t> integer(std::string_view field, std::int64_t min, std::int64_t max,
                               std::int64_t otherwise) const;
  Result<bool> boolean(std::string_view field, bool otherwise) const;
  // A nested object; its errors name "field.inner".
  Result<JsonBody> object(std::string_view field) const;
  Result<std::optional<JsonBody>> optional_object(std::string_view field) const;

  const boost::json::object& json() const noexcept { return object_; }

 private:
  JsonBody(boost::json::object object, std::string prefix)
      : object_(std::move(object)), prefix_(std::move(prefix)) {}
  std::string name_of(std::string_view field) const { return prefix_ + std::string{field}; }

  boost::json::object object_;
  std::string prefix_;
};

}  // namespace voxanne::api
