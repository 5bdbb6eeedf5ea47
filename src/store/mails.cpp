#include "store/mails.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

namespace voxanne::store {
namespace {

#define INTO_MAILS                                                                         \
  "INSERT INTO mails (id, org_id, recipient, subject, body, call_id, message_id, status, " \
  "next_attempt_at, give_up_at, created_at) "

constexpr Statement enqueue{"mails.enqueue",
                            INTO_MAILS "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?9, 'queued', ?7, ?8, ?7)"};
constexpr Statement to_recipients{
    "mails.to_recipients", INTO_MAILS
    "SELECT ?1, r.org_id, r.email, ?3, ?4, ?5, ?8, 'queued', ?6, ?7, ?6 FROM message_recipients r "
    "WHERE r.org_id = ?2"};
constexpr Statement to_owners{
    "mails.to_owners", INTO_MAILS
    "SELECT ?1, m.org_id, a.email, ?3, ?4, ?5, ?8, 'queued', ?6, ?7, ?6 FROM memberships m "
    "JOIN accounts a ON a.id = m.subject WHERE m.org_id = ?2 AND m.role = 'owner' "
    "AND NOT EXISTS (SELECT 1 FROM message_recipients r WHERE r.org_id = ?2)"};
constexpr Statement forget_call{"mails.forget_call",
                                "DELETE FROM mails WHERE org_id = ?1 AND call_id = ?2 AND call_id <> ''"};
constexpr Statement forget_messages{
    "mails.forget_messages",
    "DELETE FROM mails WHERE (message_id, org_id) IN "
    "(SELECT id, org_id FROM messages WHERE org_id = ?1 AND number = ?2 AND number <> '') "
    "AND message_id <> ''"};

constexpr Statement due{
    "mails.due",
    "SELECT id, org_id, recipient, subject, body, call_id, message_id, attempts, "
    "next_attempt_at, give_up_at, created_at FROM mails WHERE status = 'queued' AND next_attempt_at <= ?1 "
    "ORDER BY next_attempt_at LIMIT ?2"};
constexpr Statement next_due{"mails.next_due",
                             "SELECT next_attempt_at FROM mails WHERE status = 'queued' AND next_attempt_at "
                             ">= 0 ORDER BY next_attempt_at LIMIT 1"};
#define AS_CLAIMED "id = ?1 AND recipient = ?2 AND attempts = ?3 AND status = 'queued'"
constexpr Statement claim{"mails.claim",
                          "UPDATE mails SET attempts = attempts + 1, next_attempt_at = ?4 WHERE " AS_CLAIMED};
constexpr Statement release{
    "mails.release",
    "UPDATE mails SET next_attempt_at = ?1 WHERE status = 'queued' AND next_attempt_at > ?1"};
constexpr Statement finish{"mails.finish", "DELETE FROM mails WHERE " AS_CLAIMED};
constexpr Statement retry{"mails.retry",
                          "UPDATE mails SET last_error = ?4, next_attempt_at = ?5 WHERE " AS_CLAIMED};
constexpr Statement fail{"mails.fail",
                         "UPDATE mails SET status = 'failed', last_error = ?4, subject = '', body = '' "
                         "WHERE " AS_CLAIMED};
constexpr Statement forget_failed{"mails.forget_failed",
                                  "DELETE FROM mails WHERE status = 'failed' AND created_at < ?1"};

constexpr Statement counts{
    "mails.counts",
    "SELECT (SELECT count(*) FROM mails WHERE status = 'queued' AND next_attempt_at >= 0), "
    "(SELECT count(*) FROM mails WHERE status = 'failed' AND created_at >= 0)",
    Cost::heavy};

constexpr Statement recipients{"message_recipients.of_org",
                               "SELECT email FROM message_recipients WHERE org_id = ?1 ORDER BY email"};
constexpr Statement clear_recipients{"message_recipients.clear",
                                     "DELETE FROM message_recipients WHERE org_id = ?1"};
constexpr Statement add_recipient{"message_recipients.add",
                                  "INSERT INTO message_recipients (org_id, email) VALUES (?1, ?2)"};

Mail mail_from(const Row& row) {
  return {id_from<MailTag>(row, 0),
          id_from<OrgTag>(row, 1),
          row.str(2),
          row.str(3),
          row.str(4),
          id_from<CallTag>(row, 5),
          id_from<MessageTag>(row, 6),
          static_cast<int>(row.integer(7)),
          from_unix_ms(row.integer(8)),
          from_unix_ms(row.integer(9)),
          from_unix_ms(row.integer(10))};
}

MailCounts counts_from(const Row& row) { return {row.integer(0), row.integer(1)}; }

}  // namespace

void enqueue_mail(Batch& batch, const Mail& mail) {
  batch.add(enqueue,
            {bound(mail.id), bound(mail.org), mail.recipient, mail.subject, mail.body, bound(mail.call),
             bound(mail.created_at), bound(mail.give_up_at), bound(mail.message)},
            1);
}

void enqueue_mail_to_organization(Batch& batch, const Mail& mail) {
  for (const Statement* statement : {&to_recipients, &to_owners})
    batch.add(*statement, {bound(mail.id), bound(mail.org), mail.subject, mail.body, bound(mail.call),
                           bound(mail.created_at), bound(mail.give_up_at), bound(mail.message)});
}

void forget_mails_of(Batch& batch, const OrgId& org, const CallId& call) {
  batch.add(forget_call, {bound(org), bound(call)});
}

void forget_mails_of_messages(Batch& batch, const OrgId& org, const std::string& number) {
  batch.add(forget_messages, {bound(org), number});
}

async::Task<Result<std::vector<Mail>>> due_mails(Store& store, UtcTime now, int limit) {
  return find_all(store, due, {bound(now), bound(limit)}, mail_from);
}

async::Task<Result<std::optional<UtcTime>>> next_mail_due(Store& store) {
  std::optional<UtcTime> next;
  const auto read = co_await store.read(next_due, {}, [&](const Row& row) { next = row.time(0); });
  if (!read) co_return read.error();
  co_return next;
}

void claim_mail(Batch& batch, Mail& mail, UtcTime lease_until) {
  batch.add(claim, {bound(mail.id), mail.recipient, bound(mail.attempts), bound(lease_until)}, 1);
  ++mail.attempts;
}

void release_mails(Batch& batch, UtcTime now) { batch.add(release, {bound(now)}); }

void finish_mail(Batch& batch, const Mail& mail) {
  batch.add(finish, {bound(mail.id), mail.recipient, bound(mail.attempts)}, 1);
}

void retry_mail(Batch& batch, const Mail& mail, std::string error_code, UtcTime next_attempt_at) {
  batch.add(
      retry,
      {bound(mail.id), mail.recipient, bound(mail.attempts), std::move(error_code), bound(next_attempt_at)},
      1);
}

void fail_mail(Batch& batch, const Mail& mail, std::string error_code) {
  batch.add(fail, {bound(mail.id), mail.recipient, bound(mail.attempts), std::move(error_code)}, 1);
}

void forget_failed_mails(Batch& batch, UtcTime before) { batch.add(forget_failed, {bound(before)}); }

async::Task<Result<std::vector<std::string>>> message_recipients(Store& store, OrgId org) {
  return find_all<std::string>(store, recipients, {bound(org)}, [](const Row& row) { return row.str(0); });
}

void set_message_recipients(Batch& batch, const OrgId& org, const std::vector<std::string>& emails) {
  batch.add(clear_recipients, {bound(org)});
  for (const std::string& email : emails) batch.add(add_recipient, {bound(org), email}, 1);
}

async::Task<Result<MailCounts>> count_mails(Store& store) {
  const auto found = co_await find_one(store, counts, {}, counts_from);
  if (!found) co_return found.error();
  co_return found->value_or(MailCounts{});
}

std::span<const Statement* const> mail_statements() {
  static constexpr const Statement* all[] = {
      &enqueue, &to_recipients, &to_owners,  &forget_call,      &forget_messages,
      &due,     &next_due,      &claim,      &finish,           &retry,
      &fail,    &forget_failed, &recipients, &clear_recipients, &add_recipient,
      &release, &counts};
  return all;
}

}  // namespace voxanne::store
