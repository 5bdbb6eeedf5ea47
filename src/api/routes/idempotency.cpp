#include "api/routes/idempotency.h"

#include "base/log.h"
#include "base/secret.h"
#include "store/idempotency.h"

#include <algorithm>

namespace voxanne::api {
namespace {

constexpr milliseconds kept = 24h, abandoned = 60s;
constexpr std::size_t max_key = 255, max_kept_body = 256 * 1024;

Error bad_key() {
  return malformed("invalid_idempotency_key", "Idempotency-Key must be 1 to " + std::to_string(max_key) +
                                                  " printable ASCII characters, such as a UUID");
}

std::string fingerprint_of(const net::Request& request) {
  std::string text{net::to_string(request.method)};
  text.append(" ").append(request.target).append("\n").append(request.body);
  return to_base64url(sha256(text));
}

net::Response replay(const store::IdempotentAnswer& answer) {
  auto response = answer.body.empty() ? net::Response::empty(*answer.status)
                                      : net::Response::json(*answer.status, answer.body);
  response.headers.add("Idempotency-Replayed", "true");
  return response;
}

async::Task<Result<net::Response>> of_the_first(Services& services, store::IdempotencyClaim claim) {
  const auto found = co_await store::find_idempotent_answer(services.store, claim.org, claim.key);
  if (!found) co_return found.error();
  if (*found && (*found)->fingerprint != claim.fingerprint)
    co_return Error{Fault::conflict, "idempotency_key_reused",
                    "this Idempotency-Key came with another request before; give each request its own"};
  if (*found && (*found)->status) co_return replay(**found);
  co_return Error{Fault::conflict, "idempotency_key_in_use",
                  "the first request with this Idempotency-Key still runs; ask again for its answer",
                  seconds{1}};
}

// What of an answer is kept; nullopt for those that let the request be tried again.
std::optional<std::string> body_to_keep(const net::Response& response) {
  if (response.status >= 500 || response.status == 429) return std::nullopt;
  const auto* text = std::get_if<std::string>(&response.body);
  if (!text || text->size() > max_kept_body) return std::nullopt;
  return *text;
}

async::Task<> conclude(Services& services, const Context& context, store::IdempotencyClaim claim,
                       const net::Response* response) {
  store::Batch batch;
  auto body = response ? body_to_keep(*response) : std::nullopt;
  if (body)
    store::settle(batch, claim, response->status, std::move(*body));
  else
    store::release(batch, claim);
  if (const auto written = co_await services.store.write(std::move(batch)); !written)
    log::warning("idempotency.not_kept", {{"requestId", context.request_id},
                                          {"traceId", context.trace.trace_id()},
                                          {"orgId", claim.org.str()},
                                          {"code", written.error().code}});
}

}  // namespace

async::Task<Result<net::Response>> run_once(Services& services, Context& context, ServiceEndpoint endpoint) {
  const auto key = context.request.headers.find("Idempotency-Key");
  if (!key) co_return co_await endpoint(services, context);
  if (key->empty() || key->size() > max_key ||
      std::ranges::any_of(*key, [](char c) { return c < 0x21 || c > 0x7e; }))
    co_return bad_key();
  const store::IdempotencyClaim claim{context.identity.org, std::string{*key},
                                      fingerprint_of(context.request), "run_" + make_ulid()};
  const auto claimed = co_await store::claim(services.store, claim, services.clock.utc(), kept, abandoned);
  if (!claimed) {
    if (claimed.error().kind == Fault::conflict) co_return co_await of_the_first(services, claim);
    co_return claimed.error();
  }
  std::exception_ptr thrown;
  Result<net::Response> outcome = internal("unset", "");
  try {
    outcome = co_await endpoint(services, context);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) {
    co_await conclude(services, context, claim, nullptr);
    std::rethrow_exception(thrown);
  }
  if (!outcome) {
    const auto answered = problem(outcome.error(), context.request_id);
    co_await conclude(services, context, claim, &answered);
  } else {
    co_await conclude(services, context, claim, &*outcome);
  }
  co_return outcome;
}

}  // namespace voxanne::api
