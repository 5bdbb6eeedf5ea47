// /api/calls-dashboard: the list that is always open somewhere, and the figures above it. A page is
// written straight from the database's columns.
#include "api/routes/call_json.h"
#include "api/routes/endpoints.h"
#include "api/routes/paging.h"
#include "base/json_fields.h"
#include "store/calls.h"

#include <vector>

namespace voxanne::api {
namespace {

template <class Word>
Result<std::optional<Word>> word_parameter(const net::Query& query, std::string_view name,
                                           std::optional<Word> (*parse)(std::string_view),
                                           std::string_view allowed) {
  const std::string* text = query.find(name);
  if (!text || text->empty()) return std::optional<Word>{};
  const auto word = parse(*text);
  if (!word)
    return malformed("invalid_parameter", std::string{name} + " must be one of " + std::string{allowed});
  return word;
}

Result<store::CallFilter> call_filter(const net::Query& query) {
  const auto status = word_parameter(query, "status", domain::parse_call_status,
                                     "queued, ringing, in-progress, ended, failed");
  if (!status) return status.error();
  const auto direction = word_parameter(query, "direction", domain::parse_direction, "inbound, outbound");
  if (!direction) return direction.error();
  const auto from = time_parameter(query, "from"), to = time_parameter(query, "to");
  if (!from) return from.error();
  if (!to) return to.error();
  const auto include_test = yes_or_no(query, "includeTest", false);
  if (!include_test) return include_test.error();
  return store::CallFilter{.status = *status,
                           .direction = *direction,
                           .from = *from,
                           .to = *to,
                           .search = std::string{query.get("search")},
                           .include_test = *include_test};
}

struct Window {
  std::string_view name;
  std::chrono::hours bucket;
  int buckets;
};
constexpr Window windows[] = {{"24h", 1h, 24}, {"7d", 24h, 7}, {"30d", 24h, 30}};

struct Figures {
  std::int64_t calls = 0, answered = 0, missed = 0, failed = 0, talk_ms = 0;

  void add(const Figures& other) {
    calls += other.calls;
    answered += other.answered;
    missed += other.missed;
    failed += other.failed;
    talk_ms += other.talk_ms;
  }
  void append_counts(std::string& out) const {
    append_int(out, R"("calls":)", calls);
    append_int(out, R"(,"answered":)", answered);
    append_int(out, R"(,"missed":)", missed);
    append_int(out, R"(,"failed":)", failed);
  }
};

}  // namespace

Answer list_calls(Services& services, Context& context) {
  auto filter = call_filter(context.request.query);
  if (!filter) co_return filter.error();
  const auto request = page_request(context.request.query);
  if (!request) co_return request.error();

  std::string out;
  out.reserve(32 * 1024);
  out.append(R"({"calls":[)");
  const auto page = co_await store::page_of_calls(services.store, context.identity.org, std::move(*filter),
                                                  *request, [&](const store::Row& row) {
                                                    if (out.back() != '[') out.push_back(',');
                                                    append_call(out, row);
                                                  });
  if (!page) co_return page.error();
  out.append("],");
  append_pagination(out, *request, *page);
  out.push_back('}');
  co_return net::Response::json(200, std::move(out));
}

Answer get_stats(Services& services, Context& context) {
  const std::string_view name = context.request.query.get("window", "24h");
  const auto* window = std::ranges::find(windows, name, &Window::name);
  if (window == std::end(windows))
    co_return malformed("invalid_parameter", "window must be one of 24h, 7d, 30d");

  // The last bucket is the one that is going on now.
  const UtcTime now = services.clock.utc();
  const UtcTime last{now.time_since_epoch() / window->bucket * milliseconds{window->bucket}};
  const UtcTime from = last - (window->buckets - 1) * milliseconds{window->bucket};
  const UtcTime to = last + milliseconds{window->bucket};
  std::vector<Figures> series(std::size_t(window->buckets));
  Figures total;
  const auto visited = co_await store::visit_call_hours(
      services.store, context.identity.org, from, to, [&](const store::Row& row) {
        namespace column = store::hour_column;
        const Figures hour{row.integer(column::calls), row.integer(column::answered),
                           row.integer(column::missed), row.integer(column::failed),
                           row.integer(column::talk_ms)};
        const auto bucket = (from_unix_ms(row.integer(column::hour)) - from) / milliseconds{window->bucket};
        series.at(std::size_t(bucket)).add(hour);
        total.add(hour);
      });
  if (!visited) co_return visited.error();

  std::optional<double> average;
  if (total.answered > 0) average = double(total.talk_ms / total.answered) / 1000.0;
  std::string out;
  append_string(out, R"({"window":)", window->name);
  append_time(out, R"(,"from":)", from);
  append_time(out, R"(,"to":)", now);
  out.append(R"(,"totals":{)");
  total.append_counts(out);
  append_number(out, R"(},"averageDuration":)", average);
  out.append(R"(,"series":[)");
  for (std::size_t i = 0; i < series.size(); ++i) {
    append_time(out, i > 0 ? R"(,{"at":)" : R"({"at":)",
                from + std::int64_t(i) * milliseconds{window->bucket});
    out.push_back(',');
    series[i].append_counts(out);
    out.push_back('}');
  }
  out.append("]}");
  co_return net::Response::json(200, std::move(out));
}

}  // namespace voxanne::api
