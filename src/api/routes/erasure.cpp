// DELETE /api/calls/:callId, and /api/erasures: the receipts, which tell whether what followed is done.
#include "api/routes/erasure.h"
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "housekeeping/eraser.h"

namespace voxanne::api {
namespace {

void append_receipt(std::string& out, const store::Receipt& receipt) {
  const auto& erasure = receipt.erasure;
  append_string(out, R"({"id":)", erasure.id);
  append_string(out, R"(,"orgId":)", erasure.org.str());
  append_string(out, R"(,"subject":)", erasure.subject);
  append_string(out, R"(,"requestedBy":)", erasure.requested_by);
  append_time(out, R"(,"requestedAt":)", erasure.requested_at);
  append_time(out, R"(,"finishedAt":)", erasure.finished_at);
  out.append(R"(,"removed":)").append(erasure.removed);
  out += R"(,"pending":[)";
  for (const auto& [done, what] :
       {std::pair{receipt.rows_removed, R"("records")"}, std::pair{receipt.files_removed, R"("recordings")"},
        std::pair{receipt.search_merged, R"("search")"}}) {
    if (done) continue;
    if (out.back() != '[') out.push_back(',');
    out += what;
  }
  out += "]}";
}

}  // namespace

net::Response receipt_answer(const store::Receipt& receipt) {
  std::string out;
  append_receipt(out, receipt);
  return net::Response::json(receipt.erasure.finished_at ? 200 : 202, std::move(out));
}

Answer list_erasures(Services& services, Context& context) {
  const auto request = key_page(context.request.query);
  if (!request) co_return request.error();
  const auto receipts = co_await store::page_of_receipts(services.store, context.identity.org, *request);
  if (!receipts) co_return receipts.error();
  std::string out = R"({"erasures":[)";
  for (const auto& receipt : receipts->items) {
    if (out.back() != '[') out.push_back(',');
    append_receipt(out, receipt);
  }
  out.append("],");
  append_pagination(out, *request, receipts->next);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer get_erasure(Services& services, Context& context) {
  const auto receipt = co_await store::find_receipt(services.store, context.identity.org,
                                                    std::string{context.param("erasureId")});
  if (!receipt) co_return receipt.error();
  if (!*receipt)
    co_return not_found("erasure_not_found", "there is no erasure of this id; GET /api/erasures lists them");
  std::string out;
  append_receipt(out, **receipt);
  co_return net::Response::json(200, std::move(out));
}

Answer erase_call(Services& services, Context& context) {
  if (!services.eraser) co_return not_found("no_erasure", "this server erases nothing");
  const CallId call{context.param("callId")};
  const auto receipt =
      co_await services.eraser->erase_call(context.identity.org, call, context.identity.subject);
  if (!receipt) co_return receipt.error();
  log::info("call.erased", {{"requestId", context.ids.request_id},
                            {"traceId", context.ids.trace.trace_id()},
                            {"orgId", context.identity.org.str()},
                            {"callId", call.str()},
                            {"erasureId", receipt->erasure.id}});
  co_return receipt_answer(*receipt);
}

}  // namespace voxanne::api
