// E-mail on its way: one row for each person a mail goes to, queued by the batch that it tells of. A sent
// one is gone; one that can never be delivered, or was not for three days, stays as failed until a month
// after it was made.
#pragma once

#include "base/ids.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <vector>

namespace voxanne {

struct MailTag {
  static constexpr std::string_view prefix = "mail_";
};
using MailId = Id<MailTag>;

}  // namespace voxanne

namespace voxanne::store {

struct Mail {
  MailId id;
  OrgId org;
  std::string recipient;
  std::string subject;
  std::string body;  // sealed
  CallId call{};     // of which it tells, or empty
  MessageId message{};
  int attempts = 0;
  UtcTime next_attempt_at{}, give_up_at{}, created_at{};
};

// To mail.recipient.
void enqueue_mail(Batch& batch, const Mail& mail);
// To whoever receives an organization's messages: its message_recipients, else its owners' addresses.
void enqueue_mail_to_organization(Batch& batch, const Mail& mail);
void forget_mails_of(Batch& batch, const OrgId& org, const CallId& call);
// Those of the messages that name a number: before the messages go.
void forget_mails_of_messages(Batch& batch, const OrgId& org, const std::string& number);

async::Task<Result<std::vector<Mail>>> due_mails(Store& store, UtcTime now, int limit);
async::Task<Result<std::optional<UtcTime>>> next_mail_due(Store& store);
// Pieces for a row as it was read; a conflict: somebody else has it now. claim_mail brings `mail` up to
// date.
void claim_mail(Batch& batch, Mail& mail, UtcTime lease_until);
// After a restart: what this process's earlier life had claimed is due at once.
void release_mails(Batch& batch, UtcTime now);
void finish_mail(Batch& batch, const Mail& mail);
void retry_mail(Batch& batch, const Mail& mail, std::string error_code, UtcTime next_attempt_at);
void fail_mail(Batch& batch, const Mail& mail, std::string error_code);
struct MailCounts {
  std::int64_t waiting = 0, failed = 0;
};
async::Task<Result<MailCounts>> count_mails(Store& store);
// Failed ones made before.
void forget_failed_mails(Batch& batch, UtcTime before);

// Who receives an organization's messages; nobody here: the owners.
async::Task<Result<std::vector<std::string>>> message_recipients(Store& store, OrgId org);
void set_message_recipients(Batch& batch, const OrgId& org, const std::vector<std::string>& emails);

}  // namespace voxanne::store
