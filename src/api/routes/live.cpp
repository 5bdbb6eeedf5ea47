// WS /ws/live-calls: hands the connection to the hub once it is known who listens.
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"

#include <charconv>

namespace voxanne::api {
namespace {

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
  std::optional<events::Listener> listener;
  if (context.request.headers.has("Authorization")) {
    const auto identity = co_await services.authenticator.authenticate(context.request);
    if (!identity) co_return identity.error();
    listener = listener_of(*identity);
  }
  auto since = since_of(context.request.query);
  if (!since) co_return since.error();
  // Who came without a token is judged by the handshake, which is gone when the first message comes.
  events::CheckToken check = [&authenticator = services.authenticator, shard = context.request.shard,
                              anonymous = services.authenticator.without_token(context.request)](
                                 std::string token) -> async::Task<Result<events::Listener>> {
    const Result<Identity> identity =
        token.empty() ? anonymous : co_await authenticator.authenticate_token(shard, token);
    if (!identity) co_return identity.error();
    co_return listener_of(*identity);
  };
  net::Upgrade upgrade;
  upgrade.serve = [&hub = services.live, check = std::move(check), listener = std::move(listener),
                   since = std::move(*since)](net::WebSocket& socket) -> async::Task<> {
    return hub.serve(socket, check, listener, since);
  };
  co_return net::Response::upgrade(std::move(upgrade));
}

}  // namespace voxanne::api
