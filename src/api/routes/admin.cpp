// /api/admin: what concerns the whole server, for whoever holds OPERATOR_TOKEN.
#include "api/access/accounts.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "base/json_fields.h"
#include "base/log.h"

namespace voxanne::api {

Answer create_organization(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto name = body->text("name", {.min = 1, .max = 200});
  if (!name) co_return name.error();
  auto email = body->text("ownerEmail", {.min = 3, .max = 254});
  if (!email) co_return email.error();
  const auto founded = co_await services.accounts.found_organization(std::move(*name), std::move(*email));
  if (!founded) co_return founded.error();
  log::info("organization.created", {{"requestId", context.request_id},
                                     {"traceId", context.trace.trace_id()},
                                     {"orgId", founded->org.str()},
                                     {"by", "operator"}});
  std::string out;
  append_string(out, R"({"orgId":)", founded->org.str());
  append_string(out, R"(,"ownerId":)", founded->owner.str());
  append_text(out, R"(,"password":)", founded->password ? founded->password->reveal() : "");
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

}  // namespace voxanne::api
