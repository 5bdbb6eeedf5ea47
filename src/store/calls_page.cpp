#include "store/call_columns.h"
#include "store/calls.h"
#include "store/statements.h"
#include "store/values.h"

#include "base/json_text.h"

#include <algorithm>
#include <cctype>

namespace voxanne::store {
namespace {

// Each combination of filters is a statement whose rows come out of one index in their order. Where a
// column that stands before created_at in its index is left open, one scan for each of its two values
// is merged: SQLite steps the arms of UNION ALL … ORDER BY side by side and sorts nothing.
//
// ?1–?4 as read_page() binds them, ?5 organization, ?6 earliest created_at, then status and direction,
// as far as they are given.
#define ARM(where)                                                         \
  "SELECT " VOXANNE_CALL_COLUMNS " FROM calls c WHERE c.org_id = ?5" where \
  " AND (c.created_at, c.seq) < (?1, ?2) AND c.created_at >= ?6"
#define AND_ALSO " UNION ALL "
#define NEWEST_FIRST " ORDER BY 2 DESC, 1 DESC LIMIT ?3 OFFSET ?4"
#define REAL " AND c.is_test = 0"
#define TEST " AND c.is_test = 1"
#define INBOUND " AND c.direction = 'inbound'"
#define OUTBOUND " AND c.direction = 'outbound'"
#define STATUS_7 " AND c.status = ?7"
#define DIRECTION_7 " AND c.direction = ?7"
#define DIRECTION_8 " AND c.direction = ?8"

constexpr Statement real{"calls.page", ARM(REAL) NEWEST_FIRST};
constexpr Statement all{"calls.page_all", ARM("") NEWEST_FIRST};

constexpr Statement real_direction{"calls.page_direction", ARM(DIRECTION_7 REAL) NEWEST_FIRST};
constexpr Statement all_direction{"calls.page_direction_all",
                                  ARM(DIRECTION_7 REAL) AND_ALSO ARM(DIRECTION_7 TEST) NEWEST_FIRST};

constexpr Statement real_status{"calls.page_status",
                                ARM(STATUS_7 REAL INBOUND) AND_ALSO ARM(STATUS_7 REAL OUTBOUND) NEWEST_FIRST};
constexpr Statement all_status{"calls.page_status_all",
                               ARM(STATUS_7 REAL INBOUND) AND_ALSO ARM(STATUS_7 REAL OUTBOUND)
                                   AND_ALSO ARM(STATUS_7 TEST INBOUND) AND_ALSO ARM(STATUS_7 TEST OUTBOUND)
                                       NEWEST_FIRST};

constexpr Statement real_status_direction{"calls.page_status_direction",
                                          ARM(STATUS_7 REAL DIRECTION_8) NEWEST_FIRST};
constexpr Statement all_status_direction{"calls.page_status_direction_all",
                                         ARM(STATUS_7 REAL DIRECTION_8)
                                             AND_ALSO ARM(STATUS_7 TEST DIRECTION_8) NEWEST_FIRST};

// Ended calls come out of two indexes by descending rowid, which is seq (calls_search: any three characters
// of numbers, names and summaries; calls_words: whole words of what was said, unless the first has them
// already), and open ones out of theirs: again a merge. The cursor's seq alone says where to go on, and ?1
// is the latest created_at. ?7 what to match in calls_search, ?8 the same for LIKE; ?9 status and ?10
// direction or NULL; ?11 whether test calls are wanted; ?12 what to match in calls_words; ?13 as it was
// typed, for LIKE; ?14 the least seq.
#define SOUGHT                                                                     \
  " AND c.seq < ?2 AND c.org_id = ?5 AND c.created_at < ?1 AND c.created_at >= ?6" \
  " AND (?9 IS NULL OR c.status = ?9) AND (?10 IS NULL OR c.direction = ?10) AND (?11 OR c.is_test = 0)"
#define LIKE_8 " LIKE ?8 ESCAPE '\\'"

constexpr Statement searching{
    "calls.search",
    "SELECT s.rowid, " VOXANNE_CALL_COLUMNS_AFTER_SEQ
    " FROM calls_search s CROSS JOIN calls c ON c.seq = s.rowid WHERE s.calls_search MATCH ?7 AND s.rowid < "
    "?2 AND s.rowid >= ?14" SOUGHT " UNION ALL SELECT w.rowid, " VOXANNE_CALL_COLUMNS_AFTER_SEQ
    " FROM calls_words w CROSS JOIN calls c ON c.seq = w.rowid WHERE w.calls_words MATCH ?12 AND w.rowid < "
    "?2 AND w.rowid >= ?14" SOUGHT
    " AND NOT EXISTS (SELECT 1 FROM calls_search x WHERE x.rowid = w.rowid AND x.calls_search MATCH ?7)"
    " UNION ALL SELECT " VOXANNE_CALL_COLUMNS
    " FROM calls c INDEXED BY calls_open_by_org WHERE c.ended_at IS NULL AND (c.customer_number" LIKE_8
    " OR c.customer_name" LIKE_8 " OR c.summary" LIKE_8
    " OR EXISTS (SELECT 1 FROM call_transcripts t WHERE t.call_id = c.id AND t.org_id = c.org_id"
    " AND t.text LIKE ?13 ESCAPE '\\'))" SOUGHT " ORDER BY 1 DESC LIMIT ?3 OFFSET ?4",
    Cost::heavy};

// Where in the search indexes, whose order is that of seq, a time begins and ends. Calls are stored in the
// order in which they are created, but for what the journal holds while the database is away and for clocks
// that are set: never two days late.
constexpr milliseconds latest{std::chrono::hours{48}};
constexpr Statement newest_before{"calls.newest_before",
                                  "SELECT seq FROM calls WHERE org_id = ?1 AND created_at < ?2 "
                                  "ORDER BY created_at DESC, seq DESC LIMIT 1"};
constexpr Statement oldest_after{"calls.oldest_after",
                                 "SELECT seq FROM calls WHERE org_id = ?1 AND created_at >= ?2 "
                                 "ORDER BY created_at, seq LIMIT 1"};

constexpr Statement total{"call_counters.total",
                          "SELECT coalesce(sum(calls), 0) FROM call_counters WHERE org_id = ?1 "
                          "AND (?2 OR is_test = 0) AND (?3 IS NULL OR status = ?3) "
                          "AND (?4 IS NULL OR direction = ?4)"};

const Statement& statement_for(const CallFilter& filter) {
  if (filter.status && filter.direction)
    return filter.include_test ? all_status_direction : real_status_direction;
  if (filter.status) return filter.include_test ? all_status : real_status;
  if (filter.direction) return filter.include_test ? all_direction : real_direction;
  return filter.include_test ? all : real;
}

template <class E>
Value word_or_null(const std::optional<E>& value) {
  if (!value) return std::monostate{};
  return bound(to_string(*value));
}

// A number as somebody types it becomes the digits as they are stored: no trunk zero, no spaces.
std::string digits_of_number(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c >= '0' && c <= '9')
      digits.push_back(c);
    else if (std::string_view{" +-().\t/"}.find(c) == std::string_view::npos)
      return {};
  }
  digits.erase(0, digits.find_first_not_of('0'));
  return digits;
}

