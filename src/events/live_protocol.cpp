#include "events/live_protocol.h"

#include "base/json_fields.h"

#include <boost/json.hpp>

namespace voxanne::events {
namespace {

namespace json = boost::json;

Error bad_message(std::string why) { return malformed("bad_message", std::move(why)); }

void append_position(std::string& out, std::string_view epoch, std::uint64_t seq) {
  append_string(out, R"("epoch":)", epoch);
  append_int(out, R"(,"seq":)", static_cast<std::int64_t>(seq));
  out.push_back('}');
}

}  // namespace

Result<LiveRequest> parse_live_request(std::string_view text) {
  boost::system::error_code failed;
  json::parse_options limits;
  limits.max_depth = 8;
  const json::value value = json::parse(text, failed, {}, limits);
  const json::object* object = failed ? nullptr : value.if_object();
  if (!object) return bad_message("messages are JSON objects");
  const auto text_of = [&](std::string_view name) -> const json::string* {
    const json::value* field = object->if_contains(name);
    return field ? field->if_string() : nullptr;
  };
  const json::string* type = text_of("type");
  if (type && *type == "ping") return LiveRequest{Ping{}};
  if (!type || *type != "subscribe") return bad_message("type must be subscribe or ping");

  Subscribe subscribe;
  if (const json::string* token = text_of("token")) subscribe.token = *token;
  if (const json::value* since = object->if_contains("since"); since && !since->is_null()) {
    boost::system::error_code not_a_number;
    const auto seq = since->to_number<std::uint64_t>(not_a_number);
    if (not_a_number) return bad_message("since must be a whole number");
    const json::string* epoch = text_of("epoch");
    subscribe.since = Since{epoch ? std::string{*epoch} : std::string{}, seq};
  }
  return LiveRequest{std::move(subscribe)};
}

std::string subscribed_message(const OrgId& org, std::string_view epoch, std::uint64_t seq) {
  std::string out;
  append_string(out, R"({"type":"subscribed","orgId":)", org.str());
  out.push_back(',');
  append_position(out, epoch, seq);
  return out;
}

std::string resync_message(std::string_view epoch, std::uint64_t seq) {
  std::string out = R"({"type":"resync",)";
  append_position(out, epoch, seq);
  return out;
}

}  // namespace voxanne::events
