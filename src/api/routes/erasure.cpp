// DELETE /api/calls/:callId.
#include "api/routes/erasure.h"
#include "api/routes/endpoints.h"
#include "base/json_fields.h"
#include "base/log.h"

namespace voxanne::api {

net::Response receipt_answer(const housekeeping::Receipt& receipt) {
  const auto& erasure = receipt.erasure;
  std::string out;
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
  return net::Response::json(erasure.finished_at ? 200 : 202, std::move(out));
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
