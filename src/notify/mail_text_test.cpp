#include "notify/mail_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <vector>

namespace voxanne::notify {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string head_of(const std::string& mail) { return mail.substr(0, mail.find("\r\n\r\n") + 2); }

Envelope envelope() {
  return {.from = {"Harbour Dental", "desk@example.com"},
          .to = "ann@example.com",
          .id = "mail_1",
          .at = from_unix_ms(1'780'000'000'000)};
}

TEST(MailText, has_the_headers_of_rfc_5322) {
  const auto mail = render_mail(envelope(), {"Message from Ada", "Hello\n"});
  EXPECT_THAT(mail, HasSubstr("From: \"Harbour Dental\" <desk@example.com>\r\n"));
  EXPECT_THAT(mail, HasSubstr("To: <ann@example.com>\r\n"));
  EXPECT_THAT(mail, HasSubstr("Subject: Message from Ada\r\n"));
  EXPECT_THAT(mail, HasSubstr("Date: Thu, 28 May 2026 20:26:40 +0000\r\n"));
  EXPECT_THAT(mail, HasSubstr("Message-ID: <mail_1@example.com>\r\n"));
  EXPECT_THAT(mail, testing::EndsWith("\r\n\r\nSGVsbG8K\r\n"));
}

TEST(MailText, nothing_that_was_said_becomes_a_header) {
  for (const std::string& evil : std::vector<std::string>{
           "x\r\nBcc: all@example.com", "x\nBcc: all@example.com", "x\rBcc: all@example.com",
           "\xC3\xA9\r\nBcc: all@example.com", "x\r\n\r\n<script>", std::string("x\0\r\nBcc: y", 11)}) {
    domain::Message message;
    message.caller_name = message.text = evil;
    const auto mail = render_mail(envelope(), text_of_message(message, evil, ""));
    EXPECT_THAT(head_of(mail), Not(HasSubstr("\nBcc"))) << mail;
    EXPECT_THAT(head_of(mail), HasSubstr("\r\nContent-Transfer-Encoding: base64\r\n"));  // its last
    std::istringstream lines{mail};
    for (std::string line; std::getline(lines, line);) {
      EXPECT_TRUE(line.ends_with('\r')) << mail;
      EXPECT_LE(line.size(), 79u) << line;
    }
  }
}

TEST(MailText, a_subject_in_any_language_is_encoded_without_splitting_a_character) {
  std::string long_name;
  for (int i = 0; i < 40; ++i) long_name += "\xE6\xBC\xA2";  // 漢
  domain::Message message;
  message.caller_name = long_name;
  const auto head = head_of(render_mail(envelope(), text_of_message(message, "", "")));
  EXPECT_THAT(head, HasSubstr("Subject: =?utf-8?B?"));
  for (std::size_t at = 0; (at = head.find("=?utf-8?B?", at)) != std::string::npos; ++at) {
    const auto word = head.substr(at, head.find("?=", at) + 2 - at);
    EXPECT_LE(word.size(), 75u);
  }
}

TEST(MailText, mailboxes_are_read_as_operators_write_them) {
  EXPECT_EQ(parse_mailbox("a@b.example")->address, "a@b.example");
  EXPECT_EQ(parse_mailbox("Harbour Dental <a@b.example>")->name, "Harbour Dental");
  EXPECT_EQ(parse_mailbox("\"Harbour, Dental\" <a@b.example>")->name, "Harbour, Dental");
  for (const char* bad : {"", "a", "@b", "a@", "a b@c", "a@b\r\nBcc: c@d", "N <a@b", "N <a@b> x", "a@b,c@d",
                          "N\n <a@b.example>", "<>"})
    EXPECT_FALSE(parse_mailbox(bad)) << bad;
}

TEST(MailText, an_urgent_message_says_so_and_holds_what_was_said) {
  domain::Message message;
  message.caller_name = "Ada";
  message.number = "+447700900123";
  message.text = "My tooth hurts.";
  message.urgency = "urgent";
  const auto text = text_of_message(message, "Harbour Dental", "https://x.example");
  EXPECT_EQ(text.subject, "Urgent message from Ada");
  for (const char* part : {"Harbour Dental", "+447700900123", "My tooth hurts.", "https://x.example"})
    EXPECT_THAT(text.body, HasSubstr(part));
}

}  // namespace
}  // namespace voxanne::notify
