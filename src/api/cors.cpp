#include "api/cors.h"

#include <algorithm>

namespace voxanne::api {

bool Cors::is_allowed(const net::Request& request) const {
  if (request.headers.count("Origin") != 1) return false;
  const auto origin = request.headers.get("Origin");
  return std::ranges::any_of(allowed_,
                             [&](const auto& one) { return net::equal_ignoring_case(one, origin); });
}

bool Cors::is_preflight(const net::Request& request) const {
  return request.method == net::Method::options && request.headers.has("Origin") &&
         request.headers.has("Access-Control-Request-Method");
}

net::Response Cors::preflight(const net::Request& request, std::string_view methods) const {
  auto response = net::Response::empty();
  response.headers.set("X-Request-Id", request.ids.request_id);
  admit(request, response);
  if (!is_allowed(request)) return response;
  response.headers.add("Access-Control-Allow-Methods", std::string{methods});
  response.headers.add("Access-Control-Allow-Headers",
                       "Authorization, Content-Type, Idempotency-Key, X-Request-Id, traceparent");
  response.headers.add("Access-Control-Max-Age", "600");
  return response;
}

void Cors::admit(const net::Request& request, net::Response& response) const {
  response.headers.add("Vary", "Origin");
  if (!is_allowed(request)) return;
  response.headers.add("Access-Control-Allow-Origin", std::string{request.headers.get("Origin")});
  response.headers.add("Access-Control-Expose-Headers",
                       "X-Request-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, "
                       "Idempotency-Replayed");
}

}  // namespace voxanne::api
