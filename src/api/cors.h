// Cross-origin requests (Fetch standard, CORS protocol): pages of the allowed origins may use the API
// with a token in the Authorization header. Cookies never cross, so credentials are not allowed.
#pragma once

#include "net/http.h"

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::api {

class Cors {
 public:
  explicit Cors(std::vector<std::string> allowed_origins) : allowed_(std::move(allowed_origins)) {}

  bool is_preflight(const net::Request& request) const;
  // The answer to a preflight: 204. `methods`: what the path takes, as in Allow. An origin that is not
  // allowed gets no headers, which is what makes the browser refuse.
  net::Response preflight(const net::Request& request, std::string_view methods) const;
  // Puts what the browser needs onto an answer.
  void admit(const net::Request& request, net::Response& response) const;

 private:
  bool is_allowed(const net::Request& request) const;

  const std::vector<std::string> allowed_;
};

}  // namespace voxanne::api
