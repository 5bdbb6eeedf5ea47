// The WebSockets of the dashboard: live events and calls from the browser. Each hands the connection
// over once it is known who came, or how that will be found out from the first message. Their routes are
// open: what a role, a scope and the organization's rate allow is asked here, as the router asks it.
#include "api/routes/endpoints.h"
#include "telephony/browser/gateway.h"

#include <charconv>

namespace voxanne::api {
namespace {

// Somebody, for as long as they may be here.
struct Visitor {
  Identity identity;
  std::function<async::Task<Result<milliseconds>>()> may_stay;  // empty: for good
};

struct Door {
  std::optional<Visitor> known;  // by the upgrade's Authorization
  // By a token in the first message; an empty one stands for none.
  std::function<async::Task<Result<Visitor>>(std::string token)> check;
};

// Whom one socket lets in: who may do what it opens, and whose organization has not asked for too much. A
// fresh token on it is no further request.
struct Guard {
  Services& services;
  const unsigned shard;
  const Role role;
  const Scope scope;
  std::optional<RateLimiter::Outcome> rate{};

  Result<> admit(const Identity& identity) {
    if (services.limiter && !rate) {
      rate = services.limiter->take(identity.org, services.clock.now());
      if (!rate->allowed) return too_many_requests(*rate);
    }
    return check_allowed(identity, role, scope);
  }
};

// `ids`: of the upgrade.
async::Task<Result<Visitor>> enter(std::shared_ptr<Guard> guard, std::string token, net::RequestIds ids) {
  Authenticator& authenticator = guard->services.authenticator;
  const unsigned shard = guard->shard;
  auto identity = co_await authenticator.authenticate_token(shard, token, ids);
  if (!identity) co_return identity.error();
  if (auto admitted = guard->admit(*identity); !admitted) co_return admitted.error();
  const UtcTime expires_at = identity->expires_at;
  co_return Visitor{std::move(*identity), [&authenticator, shard, token = std::move(token), expires_at,
                                           role = guard->role, scope = guard->scope] {
                      return authenticator.may_stay(shard, token, expires_at, role, scope);
                    }};
}

// `role`, `scope`: of those whom it lets in.
async::Task<Result<Door>> door(Services& services, Context& context, Role role, Scope scope) {
  Authenticator& authenticator = services.authenticator;
  const auto guard = std::make_shared<Guard>(
      Guard{.services = services, .shard = context.request.shard, .role = role, .scope = scope});
  Door made;
  if (context.request.headers.has("Authorization")) {
    const auto identity = co_await authenticator.authenticate(context.request);
    if (!identity) co_return identity.error();
    constexpr std::size_t scheme = std::string_view{"Bearer "}.size();
    auto visitor = co_await enter(
        guard, std::string{context.request.headers.get("Authorization").substr(scheme)}, context.ids);
    context.rate = guard->rate;
    if (!visitor) co_return visitor.error();
    made.known = std::move(*visitor);
  }
  // Who comes without a token is judged by the handshake, which is gone when the first message comes.
  made.check = [guard, ids = context.ids, anonymous = authenticator.without_token(context.request)](
                   std::string token) -> async::Task<Result<Visitor>> {
    if (!token.empty()) co_return co_await enter(guard, std::move(token), ids);
    if (!anonymous) co_return anonymous.error();
    if (auto admitted = guard->admit(*anonymous); !admitted) co_return admitted.error();
    co_return Visitor{*anonymous, {}};
  };
  co_return made;
}

events::Listener listener_of(Visitor visitor) {
  return {std::move(visitor.identity.org), std::move(visitor.may_stay)};
}
telephony::browser::Caller caller_of(Visitor visitor) {
  return {std::move(visitor.identity.org), std::move(visitor.may_stay)};
}

// `?since=SEQ&epoch=…` for who authenticates on the upgrade and so needs no first message.
Result<std::optional<events::Since>> since_of(const net::Query& query) {
  const std::string* text = query.find("since");
  if (!text) return std::optional<events::Since>{};
  events::Since since{.epoch = std::string{query.get("epoch")}, .seq = 0};
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), since.seq);
  if (failed != std::errc{} || end != text->data() + text->size())
    return malformed("invalid_parameter", "since must be a whole number");
  return std::optional{std::move(since)};
}

}  // namespace

Answer live_calls(Services& services, Context& context) {
  auto who = co_await door(services, context, Role::viewer, Scope::read);
  if (!who) co_return who.error();
  auto since = since_of(context.request.query);
  if (!since) co_return since.error();
  std::optional<events::Listener> listener;
  if (who->known) listener = listener_of(std::move(*who->known));
  events::CheckToken check =
      [check = std::move(who->check)](std::string token) -> async::Task<Result<events::Listener>> {
    auto visitor = co_await check(std::move(token));
    if (!visitor) co_return visitor.error();
    co_return listener_of(std::move(*visitor));
  };
  net::Upgrade upgrade;
  upgrade.attach = [&hub = services.live, check = std::move(check), listener = std::move(listener),
                    since = std::move(*since)](net::WebSocket& socket, async::TaskGroup& tasks) mutable {
    // Called once.
    return hub.attach(socket, tasks, std::move(check), std::move(listener), std::move(since));
  };
  co_return net::Response::upgrade(std::move(upgrade));
}

Answer web_call(Services& services, Context& context) {
  using telephony::browser::Caller;
  // As for POST /api/calls: a call costs the same, whoever dials. Test calls, which loadtest makes, too.
  auto who = co_await door(services, context, Role::manager, Scope::calls);
  if (!who) co_return who.error();
  std::optional<Caller> caller;
  if (who->known) caller = caller_of(std::move(*who->known));
  co_return services.browser_calls.open(
      context.request,
      [check = std::move(who->check)](std::string token) -> async::Task<Result<Caller>> {
        auto visitor = co_await check(std::move(token));
        if (!visitor) co_return visitor.error();
        co_return caller_of(std::move(*visitor));
      },
      std::move(caller));
}

}  // namespace voxanne::api
