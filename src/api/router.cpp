#include "api/router.h"

#include "api/outages.h"
#include "base/json_text.h"
#include "base/unhandled.h"

#include <algorithm>
#include <map>
#include <stdexcept>

namespace voxanne::api {

namespace {

constexpr std::size_t max_parameter = 512;  // bytes, decoded

std::vector<std::string_view> segments_of(std::string_view path) {
  std::vector<std::string_view> segments;
  segments.reserve(8);
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const auto end = std::min(path.find('/'), path.size());
    segments.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return segments;
}

std::optional<Scope> scope_of(const Route& route) {
  if (route.persons_only) return std::nullopt;
  if (route.scope || !route.role) return route.scope;
  switch (*route.role) {
    case Role::viewer:
      return Scope::read;
    case Role::manager:
      return Scope::write;
    case Role::owner:
      return std::nullopt;
  }
  return std::nullopt;
}

Result<> check_query(std::string_view known, const net::Query& query) {
  if (known.empty()) return {};
  const std::string among = " " + std::string{known} + " ";
  for (const auto& [name, value] : query.all())
    if (name.find(' ') != std::string::npos || among.find(" " + name + " ") == std::string::npos)
      return malformed("unknown_parameter",
                       "there is a query parameter that this does not know; it knows: " + std::string{known});
  return {};
}

}  // namespace

const std::string& Context::param(std::string_view name) const {
  for (const auto& [key, value] : params)
    if (key == name) return value;
  throw std::logic_error("the route has no parameter :" + std::string{name});
}

// A tree of path segments. Words win over parameters, those over what takes the rest.
struct Router::Impl {
  struct Leaf {
    Route route;
    std::vector<std::string> names;  // of its parameters, in order
    bool operators = false;
    std::size_t index = 0;  // in routes
  };
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> words;
    std::unique_ptr<Node> parameter, rest;
    std::map<Method, std::unique_ptr<Leaf>> leaves;
  };
  struct Found {
    const Node* node = nullptr;
    std::vector<std::string_view> values;  // still encoded
  };

  explicit Impl(Authenticator& a) : authenticator(a) {}

  bool match(const Node& node, const std::vector<std::string_view>& segments, std::size_t at,
             std::string_view path, Found& found) const {
    if (at == segments.size()) {
      if (node.leaves.empty()) return false;
      found.node = &node;
      return true;
    }
    if (const auto word = node.words.find(segments[at]); word != node.words.end())
      if (match(*word->second, segments, at + 1, path, found)) return true;
    if (node.parameter && !segments[at].empty()) {
      found.values.push_back(segments[at]);
      if (match(*node.parameter, segments, at + 1, path, found)) return true;
      found.values.pop_back();
    }
    if (node.rest && !segments[at].empty()) {
      found.values.push_back(path.substr(static_cast<std::size_t>(segments[at].data() - path.data())));
      found.node = node.rest.get();
      return true;
    }
    return false;
  }

  Found find(std::string_view path) const {
    Found found;
    if (path.starts_with('/')) match(root, segments_of(path), 0, path, found);
    return found;
  }

  static const Leaf* leaf_of(const Node& node, Method method) {
    auto leaf = node.leaves.find(method);
    if (leaf == node.leaves.end() && method == Method::head) leaf = node.leaves.find(Method::get);
    return leaf == node.leaves.end() ? nullptr : leaf->second.get();
  }

  static std::string allowed(const Node& node) {
    std::string list;
    for (const auto& [method, leaf] : node.leaves) {
      if (!list.empty()) list += ", ";
      list += net::to_string(method);
      if (method == Method::get && !node.leaves.contains(Method::head)) list += ", HEAD";
    }
    return list;
  }

  // "." and ".." mean another path than the one that was matched (RFC 3986 §5.2.4).
  static bool has_dot_segment(std::string_view value) {
    const std::string path = "/" + std::string{value};
    for (const auto segment : segments_of(path))
      if (segment == "." || segment == "..") return true;
    return false;
  }

  static bool decode_params(const Leaf& leaf, const Found& found, Context& context) {
    for (std::size_t i = 0; i < found.values.size(); ++i) {
      std::string value;
      if (!net::percent_decode(found.values[i], value) || value.size() > max_parameter ||
          !is_valid_utf8(value) || has_dot_segment(value))
        return false;
      context.params.emplace_back(leaf.names[i], std::move(value));
    }
    return true;
  }

  async::Task<net::Response> handle(net::Request& request) const;
  async::Task<net::Response> answer(net::Request& request) const;
  async::Task<net::Response> dispatch(Context& context, const Leaf*& leaf) const;
  Result<> count(Context& context) const;
  void tell(const Error& error, const Context& context, std::string_view route) const;
  async::Task<Result<net::Response>> run(const Leaf& leaf, Context& context) const;

