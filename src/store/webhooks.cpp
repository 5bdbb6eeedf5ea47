#include "store/webhooks.h"

#include "base/json_fields.h"
#include "domain/call_json.h"
#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

constexpr Statement insert{
    "webhooks.insert",
    "INSERT INTO webhooks (org_id, id, url, description, events, enabled, secret, created_at, updated_at) "
    "SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8 "
    "WHERE (SELECT count(*) FROM webhooks WHERE org_id = ?1) < ?9"};
// What is queued is due again where it is enabled (now), unless a lease runs: that looks when it ends.
constexpr Statement update{
    "webhooks.update",
    "UPDATE webhooks SET url = ?3, description = ?4, events = ?5, enabled = ?6, secret = ?7, "
    "previous_secret = ?8, previous_until = ?9, updated_at = ?10, "
    "blocked_until = CASE WHEN held = 1 THEN blocked_until ELSE 0 END, "
    "due_at = CASE WHEN ?6 = 0 THEN NULL WHEN held = 1 THEN due_at ELSE ?10 END "
    "WHERE org_id = ?1 AND id = ?2 AND updated_at = ?11"};
constexpr Statement remove{"webhooks.remove", "DELETE FROM webhooks WHERE org_id = ?1 AND id = ?2"};

#define WEBHOOK_COLUMNS                                                                                \
  "org_id, id, url, description, events, enabled, secret, previous_secret, previous_until, failures, " \
  "blocked_until, due_at, claims, created_at, updated_at"

constexpr Statement one{"webhooks.one",
                        "SELECT " WEBHOOK_COLUMNS " FROM webhooks WHERE org_id = ?1 AND id = ?2"};
constexpr Statement of_org{"webhooks.of_org",
                           "SELECT " WEBHOOK_COLUMNS " FROM webhooks WHERE org_id = ?1 ORDER BY id"};
constexpr Statement due{
    "webhooks.due", "SELECT " WEBHOOK_COLUMNS " FROM webhooks WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2"};
constexpr Statement next_due{"webhooks.next_due",
                             "SELECT due_at FROM webhooks WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1"};

#define ASKS_FOR_IT "w.org_id = ?1 AND w.enabled = 1 AND w.events LIKE '%,' || ?3 || ',%'"

constexpr Statement fan_out{
    "webhook_deliveries.fan_out",
    "INSERT INTO webhook_deliveries (org_id, webhook_id, event_id, type, call_id, payload, status, "
    "next_attempt_at, give_up_at, created_at) "
    "SELECT w.org_id, w.id, ?2, ?3, ?4, ?5, 'queued', ?6, ?7, ?6 FROM webhooks w WHERE " ASKS_FOR_IT};
constexpr Statement make_due{
    "webhooks.make_due",
    "UPDATE webhooks AS w SET due_at = CASE WHEN w.blocked_until > ?2 THEN w.blocked_until ELSE ?2 END "
    "WHERE " ASKS_FOR_IT " AND (w.due_at IS NULL OR w.due_at > ?2)"};

constexpr Statement claim{
    "webhooks.claim",
    "UPDATE webhooks SET claims = claims + 1, held = 1, blocked_until = ?4, due_at = ?4 "
    "WHERE org_id = ?1 AND id = ?2 AND claims = ?3 AND enabled = 1"};
constexpr Statement release{
    "webhooks.release",
    "UPDATE webhooks SET held = 0, failures = ?4, blocked_until = ?5, "
    "due_at = CASE WHEN enabled = 0 THEN NULL ELSE ("
    "SELECT CASE WHEN d.next_attempt_at > ?5 THEN d.next_attempt_at ELSE ?5 END FROM webhook_deliveries d "
    "WHERE d.org_id = ?1 AND d.webhook_id = ?2 AND d.status = 'queued' ORDER BY d.next_attempt_at LIMIT 1) "
    "END WHERE org_id = ?1 AND id = ?2 AND claims = ?3"};
constexpr Statement release_all{"webhooks.release_all",
                                "UPDATE webhooks SET held = 0, blocked_until = 0, due_at = ?1 "
                                "WHERE due_at IS NOT NULL AND held = 1"};

std::string in_commas(const std::string& events) { return "," + events + ","; }

