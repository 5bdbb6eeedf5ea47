// /api/api-keys: keys of machines. A key is shown once, in the answer that makes it; afterwards it is
// known by its name and last characters.
#include "store/api_keys.h"
#include "api/access/credentials.h"
#include "api/json_body.h"
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"
#include "base/json_fields.h"
#include "base/log.h"

namespace voxanne::api {
namespace {

Error no_such_key() {
  return not_found("api_key_not_found", "there is no API key of this id; GET /api/api-keys lists them");
}

std::string time_or_empty(const std::optional<UtcTime>& time) { return time ? to_rfc3339(*time) : ""; }

// Without the closing brace.
void append_key(std::string& out, const store::ApiKey& key) {
  append_string(out, R"({"id":)", key.id.str());
  append_string(out, R"(,"name":)", key.name);
  append_string(out, R"(,"hint":)", key.hint);
  out.append(R"(,"scopes":[)");
  std::string_view scopes = key.scopes;
  while (!scopes.empty()) {
    const auto comma = std::min(scopes.find(','), scopes.size());
    append_string(out, out.back() == '[' ? "" : ",", scopes.substr(0, comma));
    scopes.remove_prefix(std::min(comma + 1, scopes.size()));
  }
  out.push_back(']');
  append_text(out, R"(,"createdBy":)", key.created_by);
  append_string(out, R"(,"createdAt":)", to_rfc3339(key.created_at));
  append_text(out, R"(,"expiresAt":)", time_or_empty(key.expires_at));
  append_text(out, R"(,"lastUsedAt":)", time_or_empty(key.last_used_at));
}

Result<Scopes> scopes_of(const JsonBody& body) {
  const Error wrong = malformed("invalid_field", "scopes must be a list of read, write, calls; at least one");
  const auto* value = body.json().if_contains("scopes");
  if (!value || !value->is_array()) return wrong;
  Scopes scopes;
  for (const auto& one : value->get_array()) {
    const auto scope =
        one.is_string() ? parse_scope({one.get_string().data(), one.get_string().size()}) : std::nullopt;
    if (!scope) return wrong;
    scopes.add(*scope);
  }
  if (scopes.empty()) return wrong;
  return scopes;
}

}  // namespace

Answer list_api_keys(Services& services, Context& context) {
  const auto request = key_page(context.request.query);
  if (!request) co_return request.error();
  const auto keys = co_await store::page_of_api_keys(services.store, context.identity.org, *request);
  if (!keys) co_return keys.error();
  std::string out = R"({"apiKeys":[)";
  for (const auto& key : keys->items) {
    if (out.back() != '[') out.push_back(',');
    append_key(out, key);
    out.push_back('}');
  }
  out.append("],");
  append_pagination(out, *request, keys->next);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer create_api_key(Services& services, Context& context) {
  const auto body = JsonBody::parse(context.request);
  if (!body) co_return body.error();
  auto name = body->text("name", {.min = 1, .max = 200});
  if (!name) co_return name.error();
  const auto scopes = scopes_of(*body);
  if (!scopes) co_return scopes.error();
  const auto expires = body->optional_text("expiresAt", {.min = 1, .max = 40});
  if (!expires) co_return expires.error();
  const auto now = services.clock.utc();
  std::optional<UtcTime> expires_at;
  if (*expires) {
    expires_at = parse_rfc3339(**expires);
    if (!expires_at || *expires_at <= now)
      co_return malformed("invalid_field",
                          "expiresAt must be an RFC 3339 time in the future, such as 2027-01-31T00:00:00Z");
  }
  const Secret secret = Credentials::make_api_key();
  const store::ApiKey key{.org = context.identity.org,
                          .id = ApiKeyId::make(),
                          .name = std::move(*name),
                          .hash = services.credentials.api_key_hash(secret.reveal()),
                          .hint = Credentials::api_key_hint(secret.reveal()),
                          .scopes = to_string(*scopes),
                          .created_by = context.identity.subject,
                          .created_at = now,
                          .expires_at = expires_at,
                          .last_used_at = {}};
  store::Batch batch;
  store::insert_api_key(batch, key);
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind == Fault::conflict)
      co_return Error{Fault::conflict, "too_many_api_keys",
                      "this organization has 200 API keys; revoke those that nobody uses"};
    co_return written.error();
  }
  log::info("api_keys.created", {{"requestId", context.ids.request_id},
                                 {"traceId", context.ids.trace.trace_id()},
                                 {"orgId", key.org.str()},
                                 {"by", key.created_by},
                                 {"keyId", key.id.str()},
                                 {"scopes", key.scopes}});
  std::string out;
  append_key(out, key);
  append_string(out, R"(,"key":)", secret.reveal());
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer get_api_key(Services& services, Context& context) {
  const auto found =
      co_await store::find_api_key(services.store, context.identity.org, ApiKeyId{context.param("keyId")});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_key();
  std::string out;
  append_key(out, **found);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer revoke_api_key(Services& services, Context& context) {
  const ApiKeyId id{context.param("keyId")};
  store::Batch batch;
  store::remove_api_key(batch, context.identity.org, id);
  if (const auto written = co_await services.store.write(std::move(batch)); !written) {
    if (written.error().kind != Fault::conflict) co_return written.error();
    co_return no_such_key();
  }
  services.authenticator.forget();
  log::info("api_keys.revoked", {{"requestId", context.ids.request_id},
                                 {"traceId", context.ids.trace.trace_id()},
                                 {"orgId", context.identity.org.str()},
                                 {"by", context.identity.subject},
                                 {"keyId", id.str()}});
  co_return net::Response::empty();
}

}  // namespace voxanne::api