  Authenticator& authenticator;
  Node root;
  std::optional<Cors> cors;
  RateLimiter* limiter = nullptr;
  const async::Clock* clock = nullptr;
  OnException on_exception;
  OnAnswered on_answered;
  std::vector<std::pair<Method, std::string>> routes;
  mutable Outages outages;
};

async::Task<net::Response> Router::Impl::handle(net::Request& request) const {
  if (!cors) co_return co_await answer(request);
  if (cors->is_preflight(request)) {
    const Found found = find(request.path);
    if (found.node) co_return cors->preflight(request, allowed(*found.node));
  }
  auto response = co_await answer(request);
  cors->admit(request, response);
  co_return response;
}

Result<> Router::Impl::count(Context& context) const {
  if (!limiter) return {};
  context.rate = limiter->take(context.identity.org, clock->now());
  if (context.rate->allowed) return {};
  return too_many_requests(*context.rate);
}

// What failed on our side, or on that of what we stand on.
void Router::Impl::tell(const Error& error, const Context& context, std::string_view route) const {
  if (error.kind == Fault::internal)
    log::error("api.failed", {{"requestId", context.ids.request_id},
                              {"traceId", context.ids.trace.trace_id()},
                              {"orgId", context.identity.org.str()},
                              {"route", route},
                              {"code", error.code},
                              {"error", error.message}});
  if (error.kind != Fault::unavailable && error.kind != Fault::timed_out) return;
  if (const auto untold = outages.tell(error.code, std::chrono::steady_clock::now()))
    log::warning("api.unavailable", {{"requestId", context.ids.request_id},
                                     {"traceId", context.ids.trace.trace_id()},
                                     {"orgId", context.identity.org.str()},
                                     {"route", route},
                                     {"code", error.code},
                                     {"error", error.message},
                                     {"untold", *untold}});
}

async::Task<net::Response> Router::Impl::answer(net::Request& request) const {
  const SteadyTime began = std::chrono::steady_clock::now();
  Context context{.request = request, .ids = request.ids, .identity = {}, .rate = {}, .params = {}};
  const Leaf* leaf = nullptr;
  auto response = co_await dispatch(context, leaf);
  const SteadyTime ended = std::chrono::steady_clock::now();
  const std::string_view route = leaf ? std::string_view{leaf->route.path} : "";
  if (log::enabled(log::Level::debug))
    log::debug("http.request",
               {{"requestId", context.ids.request_id},
                {"traceId", context.ids.trace.trace_id()},
                {"orgId", context.identity.org.str()},
                {"method", net::to_string(request.method)},
                {"route", route},
                {"status", response.status},
                {"us", std::chrono::floor<std::chrono::microseconds>(ended - began).count()}});
  if (on_answered)
    on_answered({.context = context,
                 .route = leaf ? leaf->index : routes.size(),
                 .path = route,
                 .status = response.status,
                 .began = began,
                 .ended = ended});
  co_return response;
}

async::Task<net::Response> Router::Impl::dispatch(Context& context, const Leaf*& leaf) const {
  const net::Request& request = context.request;
  const Found found = find(request.path);
  leaf = found.node ? leaf_of(*found.node, request.method) : nullptr;
  if (!found.node || (leaf && !decode_params(*leaf, found, context)))
    co_return problem(not_found("unknown_path", "there is nothing at this path"), context.ids.request_id);
  if (!leaf) {
    auto response = problem(405, malformed("method_not_allowed", "this path does not take the method"),
                            context.ids.request_id);
    response.headers.set("Allow", allowed(*found.node));
    co_return response;
  }
  std::exception_ptr thrown;
  try {
    auto outcome = co_await run(*leaf, context);
    if (!outcome) {
      const Error& error = outcome.error();
      tell(error, context, leaf->route.path);
      auto response = problem(error, context.ids.request_id);
      if (context.rate) add_rate_headers(response.headers, *context.rate);
      co_return response;
    }
    outcome->headers.set("X-Request-Id", context.ids.request_id);
    if (context.rate) add_rate_headers(outcome->headers, *context.rate);
    // Answers of the API are somebody's data; a cache must be told explicitly.
    if (!outcome->headers.has("Cache-Control") && (leaf->route.role || leaf->operators))
      outcome->headers.add("Cache-Control", "no-store");
    co_return std::move(*outcome);
  } catch (const std::exception&) {
    thrown = std::current_exception();
    if (async::is_cancellation(thrown)) throw;
    log::unhandled("api.exception", thrown,
                   {{"requestId", context.ids.request_id},
                    {"traceId", context.ids.trace.trace_id()},
                    {"spanId", context.ids.trace.span_id()},
                    {"orgId", context.identity.org.str()},
                    {"route", leaf->route.path}});
  }
  if (on_exception) on_exception(context, thrown);
  auto response = problem(internal("internal_error", ""), context.ids.request_id);
  if (context.rate) add_rate_headers(response.headers, *context.rate);
  co_return response;
}

