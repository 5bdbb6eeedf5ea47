// Webhooks and what is on its way to them.
//
//   announce(batch, …)    queues an event at each webhook that asks for it, in the batch it tells of:
//                         what was stored is told, whatever dies in between
//
//   due → (claim: a lease of the whole webhook) → its due deliveries, one after another → release
//
// A webhook is the queue's item, not a delivery: what one endpoint does not take stays in its own line.
// `claims` is the lease's version. `blocked_until` ends the lease or, after failures, a pause.
#pragma once

#include "base/ids.h"
#include "domain/call.h"
#include "store/page.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <vector>

namespace voxanne {

struct WebhookTag {
  static constexpr std::string_view prefix = "wh_";
};
struct EventTag {
  static constexpr std::string_view prefix = "evt_";
};
using WebhookId = Id<WebhookTag>;
using EventId = Id<EventTag>;

}  // namespace voxanne

namespace voxanne::store {

struct Webhook {
  static constexpr int max_per_organization = 20;

  OrgId org;
  WebhookId id;
  std::string url, description;
  std::string events;  // "call.started,message.taken"
  bool enabled = true;
  std::string secret, previous_secret;    // sealed; the previous one may be empty
  std::optional<UtcTime> previous_until;  // until then it signs too
  int failures = 0;                       // in a row
  UtcTime blocked_until{};
  std::optional<UtcTime> due_at;  // when the next delivery is tried
  std::int64_t claims = 0;
  UtcTime created_at{}, updated_at{};
};

// A conflict when the organization has max_per_organization already.
void insert_webhook(Batch& batch, const Webhook& webhook);
// What a manager may change: url, description, events, enabled, secrets. A conflict when it is not as it
// was read (`as_of`: its updated_at), or gone. A pause ends.
void update_webhook(Batch& batch, const Webhook& webhook, UtcTime as_of);
// With what waits for it.
void remove_webhook(Batch& batch, const OrgId& org, const WebhookId& id);

async::Task<Result<std::vector<Webhook>>> webhooks_of(Store& store, OrgId org);
async::Task<Result<std::optional<Webhook>>> find_webhook(Store& store, OrgId org, WebhookId id);

struct Announcement {
  OrgId org;
  std::string_view type;  // "call.ended"
  std::string data;       // a JSON object
  UtcTime at{};
  CallId call{};  // of which it tells; or empty. What else it tells of is read out of `data`: id, contactId.
};
void announce(Batch& batch, const Announcement& announcement);
// call.started and call.ended, with the Call as it is then. Test calls are told to nobody.
void announce_call(Batch& batch, std::string_view type, const domain::Call& call, UtcTime at);

// ── The queue ──────────────────────────────────────────────────────────────────────────────────

async::Task<Result<std::vector<Webhook>>> due_webhooks(Store& store, UtcTime now, int limit);
async::Task<Result<std::optional<UtcTime>>> next_webhook_due(Store& store);
// A conflict: somebody else has it now. Brings `webhook` up to date.
void claim_webhook(Batch& batch, Webhook& webhook, UtcTime lease_until);
// Gives the lease back, with failures and blocked_until as they are in `webhook` now.
void release_webhook(Batch& batch, const Webhook& webhook);
// After a restart: leases of this process's earlier life end at once.
void release_webhooks(Batch& batch, UtcTime now);

enum class DeliveryStatus { queued, delivered, dead };
std::string_view to_string(DeliveryStatus value);

struct Delivery {
  OrgId org;
  WebhookId webhook;
  EventId event;
  std::string type, payload;
  DeliveryStatus status = DeliveryStatus::queued;
  int attempts = 0;
  UtcTime next_attempt_at{}, give_up_at{};
  std::optional<UtcTime> last_attempt_at;
  std::optional<int> last_status;  // of the answer's HTTP
  std::string last_error;          // a code
  std::optional<UtcTime> finished_at;
  UtcTime created_at{};
};

inline constexpr milliseconds give_up_after{72h};          // from the first attempt
inline constexpr milliseconds untried_for_most{30 * 24h};  // for a first one

// Due ones of a webhook, oldest due time first.
async::Task<Result<std::vector<Delivery>>> due_deliveries(Store& store, const Webhook& webhook, UtcTime now,
                                                          int limit);
// What came of one attempt; a conflict where somebody else made one since. `delivery` holds its
// last_status and last_error, and next_attempt_at and give_up_at for another try.
void finish_delivery(Batch& batch, const Delivery& delivery, UtcTime at);
void retry_delivery(Batch& batch, const Delivery& delivery, UtcTime at);
// Some hundreds of a webhook's that are past their time become dead letters: for who holds its lease.
void bury_deliveries(Batch& batch, const Webhook& webhook, UtcTime now);
// The same of everybody's, enabled or not, that were so `before`: none of them is being sent any more.
void bury_anybodys_deliveries(Batch& batch, UtcTime before);
async::Task<Result<bool>> any_overdue_delivery(Store& store, UtcTime before);
// All that wait are due: the endpoint is back.
void rouse_deliveries(Batch& batch, const Webhook& webhook, UtcTime now);
// All that wait, everybody's; what is kept for a webhook that is turned off does not.
async::Task<Result<std::int64_t>> count_queued_deliveries(Store& store);
// One is due again, from the beginning, whatever became of it. A conflict if there is none.
void replay_delivery(Batch& batch, const OrgId& org, const WebhookId& webhook, const EventId& event,
                     UtcTime now);
// Delivered ones of before `delivered`, dead ones of before `dead`.
void forget_deliveries(Batch& batch, UtcTime delivered, UtcTime dead);
// What tells of a call that is erased, told or not.
void forget_deliveries_of(Batch& batch, const OrgId& org, const CallId& call);
// What tells of a contact's appointments, and of the messages that name its number: before these go.
void forget_deliveries_of_contact(Batch& batch, const OrgId& org, const ContactId& contact,
                                  const std::string& number);

namespace delivery_column {
enum : int {
  seq,
  created_at,
  org_id,
  webhook_id,
  event_id,
  type,
  payload,
  status,
  attempts,
  next_attempt_at,
  give_up_at,
  last_attempt_at,
  last_status,
  last_error,
  finished_at
};
}
Delivery delivery_from(const Row& row);
async::Task<Result<std::optional<Delivery>>> find_delivery(Store& store, OrgId org, WebhookId webhook,
                                                           EventId event);
// Newest first. `total` is null.
async::Task<Result<PageInfo>> page_of_deliveries(Store& store, OrgId org, WebhookId webhook,
                                                 PageRequest request, RowVisitor visit);

}  // namespace voxanne::store
