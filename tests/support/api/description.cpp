#include "support/api/description.h"

#include <valijson/adapters/boost_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <boost/json.hpp>

#include <algorithm>
#include <mutex>

namespace voxanne::test {
namespace {

namespace json = boost::json;

// A client must tolerate fields that it does not know; this server may not have any.
void forbid_unknown_fields(json::value& schema) {
  if (auto* list = schema.if_array())
    for (json::value& item : *list) forbid_unknown_fields(item);
  auto* object = schema.if_object();
  if (!object) return;
  for (auto& [name, value] : *object) forbid_unknown_fields(value);
  if (object->contains("properties") && !object->contains("additionalProperties"))
    (*object)["additionalProperties"] = false;
}

bool matches(std::string_view pattern, std::string_view path) {
  while (!pattern.empty() && !path.empty()) {
    const auto next = [](std::string_view& text) {
      const auto end = std::min(text.find('/', 1), text.size());
      const auto segment = text.substr(0, end);
      text.remove_prefix(end);
      return segment;
    };
    const auto wanted = next(pattern);
    if (wanted.starts_with("/{")) {
      if (wanted == "/{key}") return true;  // takes what is left
      next(path);
    } else if (wanted != next(path)) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

}  // namespace

ApiDescription::ApiDescription(std::string_view openapi) : root_(json::parse(openapi).as_object()) {
  forbid_unknown_fields(root_.at("components").at("schemas"));
}

const json::object* ApiDescription::operation_of(std::string_view method, std::string_view path) const {
  std::string verb{method == "HEAD" ? "GET" : method};
  std::ranges::transform(verb, verb.begin(), [](char c) { return char(c | 0x20); });
  const json::object* found = nullptr;
  bool literal = false;
  for (const auto& [pattern, item] : root_.at("paths").as_object()) {
    const bool exact = std::string_view{pattern} == path;
    if ((!exact && (literal || !matches(pattern, path))) || !item.as_object().contains(verb)) continue;
    // As the router does: what is spelled out goes before what is a parameter.
    if (found && !exact && std::string_view{pattern}.find('{') != std::string_view::npos &&
        std::ranges::count(pattern, '{') > 1)
      continue;
    found = &item.at(verb).as_object();
    literal = literal || exact;
  }
  return found;
}

std::string ApiDescription::shape_fault(const json::object& schema, std::string_view body) const {
  boost::system::error_code failed;
  const json::value value = json::parse(body, failed);
  if (failed) return "the body is not JSON: " + std::string{body.substr(0, 200)};
  json::object document = schema;
  document["components"] = root_.at("components");
  const json::value whole(document);
  valijson::Schema compiled;
  valijson::SchemaParser parser;
  parser.populateSchema(valijson::adapters::BoostJsonAdapter{whole}, compiled);
  valijson::Validator validator{valijson::Validator::kStrongTypes};
  valijson::ValidationResults results;
  // Its patterns are std::regex, which share the locale's table of characters and fill it as they go.
  static std::mutex one_at_a_time;
  const std::lock_guard lock{one_at_a_time};
  if (validator.validate(compiled, valijson::adapters::BoostJsonAdapter{value}, &results)) return {};
  std::string out;
  valijson::ValidationResults::Error error;
  while (results.popError(error)) {
    for (const std::string& step : error.context) out += step;
    out += ": " + error.description + "\n";
  }
  return out + std::string{body.substr(0, 400)};
}

std::string ApiDescription::operation(std::string_view method, std::string_view target) const {
  const json::object* found = operation_of(method, target.substr(0, target.find('?')));
  return found ? std::string{found->at("operationId").as_string()} : "";
}

std::set<std::string> ApiDescription::operations() const {
  std::set<std::string> all;
  for (const auto& [path, item] : root_.at("paths").as_object())
    for (const auto& [method, operation] : item.as_object())
      all.emplace(operation.at("operationId").as_string());
  return all;
}

std::string ApiDescription::fault_of(std::string_view method, std::string_view target,
                                     const HttpAnswer& answer) const {
  if (answer.status == 0) return {};  // whoever asked says what that means
  const std::string_view path = target.substr(0, target.find('?'));
  const json::object* operation = operation_of(method, path);
  if (!operation) {
    const bool of_the_api = path.starts_with("/api/") || path.starts_with("/health");
    return !of_the_api || answer.status == 404 || answer.status == 405 ? "" : "is not described";
  }
  const auto& responses = operation->at("responses").as_object();
  const auto* declared = responses.if_contains(std::to_string(answer.status));
  if (!declared) return "status " + std::to_string(answer.status) + " is not described";
  const auto* content = declared->as_object().if_contains("content");
  if (!content) return answer.body.empty() ? "" : "a body that is not described: " + answer.body;
  const auto* media = content->as_object().if_contains("application/json");
  if (!media || method == "HEAD") return {};
  return shape_fault(media->at("schema").as_object(), answer.body);
}

}  // namespace voxanne::test
