#include "notify/mail_text.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace voxanne::notify {
namespace {

std::string to_base64(std::string_view raw) {
  constexpr int variant = sodium_base64_VARIANT_ORIGINAL;
  std::string out(sodium_base64_encoded_len(raw.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), reinterpret_cast<const unsigned char*>(raw.data()), raw.size(),
                    variant);
  out.pop_back();
  return out;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

// RFC 2047: of at most 75 characters, none of which splits a character.
std::string encoded_words(std::string_view text) {
  constexpr std::size_t max_chunk = 42;
  std::string out;
  while (!text.empty()) {
    std::size_t length = std::min(max_chunk, text.size());
    while (length > 1 && length < text.size() && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80)
      --length;
    if (!out.empty()) out.append("\r\n ");
    out.append("=?utf-8?B?").append(to_base64(text.substr(0, length))).append("?=");
    text.remove_prefix(length);
  }
  return out;
}

std::string header_text(std::string_view text) {
  constexpr std::size_t max_plain = 60;
  if (is_printable(text) && text.size() <= max_plain && text.find("=?") == text.npos)
    return std::string{text};
  return encoded_words(text);
}

// A display name: quoted, or encoded.
std::string display_name(std::string_view name) {
  if (!is_printable(name) || name.find_first_of("\"\\") != name.npos || name.size() > 60)
    return encoded_words(name);
  return "\"" + std::string{name} + "\"";
}

// RFC 5322 §3.3, in no locale's words.
std::string date_text(UtcTime at) {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = to_unix_ms(at) / 1'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", days[std::size_t(parts.tm_wday)],
                     parts.tm_mday, months[std::size_t(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

std::string one_line(std::string_view text) {
  std::string out{text};
  std::ranges::replace_if(out, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return out;
}

}  // namespace

bool is_plain_address(std::string_view text) {
  return text.size() >= 3 && text.size() <= 254 && std::ranges::count(text, '@') == 1 &&
         text.front() != '@' && text.back() != '@' && std::ranges::all_of(text, [](char c) {
           return c > 0x20 && c < 0x7f && std::string_view{"<>()[]\",;:\\"}.find(c) == std::string_view::npos;
         });
}

std::optional<Mailbox> parse_mailbox(std::string_view text) {
  Mailbox out;
  if (const auto open = text.find('<'); open != text.npos) {
    if (!text.ends_with('>')) return std::nullopt;
    out.address = text.substr(open + 1, text.size() - open - 2);
    auto name = text.substr(0, open);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
    if (std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) return std::nullopt;
    out.name = name;
  } else {
    out.address = text;
  }
  if (!is_plain_address(out.address)) return std::nullopt;
  return out;
}

MailText text_of_message(const domain::Message& message, const std::string& organization,
                         const std::string& page) {
  const std::string who = !message.caller_name.empty() ? message.caller_name
                          : !message.number.empty()    ? message.number
                                                       : "a caller";
  MailText out;
  out.subject = one_line((message.urgency == "urgent" ? "Urgent message from " : "Message from ") + who);
  out.body = "A caller left a message";
  if (!organization.empty()) out.body += " for " + organization;
  out.body += ".\n\n";
  if (!message.caller_name.empty()) out.body += "Name:    " + one_line(message.caller_name) + "\n";
  if (!message.number.empty()) out.body += "Number:  " + one_line(message.number) + "\n";
  out.body += "Taken:   " + to_rfc3339(message.created_at) + "\n";
  if (message.urgency == "urgent") out.body += "Urgency: urgent\n";
  out.body += "\n" + message.text + "\n";
  if (!page.empty()) out.body += "\n" + page + "\n";
  return out;
}

MailText text_of_invitation(const std::string& organization, std::string_view role, const std::string& link,
                            UtcTime expires_at) {
  MailText out;
  out.subject = one_line("Invitation to " + organization);
  out.body = "You are invited to " + one_line(organization) + " as " + std::string{role} +
             ". Follow this link to choose a password and sign in:\n\n" + link + "\n\nIt works once, until " +
             to_rfc3339(expires_at) + ". If you did not expect it, there is nothing to do.\n";
  return out;
}

std::string render_mail(const Envelope& envelope, const MailText& text) {
  const auto& from = envelope.from;
  const std::string sender =
      from.name.empty() ? from.address : display_name(from.name) + " <" + from.address + ">";
  const std::string domain = from.address.substr(from.address.find('@') + 1);
  std::string out = "From: " + sender + "\r\nTo: <" + envelope.to +
                    ">\r\nSubject: " + header_text(one_line(text.subject)) +
                    "\r\nDate: " + date_text(envelope.at) + "\r\nMessage-ID: <" + envelope.id + "@" + domain +
                    ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                    "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  const std::string body = to_base64(text.body);
  for (std::size_t at = 0; at < body.size(); at += 76) out.append(body, at, 76).append("\r\n");
  return out;
}

}  // namespace voxanne::notify
