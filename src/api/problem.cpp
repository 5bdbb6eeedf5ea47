#include "api/problem.h"

#include "base/ids.h"
#include "base/json_text.h"

#include <boost/json/serialize.hpp>

namespace voxanne::api {

int status_of(Fault fault) {
  switch (fault) {
    case Fault::malformed:
      return 400;
    case Fault::unauthenticated:
      return 401;
    case Fault::forbidden:
      return 403;
    case Fault::not_found:
      return 404;
    case Fault::conflict:
      return 409;
    case Fault::too_large:
      return 413;
    case Fault::unsupported_type:
      return 415;
    case Fault::impossible:
      return 422;
    case Fault::rate_limited:
      return 429;
    case Fault::unavailable:
    case Fault::cancelled:
      return 503;
    case Fault::timed_out:
      return 504;
    case Fault::internal:
      return 500;
  }
  return 500;
}

net::Response problem(const Error& error, std::string_view request_id, const boost::json::object& details) {
  return problem(status_of(error.kind), error, request_id, details);
}

net::Response problem(int status, const Error& error, std::string_view request_id,
                      const boost::json::object& details) {
  std::string text = R"({"error":)";
  append_json_string(text, status == 500 ? "something failed on our side; tell support the requestId"
                                         : std::string_view{error.message});
  text += R"(,"code":)";
  append_json_string(text, error.code);
  text += R"(,"requestId":)";
  append_json_string(text, request_id);
  if (!details.empty()) text.append(R"(,"details":)").append(boost::json::serialize(details));
  text += '}';
  auto response = net::Response::json(status, std::move(text));
  response.headers.set("X-Request-Id", request_id);
  response.headers.set("Cache-Control", "no-store");
  if (status == 401) {
    // RFC 6750 §3: without credentials, no error is named.
    response.headers.set("WWW-Authenticate", error.code == "missing_token"
                                                 ? R"(Bearer realm="voxanne")"
                                                 : R"(Bearer realm="voxanne", error="invalid_token")");
  }
  // 429 and 503 always say when to come back.
  if (error.retry_after || status == 429 || status == 503)
    response.headers.set("Retry-After", std::to_string(error.retry_after.value_or(seconds{1}).count()));
  return response;
}

net::Response server_error(int status, const Error& error, const net::Request* request) {
  return problem(status, error, request ? request->ids.request_id : "req_" + make_ulid());
}

}  // namespace voxanne::api
