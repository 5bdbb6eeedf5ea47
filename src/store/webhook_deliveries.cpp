#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"
#include "store/webhooks.h"

namespace voxanne::store {
namespace {

#define DELIVERY_COLUMNS                                                                              \
  "seq, created_at, org_id, webhook_id, event_id, type, payload, status, attempts, next_attempt_at, " \
  "give_up_at, last_attempt_at, last_status, last_error, finished_at"
#define THIS_ONE "org_id = ?1 AND webhook_id = ?2 AND event_id = ?3"
#define QUEUED_OF_IT "org_id = ?1 AND webhook_id = ?2 AND status = 'queued'"

constexpr Statement due{"webhook_deliveries.due",
                        "SELECT " DELIVERY_COLUMNS " FROM webhook_deliveries WHERE " QUEUED_OF_IT
                        " AND next_attempt_at <= ?3 ORDER BY next_attempt_at LIMIT ?4"};
constexpr Statement finish{"webhook_deliveries.finish",
                           "UPDATE webhook_deliveries SET status = 'delivered', attempts = attempts + 1, "
                           "last_attempt_at = ?5, last_status = ?6, last_error = '', finished_at = ?5 "
                           "WHERE " THIS_ONE " AND attempts = ?4 AND status = 'queued'"};
constexpr Statement retry{"webhook_deliveries.retry",
                          "UPDATE webhook_deliveries SET attempts = attempts + 1, last_attempt_at = ?5, "
                          "last_status = ?6, last_error = ?7, next_attempt_at = ?8, give_up_at = ?9 "
                          "WHERE " THIS_ONE " AND attempts = ?4 AND status = 'queued'"};
#define OVERDUE "status = 'queued' AND give_up_at <= ?1"
#define BURY                                                                      \
  "UPDATE webhook_deliveries SET status = 'dead', finished_at = ?1 WHERE seq IN " \
  "(SELECT seq FROM webhook_deliveries WHERE " OVERDUE
constexpr Statement bury{"webhook_deliveries.bury",
                         BURY " AND org_id = ?3 AND webhook_id = ?4 ORDER BY next_attempt_at LIMIT ?2)"};
constexpr Statement bury_anybodys{"webhook_deliveries.bury_anybodys", BURY " ORDER BY give_up_at LIMIT ?2)"};
constexpr Statement any_overdue{"webhook_deliveries.any_overdue",
                                "SELECT 1 FROM webhook_deliveries WHERE " OVERDUE " LIMIT 1"};
constexpr int buried_at_a_time = 500;
constexpr Statement rouse{"webhook_deliveries.rouse",
                          "UPDATE webhook_deliveries SET next_attempt_at = ?3 "
                          "WHERE " QUEUED_OF_IT " AND next_attempt_at > ?3"};
// Every organization's: the index begins with it.
constexpr Statement count_queued{
    "webhook_deliveries.count_queued",
    "SELECT count(*) FROM webhooks w CROSS JOIN webhook_deliveries d ON d.org_id = w.org_id "
    "AND d.webhook_id = w.id AND d.status = 'queued' WHERE w.org_id > '' AND w.enabled = 1",
    Cost::heavy};
constexpr Statement replay{
    "webhook_deliveries.replay",
    "UPDATE webhook_deliveries SET status = 'queued', attempts = CASE WHEN status = 'queued' THEN attempts "
    "ELSE 0 END, next_attempt_at = ?4, give_up_at = ?5, finished_at = NULL WHERE " THIS_ONE};
constexpr Statement rouse_webhook{
    "webhooks.rouse",
    "UPDATE webhooks SET blocked_until = CASE WHEN held = 1 THEN blocked_until ELSE 0 END, "
    "due_at = CASE WHEN enabled = 0 THEN NULL WHEN held = 1 THEN due_at ELSE ?3 END "
    "WHERE org_id = ?1 AND id = ?2"};
constexpr Statement forget_delivered{"webhook_deliveries.forget_delivered",
                                     "DELETE FROM webhook_deliveries WHERE finished_at IS NOT NULL AND "
                                     "finished_at < ?1 AND status = 'delivered'"};
constexpr Statement forget_dead{
    "webhook_deliveries.forget_dead",
    "DELETE FROM webhook_deliveries WHERE finished_at IS NOT NULL AND finished_at < ?1"};
constexpr Statement forget_call{
    "webhook_deliveries.forget_call",
    "DELETE FROM webhook_deliveries WHERE org_id = ?1 AND call_id = ?2 AND call_id <> ''"};
constexpr Statement forget_contact{
    "webhook_deliveries.forget_contact",
    "DELETE FROM webhook_deliveries WHERE org_id = ?1 AND contact_id = ?2 AND contact_id <> ''"};
constexpr Statement forget_appointments{
    "webhook_deliveries.forget_appointments",
    "DELETE FROM webhook_deliveries WHERE org_id = ?1 AND subject_id IN "
    "(SELECT id FROM appointments WHERE org_id = ?1 AND contact_id = ?2 AND contact_id <> '')"};
constexpr Statement forget_messages{
    "webhook_deliveries.forget_messages",
    "DELETE FROM webhook_deliveries WHERE org_id = ?1 AND subject_id IN "
    "(SELECT id FROM messages WHERE org_id = ?1 AND number = ?2 AND number <> '')"};
constexpr Statement one{"webhook_deliveries.one",
                        "SELECT " DELIVERY_COLUMNS " FROM webhook_deliveries WHERE " THIS_ONE};
constexpr Statement newest{"webhook_deliveries.page",
                           "SELECT " DELIVERY_COLUMNS
                           " FROM webhook_deliveries WHERE org_id = ?5 AND webhook_id = ?6 AND "
                           "(created_at, seq) < (?1, ?2) "
                           "ORDER BY created_at DESC, seq DESC LIMIT ?3 OFFSET ?4"};

DeliveryStatus status_from(std::string_view word) {
  if (word == "delivered") return DeliveryStatus::delivered;
  return word == "dead" ? DeliveryStatus::dead : DeliveryStatus::queued;
}

std::int64_t count_from(const Row& row) { return row.integer(0); }

}  // namespace

std::string_view to_string(DeliveryStatus value) {
  switch (value) {
    case DeliveryStatus::delivered:
      return "delivered";
    case DeliveryStatus::dead:
      return "dead";
    case DeliveryStatus::queued:
      break;
  }
  return "queued";
}

Delivery delivery_from(const Row& row) {
  using namespace delivery_column;
  Delivery delivery;
  delivery.org = id_from<OrgTag>(row, org_id);
  delivery.webhook = id_from<WebhookTag>(row, webhook_id);
  delivery.event = id_from<EventTag>(row, event_id);
  delivery.type = row.str(type);
  delivery.payload = row.str(payload);
  delivery.status = status_from(row.text(status));
  delivery.attempts = static_cast<int>(row.integer(attempts));
  delivery.next_attempt_at = from_unix_ms(row.integer(next_attempt_at));
  delivery.give_up_at = from_unix_ms(row.integer(give_up_at));
  delivery.last_attempt_at = row.time(last_attempt_at);
  delivery.last_status = int_from(row, last_status);
  delivery.last_error = row.str(last_error);
  delivery.finished_at = row.time(finished_at);
  delivery.created_at = from_unix_ms(row.integer(created_at));
  return delivery;
}

async::Task<Result<std::vector<Delivery>>> due_deliveries(Store& store, const Webhook& webhook, UtcTime now,
                                                          int limit) {
  return find_all(store, due, {bound(webhook.org), bound(webhook.id), bound(now), bound(limit)},
                  delivery_from);
}

void finish_delivery(Batch& batch, const Delivery& delivery, UtcTime at) {
  batch.add(finish,
            {bound(delivery.org), bound(delivery.webhook), bound(delivery.event), bound(delivery.attempts),
             bound(at), bound(delivery.last_status)},
            1);
}

void retry_delivery(Batch& batch, const Delivery& delivery, UtcTime at) {
  batch.add(retry,
            {bound(delivery.org), bound(delivery.webhook), bound(delivery.event), bound(delivery.attempts),
             bound(at), bound(delivery.last_status), delivery.last_error, bound(delivery.next_attempt_at),
             bound(delivery.give_up_at)},
            1);
}

void bury_deliveries(Batch& batch, const Webhook& webhook, UtcTime now) {
  batch.add(bury, {bound(now), bound(buried_at_a_time), bound(webhook.org), bound(webhook.id)});
}

void bury_anybodys_deliveries(Batch& batch, UtcTime before) {
  batch.add(bury_anybodys, {bound(before), bound(buried_at_a_time)});
}

async::Task<Result<bool>> any_overdue_delivery(Store& store, UtcTime before) {
  const auto found = co_await find_one(store, any_overdue, {bound(before)}, count_from);
  if (!found) co_return found.error();
  co_return found->has_value();
}

void rouse_deliveries(Batch& batch, const Webhook& webhook, UtcTime now) {
  batch.add(rouse, {bound(webhook.org), bound(webhook.id), bound(now)});
}

async::Task<Result<std::int64_t>> count_queued_deliveries(Store& store) {
  const auto found = co_await find_one(store, count_queued, {}, count_from);
  if (!found) co_return found.error();
  co_return found->value_or(0);
}

void replay_delivery(Batch& batch, const OrgId& org, const WebhookId& webhook, const EventId& event,
                     UtcTime now) {
  batch.add(replay, {bound(org), bound(webhook), bound(event), bound(now), bound(now + give_up_after)}, 1);
  batch.add(rouse_webhook, {bound(org), bound(webhook), bound(now)}, 1);
}

void forget_deliveries(Batch& batch, UtcTime delivered, UtcTime dead) {
  batch.add(forget_delivered, {bound(delivered)});
  batch.add(forget_dead, {bound(dead)});
}

void forget_deliveries_of(Batch& batch, const OrgId& org, const CallId& call) {
  batch.add(forget_call, {bound(org), bound(call)});
}

void forget_deliveries_of_contact(Batch& batch, const OrgId& org, const ContactId& contact,
                                  const std::string& number) {
  for (const Statement* step : {&forget_contact, &forget_appointments})
    batch.add(*step, {bound(org), bound(contact)});
  batch.add(forget_messages, {bound(org), number});
}

async::Task<Result<std::optional<Delivery>>> find_delivery(Store& store, OrgId org, WebhookId webhook,
                                                           EventId event) {
  return find_one(store, one, {bound(org), bound(webhook), bound(event)}, delivery_from);
}

async::Task<Result<PageInfo>> page_of_deliveries(Store& store, OrgId org, WebhookId webhook,
                                                 PageRequest request, RowVisitor visit) {
  return read_page(store, newest, {bound(org), bound(webhook)}, request, start_of(request), std::move(visit));
}

std::span<const Statement* const> delivery_statements() {
  static constexpr const Statement* all[] = {&due,
                                             &finish,
                                             &retry,
                                             &bury,
                                             &bury_anybodys,
                                             &any_overdue,
                                             &rouse,
                                             &rouse_webhook,
                                             &replay,
                                             &forget_delivered,
                                             &forget_dead,
                                             &forget_call,
                                             &forget_contact,
                                             &forget_appointments,
                                             &forget_messages,
                                             &one,
                                             &newest,
                                             &count_queued};
  return all;
}

}  // namespace voxanne::store
