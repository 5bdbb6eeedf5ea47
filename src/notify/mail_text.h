// E-mails as text (RFC 5322, MIME): what is sent when a message was taken or somebody is invited. Whatever a
// caller or a manager wrote can become no header: subjects are encoded words (RFC 2047) unless they are
// plain, bodies are base64. Pure; any thread.
#pragma once

#include "base/result.h"
#include "base/time.h"
#include "domain/assistant.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne::notify {

// "from@example.com" or "Name <from@example.com>".
struct Mailbox {
  std::string name, address;
};
std::optional<Mailbox> parse_mailbox(std::string_view text);
// Printable ASCII without blanks, brackets, quotes and commas, with one @: what may stand in a header and in
// an SMTP command.
bool is_plain_address(std::string_view text);

struct MailText {
  std::string subject, body;  // UTF-8; the body's lines end in \n
};
MailText text_of_message(const domain::Message& message, const std::string& organization,
                         const std::string& page);
MailText text_of_invitation(const std::string& organization, std::string_view role, const std::string& link,
                            UtcTime expires_at);

struct Envelope {
  Mailbox from;
  std::string to;
  std::string id;  // of the mail, for Message-ID
  UtcTime at{};
};
std::string render_mail(const Envelope& envelope, const MailText& text);

}  // namespace voxanne::notify
