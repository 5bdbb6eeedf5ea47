#include "notify/mail_queue.h"

#include "base/log.h"

namespace voxanne::notify {

MailQueue::MailQueue(store::Store& store, async::Clock& clock, const Seal& seal, net::SmtpClient& server,
                     Options options)
    : store_(store), clock_(clock), seal_(seal), server_(server), options_(std::move(options)) {}

// What it says lies sealed: it may hold an invitation's link.
store::Mail MailQueue::make(const OrgId& org, const MailText& text) const {
  store::Mail mail;
  mail.id = MailId::make();
  mail.org = org;
  mail.subject = seal_.close(text.subject);
  mail.body = seal_.close(text.body);
  mail.created_at = mail.next_attempt_at = clock_.utc();
  mail.give_up_at = mail.created_at + options_.give_up_after;
  return mail;
}

void MailQueue::add(store::Batch& batch, const domain::Message& message, const MailText& text) const {
  store::Mail mail = make(message.org, text);
  mail.call = message.call;
  mail.message = message.id;
  store::enqueue_mail_to_organization(batch, mail);
}

void MailQueue::add(store::Batch& batch, const OrgId& org, std::string recipient,
                    const MailText& text) const {
  store::Mail mail = make(org, text);
  mail.recipient = std::move(recipient);
  store::enqueue_mail(batch, mail);
}

async::Task<Result<std::vector<store::Mail>>> MailQueue::claim(int limit, UtcTime lease_until) {
  co_await forget_old();
  auto due = co_await store::due_mails(store_, clock_.utc(), limit);
  if (!due) co_return due.error();
  std::vector<store::Mail> claimed;
  for (auto& mail : *due) {
    store::Batch batch;
    store::claim_mail(batch, mail, lease_until);
    const auto written = co_await store_.write(std::move(batch));
    if (written)
      claimed.push_back(std::move(mail));
    else if (written.error().kind != Fault::conflict && claimed.empty())
      co_return written.error();
  }
  co_return claimed;
}

async::Task<Result<std::optional<UtcTime>>> MailQueue::next_due() { return store::next_mail_due(store_); }

async::Task<jobs::Outcome> MailQueue::handle(store::Mail& mail) {
  using Kind = jobs::Outcome::Kind;
  if (!is_plain_address(mail.recipient))
    co_return jobs::Outcome{Kind::failed,
                            malformed("bad_recipient", "this is no address that can be mailed to")};
  const auto subject = seal_.open(mail.subject), body = seal_.open(mail.body);
  if (!subject || !body) co_return jobs::Outcome{Kind::failed, subject ? body.error() : subject.error()};
  const auto taken =
      co_await server_.send(options_.from.address, mail.recipient,
                            render_mail({options_.from, mail.recipient, mail.id.str(), mail.created_at},
                                        {std::string{subject->reveal()}, std::string{body->reveal()}}));
  if (taken) co_return jobs::Outcome{Kind::done};
  const bool for_good = taken.error().code == "smtp_refused" || clock_.utc() >= mail.give_up_at;
  co_return jobs::Outcome{for_good ? Kind::failed : Kind::retry, taken.error()};
}

async::Task<Result<>> MailQueue::complete(store::Mail& mail, const jobs::Outcome& outcome,
                                          UtcTime next_attempt_at) {
  using Kind = jobs::Outcome::Kind;
  store::Batch batch;
  if (outcome.kind == Kind::done) store::finish_mail(batch, mail);
  if (outcome.kind == Kind::retry) store::retry_mail(batch, mail, outcome.error.code, next_attempt_at);
  if (outcome.kind == Kind::failed) store::fail_mail(batch, mail, outcome.error.code);
  const auto written = co_await store_.write(std::move(batch));
  if (!written || outcome.kind == Kind::done || outcome.error.kind == Fault::cancelled) co_return written;
  const bool failed = outcome.kind == Kind::failed;
  if (failed) given_up_.add();
  log::write(failed ? log::Level::error : log::Level::warning, failed ? "mail.failed" : "mail.not_taken",
             {{"orgId", mail.org.str()},
              {"callId", mail.call.str()},
              {"mailId", mail.id.str()},
              {"code", outcome.error.code},
              {"error", outcome.error.message}});
  co_return written;
}

async::Task<> MailQueue::forget_old() {
  const UtcTime now = clock_.utc();
  if (now < forget_at_) co_return;
  forget_at_ = now + 1h;
  store::Batch batch;
  store::forget_failed_mails(batch, now - options_.keep_failed);
  static_cast<void>(co_await store_.write(std::move(batch)));
}

jobs::RunnerOptions mail_runner_options() {
  return {.name = "mails",
          .parallel = 4,
          .lease = milliseconds{120'000},
          .grace = milliseconds{5'000},
          .poll = milliseconds{30'000},
          .backoff = {milliseconds{2'000}, milliseconds{3'600'000}}};
}

}  // namespace voxanne::notify
