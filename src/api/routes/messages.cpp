// /api/messages: what callers left for the organization, and who has dealt with it.
#include "store/messages.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"
#include "domain/records_json.h"

namespace voxanne::api {
namespace {

Error no_such_message() {
  return not_found("message_not_found", "there is no message of this id; GET /api/messages lists them");
}

}  // namespace

Answer list_messages(Services& services, Context& context) {
  const auto request = page_request(context.request.query);
  if (!request) co_return request.error();
  std::string out = R"({"messages":[)";
  const auto page = co_await store::page_of_messages(services.store, context.identity.org, *request,
                                                     [&](const store::Row& row) {
                                                       if (out.back() != '[') out.push_back(',');
                                                       domain::append_message(out, store::message_from(row));
                                                     });
  if (!page) co_return page.error();
  out.append("],");
  append_pagination(out, *request, *page);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer get_message(Services& services, Context& context) {
  const auto found = co_await store::find_message(services.store, context.identity.org,
                                                  MessageId{context.param("messageId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_message();
  std::string out;
  domain::append_message(out, **found);
  co_return net::Response::json(200, std::move(out));
}

Answer update_message(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  if (!body->json().contains("handledBy"))
    co_return malformed("missing_field", "handledBy is missing: who has dealt with it, or null for nobody");
  auto handled_by = body->optional_text("handledBy", {.min = 0, .max = 200});
  if (!handled_by) co_return handled_by.error();
  const auto found = co_await store::find_message(services.store, context.identity.org,
                                                  MessageId{context.param("messageId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_message();
  store::Batch batch;
  store::set_message_handled(batch, (*found)->org, (*found)->id, handled_by->value_or(""),
                             services.clock.utc());
  if (const auto written = co_await services.store.write(std::move(batch)); !written)
    co_return written.error();
  co_return co_await get_message(services, context);
}

}  // namespace voxanne::api