async::Task<Result<net::Response>> Router::Impl::run(const Leaf& leaf, Context& context) const {
  if (context.request.websocket) {
    if (auto checked = authenticator.check_origin(context.request); !checked) co_return checked.error();
  }
  if (leaf.operators) {
    if (auto checked = authenticator.check_operator(context.request); !checked) co_return checked.error();
  } else if (leaf.route.role) {
    auto identity = co_await authenticator.authenticate(context.request);
    if (!identity) co_return identity.error();
    context.identity = std::move(*identity);
    if (auto counted = count(context); !counted) co_return counted.error();
    if (auto allowed = check_allowed(context.identity, *leaf.route.role, scope_of(leaf.route)); !allowed)
      co_return allowed.error();
  }
  if (leaf.operators || leaf.route.role)
    if (auto known = check_query(leaf.route.query, context.request.query); !known) co_return known.error();
  co_return co_await leaf.route.endpoint(context);
}

Router::Router(Authenticator& authenticator) : impl_(std::make_unique<Impl>(authenticator)) {}
Router::~Router() = default;

void Router::add(Route route) {
  if (!route.path.starts_with('/') || !route.endpoint)
    throw std::logic_error("a route needs a path that begins with a slash, and an endpoint: " + route.path);
  Impl::Node* node = &impl_->root;
  auto leaf = std::make_unique<Impl::Leaf>();
  const auto segments = segments_of(route.path);
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto segment = segments[i];
    const char kind = segment.empty() ? '\0' : segment.front();
    if (kind == '*' && i + 1 != segments.size())
      throw std::logic_error("only a last segment may be *: " + route.path);
    if (kind == ':' || kind == '*') leaf->names.emplace_back(segment.substr(1));
    auto& next = kind == ':' ? node->parameter : kind == '*' ? node->rest : node->words[std::string{segment}];
    if (!next) next = std::make_unique<Impl::Node>();
    node = next.get();
  }
  auto& place = node->leaves[route.method];
  if (place) throw std::logic_error("the route is declared twice: " + route.path);
  leaf->index = impl_->routes.size();
  impl_->routes.emplace_back(route.method, route.path);
  leaf->operators = route.path.starts_with("/api/admin/");
  leaf->route = std::move(route);
  place = std::move(leaf);
}

void Router::allow_origins(std::vector<std::string> origins) {
  if (!origins.empty()) impl_->cors.emplace(std::move(origins));
}

net::Response Router::error_of_server(int status, const Error& error, const net::Request* request) const {
  auto response = server_error(status, error, request);
  if (impl_->cors && request) impl_->cors->admit(*request, response);
  return response;
}

void Router::limit_rate(RateLimiter& limiter, const async::Clock& clock) {
  impl_->limiter = &limiter;
  impl_->clock = &clock;
}

void Router::on_exception(OnException report) { impl_->on_exception = std::move(report); }
void Router::on_answered(OnAnswered tell) { impl_->on_answered = std::move(tell); }

net::Handler Router::handler() {
  return [impl = impl_.get()](net::Request& request) { return impl->handle(request); };
}

std::function<std::size_t(Method, std::string_view path)> Router::body_limits() const {
  return [impl = impl_.get()](Method method, std::string_view path) -> std::size_t {
    const auto found = impl->find(path);
    const auto* leaf = found.node ? Impl::leaf_of(*found.node, method) : nullptr;
    return leaf ? leaf->route.max_body : Route{}.max_body;
  };
}

std::vector<std::pair<Method, std::string>> Router::routes() const { return impl_->routes; }

std::string security_headers(const std::string& recordings_origin) {
  const std::string besides = recordings_origin.empty() ? "" : " " + recordings_origin;
  return "X-Content-Type-Options: nosniff\r\n"
         "X-Frame-Options: DENY\r\n"
         "Referrer-Policy: no-referrer\r\n"
         "Cross-Origin-Opener-Policy: same-origin\r\n"
         "Cross-Origin-Resource-Policy: same-origin\r\n"
         "Permissions-Policy: microphone=(self), camera=(), geolocation=()\r\n"
         // Sound and images may be made in the page; sockets go to where it came from, and 'self' covers
         // ws: and wss: there (CSP 3).
         "Content-Security-Policy: default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:" +
         besides + "; style-src 'self'; connect-src 'self'" + besides +
         "; worker-src 'self' blob:; "
         "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'\r\n";
}

}  // namespace voxanne::api
