#include "notify/webhook_queue.h"

#include "base/log.h"
#include "notify/signature.h"

#include <algorithm>

namespace voxanne::notify {
namespace {

constexpr int deliveries_at_a_time = 16;
constexpr std::size_t max_answer = 64 * 1024;

}  // namespace

WebhookQueue::WebhookQueue(async::Executor executor, store::Store& store, async::Clock& clock,
                           const Seal& seal, const Targets& targets, Options options)
    : store_(store),
      clock_(clock),
      seal_(seal),
      options_(options),
      http_(executor, {.max_connections_per_host = 4,
                       .user_agent = "Voxanne-Webhooks",
                       .may_connect = [&targets](const net::IpAddress& address, bool secure) {
                         return targets.may_connect(address, secure);
                       }}) {}

async::Task<Result<std::vector<store::Webhook>>> WebhookQueue::claim(int limit, UtcTime lease_until) {
  co_await forget_old();
  auto due = co_await store::due_webhooks(store_, clock_.utc(), limit);
  if (!due) co_return due.error();
  std::vector<store::Webhook> claimed;
  for (auto& webhook : *due) {
    store::Batch batch;
    store::claim_webhook(batch, webhook, lease_until);
    const auto written = co_await store_.write(std::move(batch));
    if (written)
      claimed.push_back(std::move(webhook));
    else if (written.error().kind != Fault::conflict && claimed.empty())
      co_return written.error();
  }
  co_return claimed;
}

async::Task<Result<std::optional<UtcTime>>> WebhookQueue::next_due() {
  return store::next_webhook_due(store_);
}

// What the pause grows with.
int WebhookQueue::attempts(const store::Webhook& webhook) const {
  return std::max(1, webhook.failures - options_.failures_to_pause + 1);
}

async::Task<jobs::Outcome> WebhookQueue::handle(store::Webhook& webhook) {
  using Kind = jobs::Outcome::Kind;
  const SteadyTime turn_ends = clock_.now() + options_.turn;
  while (clock_.now() < turn_ends) {
    const UtcTime now = clock_.utc();
    const auto due = co_await store::due_deliveries(store_, webhook, now, deliveries_at_a_time);
    if (!due || due->empty()) co_return jobs::Outcome{Kind::done};
    if (std::ranges::any_of(*due, [now](const auto& delivery) { return delivery.give_up_at <= now; })) {
      store::Batch batch;
      store::bury_deliveries(batch, webhook, now);
      if (!co_await store_.write(std::move(batch))) co_return jobs::Outcome{Kind::done};
      continue;
    }
    for (const auto& delivery : *due) {
      const auto tried = co_await attempt(webhook, delivery);
      if (!co_await record(webhook, delivery, tried)) co_return jobs::Outcome{Kind::done};
      if (tried.error && is_paused(webhook)) co_return jobs::Outcome{Kind::retry, *tried.error};
      if (clock_.now() >= turn_ends) break;
    }
  }
  co_return jobs::Outcome{Kind::done};
}

async::Task<WebhookQueue::Attempt> WebhookQueue::attempt(const store::Webhook& webhook,
                                                         const store::Delivery& delivery) {
  const UtcTime now = clock_.utc();
  std::vector<Secret> secrets;
  auto secret = seal_.open(webhook.secret);
  if (!secret) co_return Attempt{.error = secret.error()};
  secrets.push_back(std::move(*secret));
  if (!webhook.previous_secret.empty() && webhook.previous_until && now < *webhook.previous_until)
    if (auto previous = seal_.open(webhook.previous_secret)) secrets.push_back(std::move(*previous));

  net::HttpClient::Request request;
  request.method = "POST";
  request.url = webhook.url;
  request.body = delivery.payload;
  request.connect_timeout = options_.connect_timeout;
  request.timeout = request.idle_timeout = options_.timeout;
  request.max_body = max_answer;
  request.headers.add("Content-Type", "application/json");
  request.headers.add("webhook-id", delivery.event.str());
  request.headers.add("webhook-timestamp", webhook_timestamp(now));
  request.headers.add("webhook-signature",
                      webhook_signature(secrets, delivery.event.str(), now, delivery.payload));
  const auto answer = co_await http_.send(std::move(request));
  if (!answer) co_return Attempt{.error = answer.error()};
  Attempt done{.status = answer->status, .error = {}};
  if (answer->status / 100 == 3)
    done.error = Error{Fault::unavailable, "redirect_refused", "redirects are not followed"};
  else if (answer->status / 100 != 2)
    done.error = Error{Fault::unavailable, "http_" + std::to_string(answer->status),
                       "the endpoint did not take it", net::retry_after(answer->headers, clock_.utc())};
  co_return done;
}

async::Task<bool> WebhookQueue::record(store::Webhook& webhook, store::Delivery delivery,
                                       const Attempt& attempt) {
  const UtcTime now = clock_.utc();
  delivery.last_status = attempt.status == 0 ? std::nullopt : std::optional{attempt.status};
  (attempt.error ? seen_.not_taken : seen_.taken).add();
  store::Batch batch;
  if (!attempt.error) {
    store::finish_delivery(batch, delivery, now);
    if (is_paused(webhook)) store::rouse_deliveries(batch, webhook, now);
    webhook.failures = 0;
  } else {
    const milliseconds least = attempt.error->retry_after.value_or(seconds{0});
    delivery.last_error = attempt.error->code;
    delivery.next_attempt_at =
        now + std::max(least, options_.between_attempts.wait(delivery.attempts, random_));
    // While we were off, or it waited behind others, the endpoint had no chance to take it.
    if (delivery.attempts == 0) delivery.give_up_at = now + options_.give_up_after;
    store::retry_delivery(batch, delivery, now);
    ++webhook.failures;
    log::warning("webhook.not_taken", {{"orgId", webhook.org.str()},
                                       {"webhookId", webhook.id.str()},
                                       {"eventId", delivery.event.str()},
                                       {"code", attempt.error->code},
                                       {"attempts", delivery.attempts + 1}});
  }
  // A conflict: it was replayed, or erased, meanwhile.
  const auto written = co_await store_.write(std::move(batch));
  co_return written || written.error().kind == Fault::conflict;
}

async::Task<Result<>> WebhookQueue::complete(store::Webhook& webhook, const jobs::Outcome& outcome,
                                             UtcTime next_attempt_at) {
  // One that has more to do stands behind those that wait already.
  webhook.blocked_until = clock_.utc();
  if (outcome.kind == jobs::Outcome::Kind::retry && is_paused(webhook))
    webhook.blocked_until = next_attempt_at;
  store::Batch batch;
  store::release_webhook(batch, webhook);
  co_return co_await store_.write(std::move(batch));
}

async::Task<> WebhookQueue::forget_old() {
  const UtcTime now = clock_.utc();
  if (now < forget_at_) co_return;
  forget_at_ = now + 1h;
  const UtcTime before = now - 1min;  // what is being sent now was in time then
  store::Batch batch;
  store::bury_anybodys_deliveries(batch, before);
  store::forget_deliveries(batch, now - options_.keep_delivered, now - options_.keep_dead);
  static_cast<void>(co_await store_.write(std::move(batch)));
  const auto more = co_await store::any_overdue_delivery(store_, before);
  if (more && *more) forget_at_ = now;
}

jobs::RunnerOptions webhook_runner_options() {
  return {.name = "webhooks",
          .parallel = 16,
          .lease = milliseconds{120'000},
          .grace = milliseconds{5'000},
          .poll = milliseconds{30'000},
          .backoff = {milliseconds{10'000}, milliseconds{600'000}}};
}

}  // namespace voxanne::notify
