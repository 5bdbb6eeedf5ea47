// Error → HTTP. Every failure is `{"error": "what is wrong and how to mend it", "code":
// "snake_case_code", "requestId": "…", "details": {…}}` with the status its Fault stands for, and
// WWW-Authenticate or Retry-After where contracts.md asks for them. An internal error's message
// stays in the log: the client is told the request id.
#pragma once

#include "base/result.h"
#include "net/http.h"

#include <boost/json/object.hpp>

#include <string>
#include <string_view>

namespace voxanne::api {

int status_of(Fault fault);

net::Response problem(const Error& error, std::string_view request_id,
                      const boost::json::object& details = {});
// For a status that no Fault stands for (405, 426, 431, …).
net::Response problem(int status, const Error& error, std::string_view request_id,
                      const boost::json::object& details = {});

// For net::Server::Options::render_error: what the server finds wrong before a route is asked.
net::Response server_error(int status, const Error& error, const net::Request* request);

}  // namespace voxanne::api