// What somebody typed, as text to be found as it stands.
Result<std::string> sought(const std::string& search) {
  if (!is_valid_utf8(search)) return malformed("bad_search", "search must be UTF-8");
  const std::string digits = digits_of_number(search);
  std::string text = digits.size() >= 3 ? digits : search;
  std::ranges::replace(text, '\0', ' ');
  const auto characters = std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
  if (characters < 3)
    return Error{Fault::impossible, "search_too_short", "search needs at least 3 characters"};
  if (characters > 100)
    return Error{Fault::impossible, "search_too_long", "search may have at most 100 characters"};
  return text;
}

// One phrase (https://www.sqlite.org/fts5.html §3.1).
std::string phrase(std::string_view text) {
  std::string quoted{'"'};
  for (const char c : text) {
    if (c == '"') quoted.push_back('"');
    quoted.push_back(c);
  }
  return quoted + '"';
}

constexpr std::string_view nothing = "\"\"";  // which nothing matches

// In calls_search: one phrase, of this organization. An id of less than three characters has no trigram.
std::string match_characters(const OrgId& org, std::string_view text) {
  const std::string wanted = "{customer_number customer_name summary} : " + phrase(text);
  constexpr std::size_t indexed_tail = 12;
  const std::string& id = org.str();
  if (id.size() < 3) return wanted;
  return "org_tail : " + phrase(id.size() > indexed_tail ? id.substr(id.size() - indexed_tail) : id) +
         " AND " + wanted;
}

