#include "housekeeping/eraser.h"

#include "async/deadline.h"
#include "base/json_fields.h"
#include "base/log.h"
#include "recordings/key.h"
#include "store/prompt_store.h"

namespace voxanne::housekeeping {
namespace {

using domain::RecordingStatus;

constexpr int files_at_a_time = 100;
constexpr int merge_steps = 40;  // of 500 pages each: the index of some 100,000 calls
constexpr milliseconds upload_takes{20'000}, look_again{200};

Error no_such_call() {
  return not_found("call_not_found", "there is no call of this id; GET /api/calls lists them");
}

Error no_such_contact() {
  return not_found("contact_not_found", "there is no contact of this id; GET /api/contacts lists them");
}

struct Counts {
  std::int64_t calls = 0, turns = 0, log_lines = 0, messages = 0, recordings = 0, contacts = 0;
};
std::string json_of(const Counts& counts) {
  std::string out;
  append_int(out, R"({"calls":)", counts.calls);
  append_int(out, R"(,"turns":)", counts.turns);
  append_int(out, R"(,"logLines":)", counts.log_lines);
  append_int(out, R"(,"messages":)", counts.messages);
  append_int(out, R"(,"recordings":)", counts.recordings);
  append_int(out, R"(,"contacts":)", counts.contacts);
  return out + "}";
}

}  // namespace

store::Erasure Eraser::begin(const OrgId& org, const char* subject, std::string requested_by) const {
  return {.id = "ers_" + make_ulid(),
          .org = org,
          .subject = subject,
          .requested_by = std::move(requested_by),
          .requested_at = clock_.utc()};
}

async::Task<Result<Receipt>> Eraser::erase_call(OrgId org, CallId call, std::string requested_by) {
  auto found = co_await store::find_erasable(store_, {org, call});
  if (!found) co_return found.error();
  if (!*found) co_return no_such_call();
  auto erasure = begin(org, "call", std::move(requested_by));
  std::vector<store::ErasableCall> calls;
  calls.push_back(std::move(**found));
  const auto erased = co_await erase_rows(erasure, std::move(calls));
  if (!erased) co_return erased.error();
  if (*erased == 0) co_return no_such_call();
  co_return co_await finish_or_owe(std::move(erasure));
}

async::Task<Result<Receipt>> Eraser::erase_contact(OrgId org, ContactId contact, std::string requested_by) {
  auto number = co_await store::contact_number(store_, org, contact);
  if (!number) co_return number.error();
  if (!*number) co_return no_such_contact();
  auto erasure = begin(org, "contact", std::move(requested_by));
  erasure.contact = contact;
  erasure.number = std::move(**number);
  if (const auto erased = co_await erase_caller(erasure); !erased) {
    const auto begun = co_await store::find_erasure(store_, erasure.id);
    if (!begun || !*begun) co_return erased.error();
    log::warning("erasure.waits", {{"erasureId", erasure.id}, {"code", erased.error().code}});
  }
  co_return co_await finish_or_owe(std::move(erasure));
}

// The contact goes last: while there is one, somebody may ask for it again.
async::Task<Result<>> Eraser::erase_caller(store::Erasure erasure) {
  for (;;) {
    auto calls = co_await store::calls_of_contact(store_, erasure.org, erasure.contact, erasure.number,
                                                  options_.calls_at_a_time);
    if (!calls) co_return calls.error();
    if (calls->empty()) break;
    const auto erased = co_await erase_rows(erasure, std::move(*calls));
    if (!erased) co_return erased.error();
  }
  const ContactId contact = std::exchange(erasure.contact, {});
  const std::string number = std::exchange(erasure.number, {});
  erasure.removed = json_of({.contacts = 1});
  store::Batch batch;
  store::put_erasure(batch, erasure);
  store::erase_contact(batch, erasure.org, contact, number);
  const auto written = co_await store_.write(std::move(batch));
  if (written || written.error().kind != Fault::conflict) co_return written;
  // Another erasure was faster, or this one in another hand, or somebody has deleted the contact alone.
  const auto there = co_await store::contact_number(store_, erasure.org, contact);
  if (!there) co_return there.error();
  if (*there) co_return written;
  const auto begun = co_await store::find_erasure(store_, erasure.id);
  if (!begun) co_return begun.error();
  if (!*begun) co_return no_such_contact();
  if ((*begun)->contact.empty()) co_return Result<>{};
  erasure.removed = json_of({});
  store::Batch remains;
  store::put_erasure(remains, erasure);
  store::erase_remains_of_contact(remains, erasure.org, contact, number);
  co_return co_await store_.write(std::move(remains));
}

async::Task<Result<std::optional<store::ErasableCall>>> Eraser::settled(OrgId org, store::ErasableCall call) {
  const auto deadline = async::Deadline::after(clock_, upload_takes);
  for (;;) {
    if (call.running)
      co_return Error{Fault::conflict, "call_in_progress",
                      "the call " + call.id.str() + " is still running: end it first, by POST /api/calls/" +
                          call.id.str() + "/end"};
    // Whoever stores it just now would store it after its erasure.
    if (call.recording != RecordingStatus::uploading && call.recording != RecordingStatus::recording)
      co_return std::move(call);
    if (deadline.passed(clock_))
      co_return Error{Fault::conflict, "recording_busy",
                      "the recording of " + call.id.str() + " is being stored just now: try again",
                      seconds{10}};
    co_await clock_.sleep_for(look_again);
    auto again = co_await store::find_erasable(store_, {org, call.id});
    if (!again) co_return again.error();
    if (!*again) co_return std::nullopt;
    call = std::move(**again);
  }
}

// Several calls in one batch; a conflict (a recording has just moved on, another erasure was faster) looks
// again at all of them.
async::Task<Result<std::int64_t>> Eraser::erase_rows(store::Erasure erasure,
                                                     std::vector<store::ErasableCall> calls) {
  for (const auto deadline = async::Deadline::after(clock_, upload_takes);;) {
    Counts counts;
    bool answered = false;
    store::Batch batch, rows;
    for (const auto& candidate : calls) {
      auto call = co_await settled(erasure.org, candidate);
      if (!call) co_return call.error();
      if (!*call) continue;
      const store::CallKey key{erasure.org, (*call)->id};
      if ((*call)->recording == RecordingStatus::queued) store::withdraw_upload(rows, key);
      store::erase_call_records(rows, key, store::Keep::nothing);
      // Also of a call that seems to have none: an earlier attempt may have stored one.
      if (is_sane_id(erasure.org.str()) && is_sane_id(key.id.str()))
        store::owe_file(rows, erasure, {key.id, recordings::recording_key(erasure.org, key.id)});
      ++counts.calls;
      counts.turns += (*call)->turns;
      counts.log_lines += (*call)->log_lines;
      counts.messages += (*call)->messages;
      counts.recordings += (*call)->recording != RecordingStatus::none;
      answered = answered || (*call)->answers > 0;
    }
    if (counts.calls == 0) co_return 0;
    erasure.removed = json_of(counts);
    store::put_erasure(batch, erasure);
    for (auto& step : rows.steps) batch.steps.push_back(std::move(step));
    const auto written = co_await store_.write(std::move(batch));
    if (written || store::is_outcome_unknown(written.error()))
      for (const auto& call : calls) options_.forget(erasure.org, call.id);
    if (written) {
      if (answered) options_.knowledge_changed(erasure.org);
      co_return counts.calls;
    }
    if (written.error().kind != Fault::conflict || deadline.passed(clock_)) co_return written.error();
    std::vector<store::ErasableCall> left;
    for (const auto& call : calls) {
      auto again = co_await store::find_erasable(store_, {erasure.org, call.id});
      if (!again) co_return again.error();
      if (*again) left.push_back(std::move(**again));
    }
    if (left.size() == calls.size()) co_await clock_.sleep_for(look_again);
    calls = std::move(left);
  }
}

// Rows are gone, or go without us: a database that is away from here on leaves to resume() what is owed.
async::Task<Result<Receipt>> Eraser::finish_or_owe(store::Erasure erasure) {
  auto receipt = co_await finish(erasure);
  if (receipt || receipt.error().kind != Fault::unavailable) co_return receipt;
  log::warning("erasure.waits", {{"erasureId", erasure.id}, {"code", receipt.error().code}});
  const bool removed = erasure.contact.empty();
  co_return Receipt{.erasure = std::move(erasure), .rows_removed = removed};
}

async::Task<Result<Receipt>> Eraser::finish(store::Erasure erasure) {
  Receipt receipt;
  for (;;) {
    const auto files = co_await store::owed_files(store_, erasure.id, files_at_a_time);
    if (!files) co_return files.error();
    receipt.files_removed = files->empty();
    if (files->empty()) break;
    bool away = false;
    for (const auto& file : *files) {
      const auto removed = co_await objects_.remove(file.object_key);
      if (!removed) {
        log::warning("erasure.waits", {{"erasureId", erasure.id}, {"code", removed.error().code}});
        away = true;
        break;
      }
      co_await remove_spooled(workers_, options_.spool, erasure.org, file.call);
      store::Batch batch;
      store::file_removed(batch, erasure, file);
      if (const auto written = co_await store_.write(std::move(batch)); !written) co_return written.error();
    }
    if (away) break;
  }
  const auto merged = co_await merge_search(erasure);
  if (!merged) co_return merged.error();
  receipt.search_merged = *merged;
  if (receipt.files_removed && receipt.search_merged) {
    store::Batch batch;
    store::finish_erasure(batch, erasure, clock_.utc());
    const auto written = co_await store_.write(std::move(batch));
    if (written)
      log::info("erasure.done", {{"erasureId", erasure.id}, {"orgId", erasure.org.str()}});
    else if (written.error().kind != Fault::conflict)
      co_return written.error();
  }
  auto now = co_await store::find_erasure(store_, erasure.id);
  if (!now) co_return now.error();
  receipt.erasure = std::move(*now).value_or(std::move(erasure));
  receipt.rows_removed = receipt.erasure.contact.empty();
  // Another hand has erased more of it since its files and words were seen to.
  if (receipt.rows_removed && !receipt.erasure.finished_at && receipt.files_removed)
    receipt.files_removed = receipt.search_merged = false;
  co_return receipt;
}

// False when there is so much that the rest is left to resume().
async::Task<Result<bool>> Eraser::merge_search(const store::Erasure& erasure) {
  for (int step = 0;; ++step) {
    const auto round = co_await store::search_round(store_, erasure.id);
    if (!round) co_return round.error();
    if (*round == store::SearchRound::done) co_return true;
    if (step == merge_steps) co_return false;
    store::Batch batch;
    *round == store::SearchRound::due ? store::begin_search_round(batch)
                                      : store::continue_search_round(batch);
    // Another erasure may have begun it meanwhile.
    if (const auto written = co_await store_.write(std::move(batch));
        !written && written.error().kind != Fault::conflict)
      co_return written.error();
  }
}

async::Task<Result<std::int64_t>> Eraser::resume() {
  std::int64_t finished = 0;
  const auto open = co_await store::open_erasures(store_, files_at_a_time);
  if (!open) co_return open.error();
  for (const auto& erasure : *open) {
    // One that waits for a call to end holds up no other.
    if (!erasure.contact.empty())
      if (const auto erased = co_await erase_caller(erasure); !erased)
        log::warning("erasure.waits", {{"erasureId", erasure.id}, {"code", erased.error().code}});
    const auto done = co_await finish(erasure);
    if (!done) co_return done.error();
    finished += done->erasure.finished_at.has_value();
  }
  co_return finished;
}

}  // namespace voxanne::housekeeping
