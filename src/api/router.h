// The API's front door: finds the route for a request, checks who asks, runs its endpoint and turns
// every failure into a problem body. One Router serves all web shards: routes are added before the
// server starts, and nothing changes afterwards.
//
//   Router router{authenticator};
//   router.add({.method = Method::get, .path = "/api/calls/:callId", .endpoint = get_call});
//   net::Server server{{.max_body_for = router.body_limits()}, shards, router.handler()};
//
// Order of checks: path (404), method (405 with Allow), Origin of WebSockets (403), token (401, 403
// no_organization), the organization's rate (429), role (403), endpoint. A path under /api/admin/ is
// the operator's, whatever its role says: Authenticator::check_operator. An API key is asked for its
// scope instead of its role. An Error becomes its problem body, an exception a 500 that is logged with
// its ids and handed to on_exception; of a 503 or 504 the log has one a second for each code.
#pragma once

#include "api/auth.h"
#include "api/cors.h"
#include "api/identity.h"
#include "api/problem.h"
#include "api/rate_limit.h"
#include "net/http.h"
#include "net/server.h"

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace voxanne::api {

using net::Method;

// One request on its way through an endpoint. Lives until the endpoint's task has ended.
struct Context {
  net::Request& request;
  const net::RequestIds& ids;  // the request's
  Identity identity;           // empty on open routes

  std::optional<RateLimiter::Outcome> rate{};  // told to the client in RateLimit-* headers

  // A path parameter, decoded: param("callId") for "/api/calls/:callId".
  const std::string& param(std::string_view name) const;
  std::vector<std::pair<std::string_view, std::string>> params{};
};

using Endpoint = std::function<async::Task<Result<net::Response>>(Context&)>;

struct Route {
  Method method = Method::get;  // get also answers HEAD
  std::string path;             // "/api/calls/:callId"; a last segment "*rest" takes what is left
  Endpoint endpoint;
  std::optional<Role> role = Role::viewer;  // nullopt: open, no token needed nor looked at
  std::size_t max_body = 1024 * 1024;
  // Which API keys may come in; by the role when nothing is said: viewer read, manager write, owner none.
  std::optional<Scope> scope{};
  bool persons_only = false;  // none may, whatever its scopes
  // The names of its query's parameters, a space between them. Where there are any and a token is needed,
  // another one is an error: a filter that is mistyped must not show everything, nor an erasure keep what it
  // was to erase.
  std::string_view query{};
};

class Router {
 public:
  explicit Router(Authenticator& authenticator);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // Throws std::logic_error on a pattern that is already taken or malformed.
  void add(Route route);
  // Pages of these origins may use the API from a browser.
  void allow_origins(std::vector<std::string> origins);
  // For net::Server::Options::render_error: server_error(), and what such a page needs to read it.
  net::Response error_of_server(int status, const Error& error, const net::Request* request) const;
  // Requests of an organization are counted on the steady clock; the limiter outlives the server.
  void limit_rate(RateLimiter& limiter, const async::Clock& clock);
  // Called for every exception that reached the boundary (error tracking).
  using OnException = std::function<void(const Context&, std::exception_ptr)>;
  void on_exception(OnException report);

  // Called for every request when its answer is ready, on its shard: it must not block.
  struct Answered {
    const Context& context;
    std::size_t route;      // its place in routes(); their number where there was none
    std::string_view path;  // the route's pattern; empty where there was none
    int status;
    SteadyTime began, ended;
  };
  using OnAnswered = std::function<void(const Answered&)>;
  void on_answered(OnAnswered tell);

  // The router outlives what these return.
  net::Handler handler();
  std::function<std::size_t(Method, std::string_view path)> body_limits() const;
  // All routes in the order they were added: for the OpenAPI description and tests.
  std::vector<std::pair<Method, std::string>> routes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Header lines for net::Server::Options::common_headers: no sniffing, no framing, no referrer, a
// content security policy for our own pages.
// `recordings_origin`: where the page may fetch recordings from besides us; empty: nowhere.
std::string security_headers(const std::string& recordings_origin = {});

}  // namespace voxanne::api