// In calls_words: every word that was typed, of this organization.
std::string match_words(const OrgId& org, std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string match = "org";
  for (const char c : org.str()) {
    match.push_back(digits[static_cast<unsigned char>(c) >> 4]);
    match.push_back(digits[static_cast<unsigned char>(c) & 15]);
  }
  bool any = false;
  while (!text.empty()) {
    const auto end = std::min(text.find_first_of(" \t\r\n"), text.size());
    // Without a letter or digit there is nothing that the tokenizer would keep.
    const auto word = text.substr(0, end);
    if (std::ranges::any_of(word, [](char c) { return (c & 0x80) != 0 || std::isalnum(int(c)) != 0; })) {
      match.append(" AND ").append(phrase(word));
      any = true;
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return any ? match : std::string{nothing};
}

std::string like_anywhere(std::string_view text) {
  std::string pattern{'%'};
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') pattern.push_back('\\');
    pattern.push_back(c);
  }
  return pattern + '%';
}

async::Task<Result<std::optional<std::int64_t>>> count(Store& store, const OrgId& org,
                                                       const CallFilter& filter) {
  std::optional<std::int64_t> calls;
  if (filter.from || filter.to || !filter.search.empty()) co_return calls;
  const auto read = co_await store.read(
      total,
      {bound(org), bound(filter.include_test), word_or_null(filter.status), word_or_null(filter.direction)},
      [&](const Row& row) { calls = row.integer(0); });
  if (!read) co_return read.error();
  co_return calls;
}

struct Seqs {
  std::int64_t least = 0, end = Cursor{}.seq;
};
async::Task<Result<Seqs>> seqs_of(Store& store, const OrgId& org, const CallFilter& filter) {
  Seqs seqs;
  if (filter.from) {
    const auto read = co_await store.read(newest_before, {bound(org), bound(*filter.from - latest)},
                                          [&](const Row& row) { seqs.least = row.integer(0) + 1; });
    if (!read) co_return read.error();
  }
  if (filter.to) {
    const auto read = co_await store.read(oldest_after, {bound(org), bound(*filter.to + latest)},
                                          [&](const Row& row) { seqs.end = row.integer(0); });
    if (!read) co_return read.error();
  }
  co_return seqs;
}

bool is_open(domain::CallStatus status) {
  return status != domain::CallStatus::ended && status != domain::CallStatus::failed;
}

}  // namespace

async::Task<Result<PageInfo>> page_of_calls(Store& store, OrgId org, CallFilter filter, PageRequest request,
                                            RowVisitor visit) {
  Cursor before = start_of(request);
  std::vector<Value> values{bound(org), filter.from ? to_unix_ms(*filter.from) : std::int64_t{0}};
  const Statement* statement = &statement_for(filter);
  if (filter.search.empty()) {
    if (filter.status) values.push_back(word_or_null(filter.status));
    if (filter.direction) values.push_back(word_or_null(filter.direction));
    if (filter.to) before = std::min(before, Cursor{to_unix_ms(*filter.to), 0});
  } else {
    const auto text = sought(filter.search);
    if (!text) co_return text.error();
    const auto seqs = co_await seqs_of(store, org, filter);
    if (!seqs) co_return seqs.error();
    statement = &searching;
    before = {filter.to ? to_unix_ms(*filter.to) : Cursor{}.created_at, std::min(before.seq, seqs->end)};
    std::string typed = filter.search;
    std::ranges::replace(typed, '\0', ' ');
    const bool ended = !filter.status || !is_open(*filter.status);  // what the indexes hold
    values.insert(
        values.end(),
        {ended ? match_characters(org, *text) : std::string{nothing}, like_anywhere(*text),
         word_or_null(filter.status), word_or_null(filter.direction), bound(filter.include_test),
         ended ? match_words(org, typed) : std::string{nothing}, like_anywhere(typed), seqs->least});
  }
  auto info = co_await read_page(store, *statement, std::move(values), request, before, std::move(visit));
  if (!info) co_return info.error();
  const auto calls = co_await count(store, org, filter);
  if (!calls) co_return calls.error();
  info->total = *calls;
  co_return info;
}

std::span<const Statement* const> call_page_statements() {
  static constexpr const Statement* statements[] = {
      &real,        &all,           &real_direction,        &all_direction,
      &real_status, &all_status,    &real_status_direction, &all_status_direction,
      &searching,   &newest_before, &oldest_after,          &total};
  return statements;
}

}  // namespace voxanne::store
