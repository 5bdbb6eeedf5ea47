#include "store/erasure.h"

#include "store/find.h"
#include "store/knowledge.h"
#include "store/mails.h"
#include "store/statements.h"
#include "store/values.h"
#include "store/webhooks.h"

namespace voxanne::store {
namespace {

constexpr Statement call_row{"calls.erase_settled",
                             "DELETE FROM calls WHERE org_id = ?1 AND id = ?2 AND ended_at IS NOT NULL "
                             "AND recording_status IN ('none', 'stored', 'failed')"};
constexpr Statement call_messages{"messages.erase_of_call",
                                  "DELETE FROM messages WHERE org_id = ?1 AND call_id = ?2"};
constexpr Statement dealt_with{
    "messages.erase_handled_of_call",
    "DELETE FROM messages WHERE org_id = ?1 AND call_id = ?2 AND handled_at IS NOT NULL"};
constexpr Statement call_appointments{
    "appointments.forget_call",
    "UPDATE appointments SET call_id = '' WHERE org_id = ?1 AND call_id = ?2 AND call_id <> ''"};
constexpr Statement answers_about{"idempotency_keys.erase_about",
                                  "DELETE FROM idempotency_keys WHERE org_id = ?1 AND subject_id = ?2"};
constexpr Statement answers_of_call{"idempotency_keys.erase_of_call",
                                    "DELETE FROM idempotency_keys WHERE org_id = ?1 AND call_id = ?2"};
constexpr Statement answers_of_appointments{
    "idempotency_keys.erase_of_appointments",
    "DELETE FROM idempotency_keys WHERE (subject_id, org_id) IN "
    "(SELECT id, org_id FROM appointments WHERE org_id = ?1 AND contact_id = ?2 AND contact_id <> '')"};

constexpr Statement withdraw{
    "recording_upload_queue.withdraw",
    "DELETE FROM recording_upload_queue WHERE org_id = ?1 AND call_id = ?2 AND status = 'queued'"};
constexpr Statement unrecorded{"calls.withdraw_recording",
                               "UPDATE calls SET recording_status = 'none', has_recording = 0 "
                               "WHERE org_id = ?1 AND id = ?2 AND recording_status = 'queued'"};

constexpr Statement contact_row{"contacts.erase", "DELETE FROM contacts WHERE org_id = ?1 AND id = ?2"};
constexpr Statement contact_appointments{
    "appointments.erase_of_contact",
    "DELETE FROM appointments WHERE org_id = ?1 AND contact_id = ?2 AND contact_id <> ''"};
constexpr Statement contact_messages{
    "messages.erase_of_number", "DELETE FROM messages WHERE org_id = ?1 AND number = ?2 AND number <> ''"};
constexpr Statement number_of{"contacts.number", "SELECT number FROM contacts WHERE org_id = ?1 AND id = ?2"};

#define ERASABLE                                                                               \
  "SELECT id, ended_at IS NULL, recording_status, "                                            \
  "(SELECT count(*) FROM call_transcripts t WHERE t.call_id = c.id AND t.org_id = c.org_id), " \
  "(SELECT count(*) FROM call_logs l WHERE l.call_id = c.id AND l.org_id = c.org_id), "        \
  "(SELECT count(*) FROM messages m WHERE m.org_id = c.org_id AND m.call_id = c.id), "         \
  "(SELECT count(*) FROM knowledge_gaps g WHERE g.org_id = c.org_id AND g.call_id = c.id "     \
  "AND g.answer_id <> '') FROM calls c "
constexpr Statement one_call{"calls.erasable", ERASABLE "WHERE org_id = ?1 AND id = ?2"};
constexpr Statement by_number{"calls.of_number", ERASABLE
                              "WHERE org_id = ?1 AND customer_number = ?2 AND customer_number <> '' "
                              "ORDER BY created_at LIMIT ?3"};
constexpr Statement by_contact{
    "calls.of_contact", ERASABLE "WHERE org_id = ?1 AND contact_id = ?2 AND contact_id <> '' LIMIT ?3"};

#define BOTH(key)                                              \
  "'" key "', coalesce(json_extract(erasures.removed, '$." key \
  "'), 0) "                                                    \
  "+ coalesce(json_extract(excluded.removed, '$." key "'), 0)"
#define OR_NOBODY(column) #column " = CASE excluded.contact_id WHEN '' THEN '' ELSE erasures." #column " END"
constexpr Statement put{
    "erasures.put",
    "INSERT INTO erasures (id, org_id, subject, requested_by, requested_at, removed, contact_id, number, "
    "search_round) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, (SELECT begun + 1 FROM search_rounds WHERE id = 1)) "
    "ON CONFLICT (id) DO UPDATE SET finished_at = NULL, removed = json_object(" BOTH("calls") ", " BOTH(
        "turns") ", " BOTH("logLines") ", " BOTH("messages") ", " BOTH("recordings") ", " BOTH("contacts") "), "
    OR_NOBODY(contact_id) ", " OR_NOBODY(number) ", search_round = excluded.search_round"};
constexpr Statement finish{"erasures.finish",
                           "UPDATE erasures SET finished_at = coalesce(finished_at, ?2) WHERE id = ?1 "
                           "AND contact_id = '' "
                           "AND NOT EXISTS (SELECT 1 FROM erasure_files WHERE erasure_id = ?1) "
                           "AND search_round <= (SELECT done FROM search_rounds WHERE id = 1)"};
constexpr Statement owe{
    "erasure_files.put",
    "INSERT INTO erasure_files (erasure_id, call_id, object_key, org_id) VALUES (?1, ?2, ?3, ?4) "
    "ON CONFLICT DO NOTHING"};
constexpr Statement paid{"erasure_files.drop",
                         "DELETE FROM erasure_files WHERE erasure_id = ?1 AND call_id = ?2"};
#define ERASURE_COLUMNS \
  "id, org_id, subject, requested_by, requested_at, finished_at, removed, contact_id, number"
constexpr Statement one_erasure{"erasures.one", "SELECT " ERASURE_COLUMNS " FROM erasures WHERE id = ?1"};
constexpr Statement open{"erasures.open",
                         "SELECT " ERASURE_COLUMNS
                         " FROM erasures "
                         "WHERE finished_at IS NULL AND requested_at > 0 ORDER BY requested_at LIMIT ?1"};
#define RECEIPT                                                                                   \
  "SELECT " ERASURE_COLUMNS                                                                       \
  ", contact_id = '', "                                                                           \
  "NOT EXISTS (SELECT 1 FROM erasure_files f WHERE f.erasure_id = e.id), "                        \
  "finished_at IS NOT NULL OR search_round <= (SELECT done FROM search_rounds r WHERE r.id = 1) " \
  "FROM erasures e "
constexpr Statement receipts{"erasures.page",
                             RECEIPT "WHERE e.org_id = ?1 AND e.id > ?2 ORDER BY e.id LIMIT ?3 OFFSET ?4"};
constexpr Statement one_receipt{"erasures.receipt", RECEIPT "WHERE e.org_id = ?1 AND e.id = ?2"};
constexpr Statement owed{"erasure_files.of_erasure",
                         "SELECT call_id, object_key FROM erasure_files WHERE erasure_id = ?1 LIMIT ?2"};

constexpr Statement round_of{"search_rounds.of_erasure",
                             "SELECT e.search_round <= r.done, r.begun > r.done FROM erasures e "
                             "CROSS JOIN search_rounds r ON r.id = 1 WHERE e.id = ?1"};
constexpr Statement begin_round{
    "search_rounds.begin",
    "UPDATE search_rounds SET begun = begun + 1, knowledge_taken = knowledge_due, "
    "knowledge_due = 0 WHERE id = 1 AND begun = done"};
constexpr Statement end_round{
    "search_rounds.end",
    "UPDATE search_rounds SET done = begun, knowledge_taken = 0 WHERE id = 1 AND done < begun "
    "AND NOT search_gathering((SELECT block FROM calls_search_data WHERE id = 10)) "
    "AND NOT search_gathering((SELECT block FROM calls_words_data WHERE id = 10)) "
    "AND (knowledge_taken = 0 OR NOT search_gathering("
    "(SELECT block FROM knowledge_base_chunks_fts_data WHERE id = 10)))"};

// An entry of no call that comes and goes: a single segment, which may hold what was deleted as well as that
// it was, would not be merged with anything.
constexpr Statement add_nothing{
    "calls_search.add_nothing",
    "INSERT INTO calls_search (rowid, org_tail, customer_number, customer_name, summary) "
    "VALUES (0, 'round', '', '', '')"};
constexpr Statement drop_nothing{"calls_search.drop_nothing",
                                 "INSERT INTO calls_search (calls_search, rowid, org_tail, customer_number, "
                                 "customer_name, summary) VALUES ('delete', 0, 'round', '', '', '')"};
constexpr Statement add_no_words{"calls_words.add_nothing",
                                 "INSERT INTO calls_words (rowid, words) VALUES (0, 'round')"};
constexpr Statement drop_no_words{"calls_words.drop_nothing", "DELETE FROM calls_words WHERE rowid = 0"};
#define IF_KNOWLEDGE_IS_TAKEN "FROM search_rounds WHERE id = 1 AND knowledge_taken = 1"
constexpr Statement add_no_chunk{"knowledge_base_chunks_fts.add_nothing",
                                 "INSERT INTO knowledge_base_chunks_fts (rowid, org_id, heading, text) "
                                 "SELECT 0, 'round', '', '' " IF_KNOWLEDGE_IS_TAKEN};
constexpr Statement drop_no_chunk{
    "knowledge_base_chunks_fts.drop_nothing",
    "INSERT INTO knowledge_base_chunks_fts (knowledge_base_chunks_fts, rowid, org_id, heading, text) "
    "SELECT 'delete', 0, 'round', '', '' " IF_KNOWLEDGE_IS_TAKEN};
// FTS5 writes what it has pending before a savepoint.
constexpr Statement flush{"search_rounds.flush", "SAVEPOINT search_flush"};
constexpr Statement flushed{"search_rounds.flushed", "RELEASE search_flush"};
constexpr Statement gather{"calls_search.gather",
                           "UPDATE calls_search_data SET block = search_gathered(block) WHERE id = 10"};
constexpr Statement gather_words{"calls_words.gather",
                                 "UPDATE calls_words_data SET block = search_gathered(block) WHERE id = 10"};
constexpr Statement gather_chunks{
    "knowledge_base_chunks_fts.gather",
    "UPDATE knowledge_base_chunks_fts_data SET block = search_gathered(block) WHERE id = 10 "
    "AND EXISTS (SELECT 1 " IF_KNOWLEDGE_IS_TAKEN ")"};
// https://www.sqlite.org/fts5.html §6.8: so many pages; of none, it merely forgets its copy of that record.
constexpr Statement merge{"calls_search.merge",
                          "INSERT INTO calls_search (calls_search, rank) VALUES ('merge', ?1)"};
constexpr Statement merge_words{"calls_words.merge",
                                "INSERT INTO calls_words (calls_words, rank) VALUES ('merge', ?1)"};
constexpr Statement merge_chunks{"knowledge_base_chunks_fts.merge",
                                 "INSERT INTO knowledge_base_chunks_fts (knowledge_base_chunks_fts, rank) "
                                 "SELECT 'merge', ?1 " IF_KNOWLEDGE_IS_TAKEN};
constexpr std::int64_t pages_a_step = 500;

ErasableCall erasable_from(const Row& row) {
  return {id_from<CallTag>(row, 0),
          row.integer(1) != 0,
          word_from(row, 2, domain::parse_recording_status),
          row.integer(3),
          row.integer(4),
          row.integer(5),
          row.integer(6)};
}

Erasure erasure_from(const Row& row) {
  return {.id = row.str(0),
          .org = id_from<OrgTag>(row, 1),
          .subject = row.str(2),
          .requested_by = row.str(3),
          .requested_at = from_unix_ms(row.integer(4)),
          .finished_at = row.time(5),
          .removed = row.str(6),
          .contact = id_from<ContactTag>(row, 7),
          .number = row.str(8)};
}

Receipt receipt_from(const Row& row) {
  return {erasure_from(row), row.integer(9) != 0, row.integer(10) != 0, row.integer(11) != 0};
}

ErasureFile file_from(const Row& row) { return {id_from<CallTag>(row, 0), row.str(1)}; }
std::string text_from(const Row& row) { return row.str(0); }
SearchRound round_from(const Row& row) {
  if (row.integer(0) != 0) return SearchRound::done;
  return row.integer(1) != 0 ? SearchRound::under_way : SearchRound::due;
}

}  // namespace

void erase_call_records(Batch& batch, const CallKey& call, Keep keep) {
  const std::vector<Value> key{bound(call.org), bound(call.id)};
  batch.add(call_row, key, 1);
  batch.add(keep == Keep::nothing ? call_messages : dealt_with, key);
  if (keep == Keep::nothing)
    forget_questions(batch, call.org, call.id);
  else
    erase_gaps_of(batch, call.org, call.id);
  batch.add(call_appointments, key);
  batch.add(answers_about, key);
  batch.add(answers_of_call, key);
  forget_deliveries_of(batch, call.org, call.id);
  forget_mails_of(batch, call.org, call.id);
}

void withdraw_upload(Batch& batch, const CallKey& call) {
  batch.add(withdraw, {bound(call.org), bound(call.id)}, 1);
  batch.add(unrecorded, {bound(call.org), bound(call.id)}, 1);
}

void erase_contact(Batch& batch, const OrgId& org, const ContactId& contact, const std::string& number) {
  batch.add(contact_row, {bound(org), bound(contact)}, 1);
  erase_remains_of_contact(batch, org, contact, number);
}

void erase_remains_of_contact(Batch& batch, const OrgId& org, const ContactId& contact,
                              const std::string& number) {
  const std::vector<Value> key{bound(org), bound(contact)};
  batch.add(answers_about, key);
  batch.add(answers_of_appointments, key);
  forget_deliveries_of_contact(batch, org, contact, number);
  forget_mails_of_messages(batch, org, number);
  batch.add(contact_appointments, key);
  batch.add(contact_messages, {bound(org), number});
}

async::Task<Result<std::optional<std::string>>> contact_number(Store& store, OrgId org, ContactId contact) {
  return find_one(store, number_of, {bound(org), bound(contact)}, text_from);
}

async::Task<Result<std::optional<ErasableCall>>> find_erasable(Store& store, CallKey call) {
  return find_one(store, one_call, {bound(call.org), bound(call.id)}, erasable_from);
}

async::Task<Result<std::vector<ErasableCall>>> calls_of_contact(Store& store, OrgId org, ContactId contact,
                                                                std::string number, int limit) {
  auto found =
      co_await find_all(store, by_contact, {bound(org), bound(contact), bound(limit)}, erasable_from);
  if (!found || !found->empty()) co_return found;
  co_return co_await find_all(store, by_number, {bound(org), std::move(number), bound(limit)}, erasable_from);
}

void put_erasure(Batch& batch, const Erasure& erasure) {
  batch.add(put,
            {erasure.id, bound(erasure.org), erasure.subject, erasure.requested_by,
             bound(erasure.requested_at), erasure.removed, bound(erasure.contact), erasure.number},
            1);
}

void finish_erasure(Batch& batch, const Erasure& erasure, UtcTime at) {
  batch.add(finish, {erasure.id, bound(at)}, 1);
}

void owe_file(Batch& batch, const Erasure& erasure, const ErasureFile& file) {
  batch.add(owe, {erasure.id, bound(file.call), file.object_key, bound(erasure.org)});
}

void file_removed(Batch& batch, const Erasure& erasure, const ErasureFile& file) {
  batch.add(paid, {erasure.id, bound(file.call)});
}

async::Task<Result<Listed<Receipt>>> page_of_receipts(Store& store, OrgId org, KeyPage page) {
  return find_page(store, receipts, std::move(org), std::move(page), receipt_from, 0);
}

async::Task<Result<std::optional<Receipt>>> find_receipt(Store& store, OrgId org, std::string id) {
  return find_one(store, one_receipt, {bound(org), std::move(id)}, receipt_from);
}

async::Task<Result<std::optional<Erasure>>> find_erasure(Store& store, std::string id) {
  return find_one(store, one_erasure, {std::move(id)}, erasure_from);
}

async::Task<Result<std::vector<Erasure>>> open_erasures(Store& store, int limit) {
  return find_all(store, open, {bound(limit)}, erasure_from);
}

async::Task<Result<std::vector<ErasureFile>>> owed_files(Store& store, std::string erasure, int limit) {
  return find_all(store, owed, {std::move(erasure), bound(limit)}, file_from);
}

async::Task<Result<SearchRound>> search_round(Store& store, std::string erasure) {
  const auto found = co_await find_one(store, round_of, {std::move(erasure)}, round_from);
  if (!found) co_return found.error();
  co_return found->value_or(SearchRound::done);
}

void begin_search_round(Batch& batch) {
  batch.add(begin_round, {}, 1);
  for (const auto* step : {&add_nothing, &drop_nothing, &add_no_words, &drop_no_words, &add_no_chunk,
                           &drop_no_chunk, &flush, &flushed})
    batch.add(*step, {});
  batch.add(gather, {}, 1);
  batch.add(gather_words, {}, 1);
  batch.add(gather_chunks, {});
  for (const auto* step : {&merge, &merge_words, &merge_chunks}) batch.add(*step, {std::int64_t{0}});
  // At once: until it is being merged, FTS5 may move a small segment to another level.
  continue_search_round(batch);
}

void continue_search_round(Batch& batch) {
  for (const auto* step : {&merge, &merge_words, &merge_chunks}) batch.add(*step, {pages_a_step});
  batch.add(end_round, {});
}

std::span<const Statement* const> erasure_statements() {
  static constexpr const Statement* all[] = {&call_row,
                                             &call_messages,
                                             &dealt_with,
                                             &call_appointments,
                                             &answers_about,
                                             &answers_of_call,
                                             &answers_of_appointments,
                                             &withdraw,
                                             &unrecorded,
                                             &contact_row,
                                             &contact_appointments,
                                             &contact_messages,
                                             &number_of,
                                             &one_call,
                                             &by_number,
                                             &by_contact,
                                             &put,
                                             &finish,
                                             &owe,
                                             &paid,
                                             &one_erasure,
                                             &open,
                                             &receipts,
                                             &one_receipt,
                                             &owed,
                                             &round_of,
                                             &begin_round,
                                             &end_round,
                                             &add_nothing,
                                             &drop_nothing,
                                             &add_no_words,
                                             &drop_no_words,
                                             &add_no_chunk,
                                             &drop_no_chunk,
                                             &flush,
                                             &flushed,
                                             &gather,
                                             &gather_words,
                                             &gather_chunks,
                                             &merge,
                                             &merge_words,
                                             &merge_chunks};
  return all;
}

}  // namespace voxanne::store
