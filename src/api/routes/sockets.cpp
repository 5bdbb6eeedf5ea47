// The WebSockets of the dashboard: live events and calls from the browser. Each hands the connection
// over once it is known who came, or how that will be found out from the first message.
#include "api/routes/endpoints.h"
#include "telephony/browser/gateway.h"

#include <charconv>

namespace voxanne::api {
namespace {

struct Visitor {
  std::optional<Identity> known;  // by the upgrade's Authorization
  // By a token in the first message; an empty one stands for none.
  std::function<async::Task<Result<Identity>>(std::string token)> check;
};

async::Task<Result<Visitor>> visitor(Services& services, const Context& context) {
  Visitor who;
  if (context.request.headers.has("Authorization")) {
    auto identity = co_await services.authenticator.authenticate(context.request);
    if (!identity) co_return identity.error();
    who.known = std::move(*identity);
  }
  // Who comes without a token is judged by the handshake, which is gone when the first message comes.
  who.check = [&authenticator = services.authenticator, shard = context.request.shard,
               anonymous = services.authenticator.without_token(context.request)](
                  std::string token) -> async::Task<Result<Identity>> {
    if (token.empty()) co_return anonymous;
    co_return co_await authenticator.authenticate_token(shard, token);
  };
  co_return who;
}

events::Listener listener_of(const Identity& identity) {
  return {identity.org, identity.development ? std::optional<UtcTime>{} : std::optional{identity.expires_at}};
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
  auto who = co_await visitor(services, context);
  if (!who) co_return who.error();
  auto since = since_of(context.request.query);
  if (!since) co_return since.error();
  std::optional<events::Listener> listener;
  if (who->known) listener = listener_of(*who->known);
  events::CheckToken check =
      [check = std::move(who->check)](std::string token) -> async::Task<Result<events::Listener>> {
    const auto identity = co_await check(std::move(token));
    if (!identity) co_return identity.error();
    co_return listener_of(*identity);
  };
  net::Upgrade upgrade;
  upgrade.serve = [&hub = services.live, check = std::move(check), listener = std::move(listener),
                   since = std::move(*since)](net::WebSocket& socket) {
    return hub.serve(socket, check, listener, since);
  };
  co_return net::Response::upgrade(std::move(upgrade));
}

Answer web_call(Services& services, Context& context) {
  using telephony::browser::Caller;
  auto who = co_await visitor(services, context);
  if (!who) co_return who.error();
  std::optional<Caller> caller;
  if (who->known) caller = Caller{who->known->org};
  co_return services.browser_calls.open(
      context.request,
      [check = std::move(who->check)](std::string token) -> async::Task<Result<Caller>> {
        const auto identity = co_await check(std::move(token));
        if (!identity) co_return identity.error();
        co_return Caller{identity->org};
      },
      std::move(caller));
}

}  // namespace voxanne::api
