#include "api/routes/idempotency.h"

#include "api/access/credentials.h"
#include "api/routes/multipart.h"

#include "base/log.h"
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

// A client that tries an upload again chooses another boundary: what it parts is the same.
void append_without(std::string& out, std::string_view body, std::string_view boundary) {
  while (!boundary.empty()) {
    const auto at = body.find(boundary);
    if (at == std::string_view::npos) break;
    out.append(body.substr(0, at));
    body.remove_prefix(at + boundary.size());
  }
  out.append(body);
}

std::string fingerprint_of(const Credentials& credentials, const net::Request& request) {
  std::string text{net::to_string(request.method)};
  text.append(" ").append(request.target).append("\n");
  append_without(text, request.body, multipart_boundary(request.headers.get("Content-Type")));
  return credentials.request_hash(text);
}

net::Response replay(const store::IdempotentAnswer& answer) {
  auto response = answer.body.empty() ? net::Response::empty(*answer.status)
                                      : net::Response::json(*answer.status, answer.body);
  response.headers.add("Idempotency-Replayed", "true");
  return response;
}

async::Task<Result<net::Response>> of_the_first(Services& services, store::IdempotencyClaim claim,
                                                Answers answers) {
  const auto found = co_await store::find_idempotent_answer(services.store, claim.org, claim.key);
  if (!found) co_return found.error();
  if (*found && (*found)->fingerprint != claim.fingerprint)
    co_return Error{Fault::conflict, "idempotency_key_reused",
                    "this Idempotency-Key came with another request before; give each request its own"};
  if (*found && (*found)->status && answers == Answers::hold_a_secret && *(*found)->status < 300)
    co_return Error{Fault::conflict, "already_created",
                    "the first request with this Idempotency-Key was carried out; its answer held a secret, "
                    "which is shown once"};
  if (*found && (*found)->status) co_return replay(**found);
  co_return Error{Fault::conflict, "idempotency_key_in_use",
                  "the first request with this Idempotency-Key still runs; ask again for its answer",
                  seconds{1}};
}

// For whoever asks again; the first was told that nobody knows.
Error outcome_of_the_first_unknown() {
  return {Fault::conflict, "outcome_unknown",
          "the first request with this Idempotency-Key may have been carried out: look before asking again "
          "with another key"};
}

// What of an answer is kept; nullopt for those that let the request be tried again.
std::optional<std::string> body_to_keep(const net::Response& response) {
  if (response.status >= 500 || response.status == 429) return std::nullopt;
  const auto* text = std::get_if<std::string>(&response.body);
  if (!text || text->size() > max_kept_body) return std::nullopt;
  return *text;
}

async::Task<> conclude(Services& services, const Context& context, store::IdempotencyClaim claim,
                       const net::Response* response, Answers answers) {
  store::Batch batch;
  auto body = response ? body_to_keep(*response) : std::nullopt;
  if (body && answers == Answers::hold_a_secret && response->status < 300) body->clear();
  if (body)
    store::settle(batch, claim, response->status, std::move(*body));
  else
    store::release(batch, claim);
  if (services.store.is_silent()) co_return co_await services.store.leave(std::move(batch));
  if (const auto written = co_await services.store.follow_up(std::move(batch)); !written)
    log::warning("idempotency.not_kept", {{"requestId", context.ids.request_id},
                                          {"traceId", context.ids.trace.trace_id()},
                                          {"orgId", claim.org.str()},
                                          {"code", written.error().code}});
}

}  // namespace

Result<std::string> idempotency_key(const net::Request& request) {
  const auto key = request.headers.find("Idempotency-Key");
  if (!key) return std::string{};
  if (key->empty() || key->size() > max_key ||
      std::ranges::any_of(*key, [](char c) { return c < 0x21 || c > 0x7e; }))
    return bad_key();
  return std::string{*key};
}

async::Task<Result<net::Response>> run_once(Services& services, Context& context, ServiceEndpoint endpoint,
                                            Answers answers) {
  auto key = idempotency_key(context.request);
  if (!key) co_return key.error();
  if (key->empty()) co_return co_await endpoint(services, context);
  const store::IdempotencyClaim claim{context.identity.org, std::move(*key),
                                      fingerprint_of(services.credentials, context.request),
                                      "run_" + make_ulid()};
  const auto claimed = co_await store::claim(services.store, claim, services.clock.utc(), kept, abandoned);
  if (!claimed) {
    if (claimed.error().kind == Fault::conflict) co_return co_await of_the_first(services, claim, answers);
    if (!store::is_outcome_unknown(claimed.error())) co_return claimed.error();
    // Nothing else was begun: should the key be taken in the end, it is free again at once.
    store::Batch batch;
    store::release(batch, claim);
    co_await services.store.leave(std::move(batch));
    co_return store::database_silent();
  }
  std::exception_ptr thrown;
  Result<net::Response> outcome = internal("unset", "");
  try {
    outcome = co_await endpoint(services, context);
  } catch (...) {
    thrown = std::current_exception();
  }
  if (thrown) {
    co_await conclude(services, context, claim, nullptr, answers);
    std::rethrow_exception(thrown);
  }
  if (!outcome) {
    const bool unknown = store::is_outcome_unknown(outcome.error());
    const auto answered =
        problem(unknown ? outcome_of_the_first_unknown() : outcome.error(), context.ids.request_id);
    co_await conclude(services, context, claim, &answered, answers);
  } else {
    co_await conclude(services, context, claim, &*outcome, answers);
  }
  co_return outcome;
}

}  // namespace voxanne::api
