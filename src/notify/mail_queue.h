// Sends what is queued to be mailed.
//
//   taken by the mail server       the row is gone
//   this mail or recipient refused for good (5xx), or not taken for three days     failed, and logged; the
//                                  row is gone a month after the mail was made
//   anything else                  tried again, 2 s growing to an hour, however often: also a 5xx before the
//                                  recipient was named, which is about us
//
// A mail that was taken but not recorded as such is sent again under the same Message-ID.
//
// Owner: app, beside its runner. Executor: the runner's loop. add() on any: it only fills a batch.
#pragma once

#include "async/clock.h"
#include "base/metrics.h"
#include "base/seal.h"
#include "jobs/runner.h"
#include "net/smtp_client.h"
#include "notify/mail_text.h"
#include "store/mails.h"

namespace voxanne::notify {

class MailQueue final : public jobs::Queue<store::Mail> {
 public:
  struct Options {
    Mailbox from;
    milliseconds give_up_after{72h}, keep_failed{30 * 24h};
  };

  MailQueue(store::Store& store, async::Clock& clock, const Seal& seal, net::SmtpClient& server,
            Options options);

  // To whoever receives the organization's messages.
  void add(store::Batch& batch, const domain::Message& message, const MailText& text) const;
  void add(store::Batch& batch, const OrgId& org, std::string recipient, const MailText& text) const;

  // Mails that failed since the start; any thread.
  const metrics::Counter& given_up() const noexcept { return given_up_; }

  async::Task<Result<std::vector<store::Mail>>> claim(int limit, UtcTime lease_until) override;
  async::Task<Result<std::optional<UtcTime>>> next_due() override;
  async::Task<jobs::Outcome> handle(store::Mail& mail) override;
  int attempts(const store::Mail& mail) const override { return mail.attempts; }
  jobs::Subject subject(const store::Mail& mail) const override { return {mail.org.str(), mail.call.str()}; }
  async::Task<Result<>> complete(store::Mail& mail, const jobs::Outcome& outcome,
                                 UtcTime next_attempt_at) override;

 private:
  store::Mail make(const OrgId& org, const MailText& text) const;
  async::Task<> forget_old();

  store::Store& store_;
  async::Clock& clock_;
  const Seal& seal_;
  net::SmtpClient& server_;
  const Options options_;
  UtcTime forget_at_{};
  metrics::Counter given_up_;
};

jobs::RunnerOptions mail_runner_options();

}  // namespace voxanne::notify
