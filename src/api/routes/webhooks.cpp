// /api/webhooks: where the organization wants to be told what happens. A secret is shown once, when it is
// made; what was and was not delivered can be read, and sent again.
#include "store/webhooks.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "base/seal.h"
#include "notify/signature.h"
#include "notify/targets.h"

#include <algorithm>
#include <array>

namespace voxanne::api {
namespace {

constexpr std::array<std::string_view, 6> event_types{"call.started",        "call.ended",
                                                      "message.taken",       "appointment.created",
                                                      "appointment.updated", "appointment.cancelled"};

Error no_such_webhook() {
  return not_found("webhook_not_found", "there is no webhook of this id; GET /api/webhooks lists them");
}

Error bad_events() {
  return malformed("invalid_field",
                   "events must be a list of some of call.started, call.ended, message.taken, "
                   "appointment.created, appointment.updated, appointment.cancelled");
}

void append_webhook(std::string& out, const store::Webhook& webhook, const Secret& secret = {}) {
  append_string(out, R"({"id":)", webhook.id.str());
  append_string(out, R"(,"orgId":)", webhook.org.str());
  append_string(out, R"(,"url":)", webhook.url);
  append_string(out, R"(,"description":)", webhook.description);
  out.append(R"(,"events":[)");
  for (const auto type : event_types) {
    if (("," + webhook.events + ",").find("," + std::string{type} + ",") == std::string::npos) continue;
    if (out.back() != '[') out.push_back(',');
    append_json_string(out, type);
  }
  append_flag(out, R"(],"enabled":)", webhook.enabled);
  append_int(out, R"(,"failures":)", webhook.failures);
  append_time(out, R"(,"nextAttemptAt":)", webhook.due_at);
  append_time(out, R"(,"previousSecretUntil":)", webhook.previous_until);
  append_time(out, R"(,"createdAt":)", webhook.created_at);
  append_time(out, R"(,"updatedAt":)", webhook.updated_at);
  if (!secret.empty()) append_string(out, R"(,"secret":)", secret.reveal());
  out.push_back('}');
}

net::Response answer(const store::Webhook& webhook, const Secret& secret = {}) {
  std::string out;
  append_webhook(out, webhook, secret);
  return net::Response::json(200, std::move(out));
}

Result<std::string> events_in(const JsonBody& body) {
  const auto* value = body.json().if_contains("events");
  const auto* list = value ? value->if_array() : nullptr;
  if (!list || list->empty()) return bad_events();
  std::string out;
  for (const auto type : event_types) {
    const auto is_it = [&](const auto& item) {
      return item.is_string() && std::string_view{item.get_string()} == type;
    };
    if (std::ranges::none_of(*list, is_it)) continue;
    out.append(out.empty() ? "" : ",").append(type);
  }
  for (const auto& item : *list)
    if (!item.is_string() ||
        std::ranges::find(event_types, std::string_view{item.get_string()}) == event_types.end())
      return bad_events();
  return out;
}

Result<store::Webhook> changed(const Services& services, store::Webhook webhook, const JsonBody& body,
                               bool complete) {
  if (complete || body.json().contains("url")) {
    auto url = body.text("url", {.max = 2'048});
    if (!url) return url.error();
    if (const auto allowed = services.webhook_targets.check(*url); !allowed) return allowed.error();
    webhook.url = std::move(*url);
  }
  if (complete || body.json().contains("events")) {
    auto events = events_in(body);
    if (!events) return events.error();
    webhook.events = std::move(*events);
  }
  if (body.json().contains("description")) {
    auto description = body.text("description", {.min = 0, .max = 200});
    if (!description) return description.error();
    webhook.description = std::move(*description);
  }
  const auto enabled = body.boolean("enabled", webhook.enabled);
  if (!enabled) return enabled.error();
  webhook.enabled = *enabled;
  return webhook;
}

async::Task<Result<>> keep(Services& services, store::Webhook webhook, UtcTime as_of) {
  store::Batch batch;
  store::update_webhook(batch, webhook, as_of);
  const auto written = co_await services.store.write(std::move(batch));
  if (!written && written.error().kind == Fault::conflict) {
    const auto now = co_await store::find_webhook(services.store, webhook.org, webhook.id);
    if (!now) co_return now.error();
    co_return *now ? changed_meanwhile() : no_such_webhook();
  }
  if (written) services.outward_queued();
  co_return written;
}

UtcTime later_than(const Services& services, const store::Webhook& webhook) {
  return std::max(services.clock.utc(), webhook.updated_at + milliseconds{1});
}

}  // namespace

Answer list_webhooks(Services& services, Context& context) {
  const auto all = co_await store::webhooks_of(services.store, context.identity.org);
  if (!all) co_return all.error();
  std::string out = R"({"webhooks":[)";
  for (const auto& webhook : *all) {
    if (out.back() != '[') out.push_back(',');
    append_webhook(out, webhook);
  }
  out.append("]}");
  co_return net::Response::json(200, std::move(out));
}

Answer create_webhook(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  store::Webhook fresh;
  fresh.id = WebhookId::make();
  fresh.org = context.identity.org;
  fresh.created_at = fresh.updated_at = services.clock.utc();
  auto webhook = changed(services, std::move(fresh), *body, true);
  if (!webhook) co_return webhook.error();
  const Secret secret = notify::make_webhook_secret();
  webhook->secret = services.seal.close(secret.reveal());
  store::Batch batch;
  store::insert_webhook(batch, *webhook);
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    co_return Error{Fault::conflict, "too_many_webhooks",
                    "an organization has at most " + std::to_string(store::Webhook::max_per_organization) +
                        " webhooks; delete one first"};
  }
  log::info("webhooks.created", {{"requestId", context.ids.request_id},
                                 {"traceId", context.ids.trace.trace_id()},
                                 {"orgId", context.identity.org.str()},
                                 {"by", context.identity.subject},
                                 {"webhookId", webhook->id.str()}});
  co_return answer(*webhook, secret);
}

Answer get_webhook(Services& services, Context& context) {
  const auto found = co_await store::find_webhook(services.store, context.identity.org,
                                                  WebhookId{context.param("webhookId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_webhook();
  co_return answer(**found);
}

Answer update_webhook(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  const auto found = co_await store::find_webhook(services.store, context.identity.org,
                                                  WebhookId{context.param("webhookId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_webhook();
  auto webhook = changed(services, **found, *body, false);
  if (!webhook) co_return webhook.error();
  webhook->updated_at = later_than(services, **found);
  if (const auto kept = co_await keep(services, *webhook, (*found)->updated_at); !kept)
    co_return kept.error();
  co_return co_await get_webhook(services, context);
}

Answer remove_webhook(Services& services, Context& context) {
  store::Batch batch;
  store::remove_webhook(batch, context.identity.org, WebhookId{context.param("webhookId")});
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind == Fault::conflict) co_return no_such_webhook();
    co_return written.error();
  }
  co_return net::Response::empty();
}

// The secret before stays good beside the new one, so that receivers can change over.
Answer rotate_webhook_secret(Services& services, Context& context) {
  const auto body = context.request.body.empty() ? JsonBody::parse(std::string_view{"{}"})
                                                 : JsonBody::parse(context.request);
  if (!body) co_return body.error();
  const auto hours = body->integer("overlapHours", 0, 7 * 24, 24);
  if (!hours) co_return hours.error();
  const auto found = co_await store::find_webhook(services.store, context.identity.org,
                                                  WebhookId{context.param("webhookId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_webhook();
  const Secret secret = notify::make_webhook_secret();
  store::Webhook webhook = **found;
  webhook.updated_at = later_than(services, webhook);
  webhook.previous_secret = *hours > 0 ? webhook.secret : "";
  webhook.previous_until =
      *hours > 0 ? std::optional{webhook.updated_at + std::chrono::hours{*hours}} : std::nullopt;
  webhook.secret = services.seal.close(secret.reveal());
  if (const auto kept = co_await keep(services, webhook, (*found)->updated_at); !kept) co_return kept.error();
  log::info("webhooks.secret_rotated", {{"requestId", context.ids.request_id},
                                        {"traceId", context.ids.trace.trace_id()},
                                        {"orgId", context.identity.org.str()},
                                        {"by", context.identity.subject},
                                        {"webhookId", webhook.id.str()}});
  co_return answer(webhook, secret);
}

namespace {

void append_delivery(std::string& out, const store::Delivery& delivery) {
  append_string(out, R"({"id":)", delivery.event.str());
  append_string(out, R"(,"webhookId":)", delivery.webhook.str());
  append_string(out, R"(,"type":)", delivery.type);
  append_string(out, R"(,"status":)", to_string(delivery.status));
  append_int(out, R"(,"attempts":)", delivery.attempts);
  const bool waits = delivery.status == store::DeliveryStatus::queued;
  append_time(out, R"(,"nextAttemptAt":)", waits ? std::optional{delivery.next_attempt_at} : std::nullopt);
  append_time(out, R"(,"lastAttemptAt":)", delivery.last_attempt_at);
  append_int(out, R"(,"lastStatus":)", delivery.last_status);
  append_text(out, R"(,"lastError":)", delivery.last_error);
  append_time(out, R"(,"finishedAt":)", delivery.finished_at);
  append_time(out, R"(,"createdAt":)", delivery.created_at);
  out.append(R"(,"payload":)").append(delivery.payload).push_back('}');
}

}  // namespace

Answer list_webhook_deliveries(Services& services, Context& context) {
  const auto request = page_request(context.request.query);
  if (!request) co_return request.error();
  const WebhookId id{context.param("webhookId")};
  const auto found = co_await store::find_webhook(services.store, context.identity.org, id);
  if (!found) co_return found.error();
  if (!*found) co_return no_such_webhook();
  std::string out = R"({"deliveries":[)";
  const auto page = co_await store::page_of_deliveries(services.store, context.identity.org, id, *request,
                                                       [&](const store::Row& row) {
                                                         if (out.back() != '[') out.push_back(',');
                                                         append_delivery(out, store::delivery_from(row));
                                                       });
  if (!page) co_return page.error();
  out.append("],");
  append_pagination(out, *request, *page);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

// Under the same id and with the same payload, whatever became of it before.
Answer replay_webhook_delivery(Services& services, Context& context) {
  const OrgId org = context.identity.org;
  const WebhookId webhook{context.param("webhookId")};
  const EventId event{context.param("deliveryId")};
  store::Batch batch;
  store::replay_delivery(batch, org, webhook, event, services.clock.utc());
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    co_return not_found(
        "delivery_not_found",
        "there is no delivery of this id; GET /api/webhooks/:webhookId/deliveries lists them");
  }
  services.outward_queued();
  const auto found = co_await store::find_delivery(services.store, org, webhook, event);
  if (!found) co_return found.error();
  if (!*found) co_return not_found("delivery_not_found", "the delivery has been deleted meanwhile");
  std::string out;
  append_delivery(out, **found);
  co_return net::Response::json(200, std::move(out));
}

}  // namespace voxanne::api
