// Hands a mail over to a mail server, by libcurl's SMTP.
//
//   SmtpClient client{loop.get_executor(), {.url = *parse_smtp_url("smtps://user:secret@mail.example.com")}};
//   auto taken = co_await client.send("from@example.com", "to@example.com", text);
//
// smtps:// is TLS from the first byte (port 465). smtp:// (port 587) must offer STARTTLS, except a relay on
// this very machine, and that too where a password would be sent.
//
// Owner: whoever sends; outlives its mails. Executor: the one given. Errors: unavailable (connect_failed,
// tls_failed, smtp_login_refused, smtp_refused_for_now, smtp_sender_refused: before it was asked about a
// recipient, by 5xx; smtp_failed), timed_out (smtp_timed_out), impossible (smtp_refused: this mail or this
// recipient, for good), malformed (bad_smtp_url). What the server said is told by its codes only.
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

#include <memory>
#include <string>
#include <string_view>

namespace voxanne::net {

struct SmtpUrl {
  std::string url;  // without user and password
  std::string user;
  Secret password;
  bool here = false;  // a relay on this machine
};
Result<SmtpUrl> parse_smtp_url(std::string_view text);

class SmtpClient {
 public:
  struct Options {
    SmtpUrl url;
    std::string hello = "localhost";  // our own name
    std::string ca_file{};            // in place of the system's
    milliseconds connect_timeout{10'000}, timeout{60'000};
  };

  SmtpClient(async::Executor executor, Options options);
  ~SmtpClient();
  SmtpClient(const SmtpClient&) = delete;
  SmtpClient& operator=(const SmtpClient&) = delete;

  // Addresses without display names; `text` is the whole mail with CRLF line ends (RFC 5322).
  async::Task<Result<>> send(std::string from, std::string to, std::string text);
  // Connects, signs in where a user is given, and leaves.
  async::Task<Result<>> check();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace voxanne::net
