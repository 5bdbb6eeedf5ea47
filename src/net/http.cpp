#include "net/http.h"

#include "base/ids.h"

#include <algorithm>

namespace voxanne::net {

namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool decode(std::string_view text, bool plus_is_space, std::string& out) {
  out.clear();
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) {
      c = ' ';
    } else if (c == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0') return false;
    out.push_back(c);
  }
  return true;
}

constexpr std::size_t max_parameters = 256;

}  // namespace

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
    case Method::options:
      return "OPTIONS";
    case Method::other:
      break;
  }
  return "OTHER";
}

Method parse_method(std::string_view name) {
  for (const Method method :
       {Method::get, Method::post, Method::put, Method::patch, Method::del, Method::head, Method::options})
    if (name == to_string(method)) return method;
  return Method::other;
}

bool percent_decode(std::string_view text, std::string& out) { return decode(text, false, out); }

bool Query::parse(std::string_view text) {
  all_.clear();
  while (!text.empty()) {
    const auto end = std::min(text.find('&'), text.size());
    const auto pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    if (all_.size() == max_parameters) return false;
    const auto equals = std::min(pair.find('='), pair.size());
    auto& [name, value] = all_.emplace_back();
    if (!decode(pair.substr(0, equals), true, name)) return false;
    if (equals < pair.size() && !decode(pair.substr(equals + 1), true, value)) return false;
  }
  return true;
}

const std::string* Query::find(std::string_view name) const {
  for (const auto& [key, value] : all_)
    if (key == name) return &value;
  return nullptr;
}

std::string_view Query::get(std::string_view name, std::string_view otherwise) const {
  const std::string* value = find(name);
  return value ? std::string_view{*value} : otherwise;
}

RequestIds RequestIds::of(const Headers& headers) {
  const auto given = headers.get("X-Request-Id");
  const bool sane = headers.count("X-Request-Id") == 1 && is_sane_id(given);
  return {.request_id = sane ? std::string{given} : "req_" + make_ulid(),
          .trace = Trace::continued(headers.get("traceparent"))};
}

Response Response::json(int status, std::string text) {
  Response response{.status = status, .headers = {}, .body = std::move(text)};
  response.headers.add("Content-Type", "application/json");
  return response;
}

Response Response::text(int status, std::string text) {
  Response response{.status = status, .headers = {}, .body = std::move(text)};
  response.headers.add("Content-Type", "text/plain; charset=utf-8");
  return response;
}

Response Response::empty(int status) { return {.status = status, .headers = {}, .body = std::string{}}; }

Response Response::upgrade(Upgrade upgrade) {
  return {.status = 101, .headers = {}, .body = std::move(upgrade)};
}

std::uint64_t Response::body_size() const {
  if (const auto* text = std::get_if<std::string>(&body)) return text->size();
  if (const auto* shared = std::get_if<Shared>(&body)) return *shared ? (*shared)->size() : 0;
  if (const auto* source = std::get_if<Source>(&body)) return source->length;
  return 0;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return "Unknown";
  }
}

}  // namespace voxanne::net
