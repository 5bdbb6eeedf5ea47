#include "telephony/browser/control.h"

#include "base/json_fields.h"

#include <boost/json/parse.hpp>

#include <algorithm>

namespace voxanne::telephony::browser {

namespace {

namespace json = boost::json;

constexpr std::size_t max_digits = 32, max_name = 64;

Error bad(std::string message) { return malformed("bad_control", std::move(message)); }

// The field's text; empty when absent or null; an error when it is anything else or too long.
Result<std::string> text_of(const json::object& message, std::string_view field, std::size_t max) {
  const auto* value = message.if_contains({field.data(), field.size()});
  if (!value || value->is_null()) return std::string{};
  if (!value->is_string() || value->get_string().size() > max)
    return bad(std::string{field} + " must be a text of at most " + std::to_string(max) + " bytes");
  return std::string{value->get_string().data(), value->get_string().size()};
}

bool is_digit(char c) { return (c >= '0' && c <= '9') || c == '*' || c == '#' || (c >= 'A' && c <= 'D'); }

Result<Control> read_dtmf(const json::object& message) {
  auto digits = text_of(message, message.contains("digits") ? "digits" : "digit", max_digits);
  if (!digits) return digits.error();
  if (digits->empty() || !std::all_of(digits->begin(), digits->end(), is_digit))
    return bad("digit must be one of 0-9, *, #, A-D");
  return Control{Dtmf{std::move(*digits)}};
}

std::string typed(std::string_view type) { return std::string{R"({"type":")"}.append(type).append("\""); }

}  // namespace

Result<Control> parse_control(std::string_view text) {
  boost::system::error_code failed;
  const json::value value = json::parse({text.data(), text.size()}, failed);
  if (failed || !value.is_object()) return bad("a control message is a JSON object with a type");
  const json::object& message = value.get_object();
  const auto type = text_of(message, "type", max_name);
  if (!type) return type.error();
  if (*type == "start") return Control{Start{}};
  if (*type == "hangup") return Control{Hangup{}};
  if (*type == "dtmf") return read_dtmf(message);
  if (*type == "subscribe") {
    // What cannot be one is refused as a bad token, not as a bad message.
    const auto* token = message.if_contains("token");
    const auto* shown = token ? token->if_string() : nullptr;
    return Control{Subscribe{shown ? std::string{*shown} : std::string{}}};
  }
  if (*type == "mark") {
    auto name = text_of(message, "name", max_name);
    if (!name) return name.error();
    return Control{Mark{std::move(*name)}};
  }
  return bad("type must be subscribe, start, dtmf, mark or hangup");
}

std::string subscribed_message(const OrgId& org) {
  std::string text = typed("subscribed");
  append_string(text, R"(,"orgId":)", org.str());
  return text += '}';
}

std::string ready_message(const CallId& call) {
  std::string text = typed("ready");
  append_string(text, R"(,"callId":)", call.str());
  return text += R"(,"sampleRate":16000,"frameMs":20})";
}

std::string transcript_message(domain::Speaker speaker, std::string_view words, bool final) {
  std::string text = typed(final ? "transcript.final" : "transcript.partial");
  append_string(text, R"(,"speaker":)", domain::to_string(speaker));
  append_string(text, R"(,"text":)", words);
  return text += '}';
}

std::string mark_message(std::string_view name) {
  std::string text = typed("mark");
  append_string(text, R"(,"name":)", name);
  return text += '}';
}

std::string ended_message(std::string_view reason) {
  std::string text = typed("ended");
  append_string(text, R"(,"reason":)", reason);
  return text += '}';
}

}  // namespace voxanne::telephony::browser
