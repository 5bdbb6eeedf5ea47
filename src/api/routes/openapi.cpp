#include "api/routes/openapi.h"

#include "api/routes/endpoints.h"
#include "api/routes/routes.h"
#include "openapi_components_embedded.h"

#include <boost/json.hpp>

#include <stdexcept>

namespace voxanne::api {
namespace {

namespace json = boost::json;

bool is_socket(std::string_view path) { return path.starts_with("/ws/"); }

// What it is for a person to read: the page and its files are not part of the API.
bool is_described(std::string_view path) {
  return path.starts_with("/api/") || path.starts_with("/health") || path.starts_with("/storage/") ||
         is_socket(path);
}

bool is_operators(std::string_view path) { return path.starts_with("/api/admin/"); }

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

json::object reference(const json::object& components, std::string_view kind, std::string_view name) {
  if (!components.at(kind).as_object().contains(name))
    throw std::logic_error("openapi_components.json has no " + std::string{name} + " in " +
                           std::string{kind});
  return {{"$ref", "#/components/" + std::string{kind} + "/" + std::string{name}}};
}

json::object content(std::string_view type, json::object schema) {
  return {{type, {{"schema", std::move(schema)}}}};
}

// "/api/calls/:callId" as "/api/calls/{callId}", with its parameters.
std::string templated(std::string_view path, json::array& parameters) {
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    if (path[at] != ':' && path[at] != '*') {
      out.push_back(path[at++]);
      continue;
    }
    const auto end = std::min(path.find('/', at), path.size());
    const std::string_view name = path.substr(at + 1, end - at - 1);
    out.append("{").append(name).append("}");
    parameters.push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
    at = end;
  }
  return out;
}

std::string operation_id(const Declaration& route) {
  std::string out{net::to_string(route.method)};
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  bool capital = true;
  for (const char c : route.path) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) out.push_back(capital && c >= 'a' && c <= 'z' ? char(c - 32) : c);
    capital = !letter;
  }
  return out;
}

// The statuses that an operation may answer beside its success, by what it takes.
std::vector<int> failures(const Declaration& route, bool has_parameters) {
  std::vector<int> out;
  const bool has_body = !route.shape.body.empty();
  if (has_parameters || has_body) out.push_back(400);
  if (route.role || is_operators(route.path) || route.path.starts_with("/api/auth/"))
    out.insert(out.end(), {401, 403});
  if (route.path.starts_with("/storage/")) out.insert(out.end(), {403, 404, 410});
  if (route.path.find("/:") != std::string_view::npos || has_body) out.push_back(404);
  if (route.method != Method::get) out.push_back(409);
  if (has_body) out.insert(out.end(), {413, 415});
  if (has_body || (!route.shape.query.empty() && !is_socket(route.path))) out.push_back(422);
  if (is_socket(route.path)) out.insert(out.end(), {401, 403, 426});
  out.insert(out.end(), {429, 500, 503, 504});
  return out;
}

json::object success(const json::object& components, const Declaration& route) {
  const auto answer = [&](std::string_view text, json::object body) {
    return json::object{{"description", text}, {"content", std::move(body)}};
  };
  if (is_socket(route.path)) return {{"101", {{"description", "The connection is a WebSocket"}}}};
  if (route.path.starts_with("/storage/")) {
    const auto sound = content("audio/ogg", {{"type", "string"}, {"contentMediaType", "audio/ogg"}});
    return {{"200", answer("The recording", sound)},
            {"206", answer("The range that was asked for", sound)},
            {"304", {{"description", "It has not changed"}}},
            {"416", {{"description", "It has no such range; Content-Range says how long it is"}}}};
  }
  if (route.path == "/api/test-error") return {};  // it never succeeds
  if (route.shape.answer.empty()) return {{"204", {{"description", "Done"}}}};
  json::object out{{"200", answer("OK", content("application/json",
                                                reference(components, "schemas", route.shape.answer)))}};
  if (route.shape.answer == "Erasure" && route.method == Method::del)
    out["202"] = answer("Rows are gone; files follow",
                        content("application/json", reference(components, "schemas", route.shape.answer)));
  if (route.path == "/api/contacts/:contactId" && route.method == Method::del)
    out["204"] = {{"description", "Deleted; nothing was to be erased"}};
  // Health tells the truth in the same words when it is bad.
  if (route.path.starts_with("/health"))
    out["503"] = answer("Not all is well",
                        content("application/json", reference(components, "schemas", route.shape.answer)));
  return out;
}

json::object operation(const json::object& components, const Declaration& route, json::array parameters) {
  json::object out{{"operationId", operation_id(route)}, {"summary", route.summary}};
  if (route.role == Role::owner || route.persons_only)
    out["description"] = "For a person: no API key opens it, whatever its scopes.";
  // A WebSocket's token may come in its first message as well.
  if (is_socket(route.path))
    out["security"] = json::array{json::object{{"bearer", json::array{}}}, json::object{}};
  else if (!route.role && !is_operators(route.path))
    out["security"] = json::array{};
  for (const std::string_view name : words(route.shape.query))
    parameters.push_back(reference(components, "parameters", name));
  if (route.method == Method::post && (route.role || is_operators(route.path)))
    parameters.push_back(reference(components, "parameters", "Idempotency-Key"));
  const bool has_parameters = !parameters.empty();
  if (has_parameters) out["parameters"] = std::move(parameters);
  if (!route.shape.body.empty()) {
    const bool is_upload = route.path.ends_with("/upload");
    out["requestBody"] = {{"required", true},
                          {"content", content(is_upload ? "multipart/form-data" : "application/json",
                                              reference(components, "schemas", route.shape.body))}};
  }
  json::object responses = success(components, route);
  for (const int status : failures(route, has_parameters))
    if (const std::string code = std::to_string(status); !responses.contains(code))
      responses[code] = {
          {"description", net::reason_phrase(status)},
          {"content", content("application/json", reference(components, "schemas", "Problem"))}};
  out["responses"] = std::move(responses);
  return out;
}

}  // namespace

std::string openapi_description(std::string_view version) {
  json::object components = json::parse(openapi_components).at("components").as_object();
  json::object paths;
  for (const Declaration& route : declarations()) {
    if (!is_described(route.path)) continue;
    json::array parameters;
    const std::string path = templated(route.path, parameters);
    std::string method{net::to_string(route.method)};
    std::ranges::transform(method, method.begin(), [](char c) { return char(c | 0x20); });
    json::value& item = paths[path];
    if (item.is_null()) item.emplace_object();
    item.as_object()[method] = operation(components, route, std::move(parameters));
  }
  return json::serialize(json::object{{"openapi", "3.1.0"},
                                      {"info",
                                       {{"title", "Voxanne"},
                                        {"version", version},
                                        {"summary", "An AI phone receptionist that you host yourself."},
                                        {"license", {{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
                                      {"servers", json::array{json::object{{"url", "/"}}}},
                                      {"security", json::array{json::object{{"bearer", json::array{}}}}},
                                      {"paths", std::move(paths)},
                                      {"components", std::move(components)}});
}

Answer get_openapi(Services&, Context&) {
  static const auto text = std::make_shared<const std::string>(openapi_description(VOXANNE_VERSION));
  net::Response response;
  response.headers.add("Content-Type", "application/json");
  response.headers.add("Cache-Control", "no-cache");
  response.body = text;
  co_return response;
}

}  // namespace voxanne::api