Webhook webhook_from(const Row& row) {
  Webhook webhook;
  webhook.org = id_from<OrgTag>(row, 0);
  webhook.id = id_from<WebhookTag>(row, 1);
  webhook.url = row.str(2);
  webhook.description = row.str(3);
  const auto events = row.text(4);
  if (events.size() > 2) webhook.events = events.substr(1, events.size() - 2);
  webhook.enabled = row.integer(5) != 0;
  webhook.secret = row.str(6);
  webhook.previous_secret = row.str(7);
  webhook.previous_until = row.time(8);
  webhook.failures = static_cast<int>(row.integer(9));
  webhook.blocked_until = from_unix_ms(row.integer(10));
  webhook.due_at = row.time(11);
  webhook.claims = row.integer(12);
  webhook.created_at = from_unix_ms(row.integer(13));
  webhook.updated_at = from_unix_ms(row.integer(14));
  return webhook;
}

}  // namespace

void insert_webhook(Batch& batch, const Webhook& webhook) {
  batch.add(insert,
            {bound(webhook.org), bound(webhook.id), webhook.url, webhook.description,
             in_commas(webhook.events), bound(webhook.enabled), webhook.secret, bound(webhook.created_at),
             bound(Webhook::max_per_organization)},
            1);
}

void update_webhook(Batch& batch, const Webhook& webhook, UtcTime as_of) {
  batch.add(update,
            {bound(webhook.org), bound(webhook.id), webhook.url, webhook.description,
             in_commas(webhook.events), bound(webhook.enabled), webhook.secret, webhook.previous_secret,
             bound(webhook.previous_until), bound(webhook.updated_at), bound(as_of)},
            1);
}

void remove_webhook(Batch& batch, const OrgId& org, const WebhookId& id) {
  batch.add(remove, {bound(org), bound(id)}, 1);
}

async::Task<Result<std::vector<Webhook>>> webhooks_of(Store& store, OrgId org) {
  return find_all(store, of_org, {bound(org)}, webhook_from);
}

async::Task<Result<std::optional<Webhook>>> find_webhook(Store& store, OrgId org, WebhookId id) {
  return find_one(store, one, {bound(org), bound(id)}, webhook_from);
}

void announce(Batch& batch, const Announcement& announcement) {
  const auto event = EventId::make();
  std::string payload;
  append_string(payload, R"({"id":)", event.str());
  append_string(payload, R"(,"type":)", announcement.type);
  append_time(payload, R"(,"timestamp":)", announcement.at);
  payload.append(R"(,"data":)").append(announcement.data).push_back('}');
  batch.add(fan_out,
            {bound(announcement.org), bound(event), bound(announcement.type), bound(announcement.call),
             std::move(payload), bound(announcement.at), bound(announcement.at + untried_for_most)});
  batch.add(make_due, {bound(announcement.org), bound(announcement.at), bound(announcement.type)});
}

void announce_call(Batch& batch, std::string_view type, const domain::Call& call, UtcTime at) {
  if (call.is_test) return;
  std::string data;
  domain::append_call(data, call);
  announce(batch, {.org = call.org, .type = type, .data = std::move(data), .at = at, .call = call.id});
}

async::Task<Result<std::vector<Webhook>>> due_webhooks(Store& store, UtcTime now, int limit) {
  return find_all(store, due, {bound(now), bound(limit)}, webhook_from);
}

async::Task<Result<std::optional<UtcTime>>> next_webhook_due(Store& store) {
  std::optional<UtcTime> next;
  const auto read = co_await store.read(next_due, {}, [&](const Row& row) { next = row.time(0); });
  if (!read) co_return read.error();
  co_return next;
}

void claim_webhook(Batch& batch, Webhook& webhook, UtcTime lease_until) {
  batch.add(claim, {bound(webhook.org), bound(webhook.id), webhook.claims, bound(lease_until)}, 1);
  ++webhook.claims;
}

void release_webhook(Batch& batch, const Webhook& webhook) {
  batch.add(release,
            {bound(webhook.org), bound(webhook.id), webhook.claims, bound(webhook.failures),
             bound(webhook.blocked_until)},
            1);
}

void release_webhooks(Batch& batch, UtcTime now) { batch.add(release_all, {bound(now)}); }

std::span<const Statement* const> webhook_statements() {
  static constexpr const Statement* all[] = {&insert,   &update,  &remove,   &one,   &of_org,  &due,
                                             &next_due, &fan_out, &make_due, &claim, &release, &release_all};
  return all;
}

}  // namespace voxanne::store
