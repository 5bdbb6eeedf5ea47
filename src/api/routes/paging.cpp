#include "api/routes/paging.h"

#include "base/json_fields.h"

#include <charconv>

namespace voxanne::api {

Result<int> whole_number(const net::Query& query, std::string_view name, int otherwise) {
  const std::string* text = query.find(name);
  if (!text) return otherwise;
  int value = 0;
  const auto [end, failed] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (failed != std::errc{} || end != text->data() + text->size())
    return malformed("invalid_parameter", std::string{name} + " must be a whole number");
  return value;
}

Result<bool> yes_or_no(const net::Query& query, std::string_view name, bool otherwise) {
  const std::string* text = query.find(name);
  if (!text) return otherwise;
  if (*text == "true" || *text == "1") return true;
  if (*text == "false" || *text == "0") return false;
  return malformed("invalid_parameter", std::string{name} + " must be true or false");
}

namespace {

// What a list entered by cursor has no use for is not looked at.
template <class Request, class Parse>
Result<Request> request_of(const net::Query& query, Parse parse) {
  Request request;
  const auto limit = whole_number(query, "limit", request.limit);
  if (!limit) return limit.error();
  request.limit = *limit;
  if (const std::string* cursor = query.find("cursor"); cursor && !cursor->empty()) {
    auto position = parse(*cursor);
    if (!position) return position.error();
    request.after = std::move(*position);
    return request;
  }
  const auto page = whole_number(query, "page", request.page);
  if (!page) return page.error();
  request.page = *page;
  return request;
}

}  // namespace

Result<store::KeyPage> key_page(const net::Query& query) {
  return request_of<store::KeyPage>(query, store::parse_key_cursor);
}

void append_pagination(std::string& out, const store::KeyPage& request,
                       const std::optional<std::string>& next) {
  const std::optional<std::int64_t> nobody_counts;
  append_int(out, R"("pagination":{"page":)",
             request.after ? nobody_counts : std::optional<std::int64_t>{request.page});
  append_int(out, R"(,"limit":)", request.limit);
  append_int(out, R"(,"total":)", nobody_counts);
  append_int(out, R"(,"pages":)", nobody_counts);
  append_text(out, R"(,"nextCursor":)", next ? store::key_cursor(*next) : std::string{});
  out.push_back('}');
}

Result<store::PageRequest> page_request(const net::Query& query) {
  return request_of<store::PageRequest>(query, store::parse_cursor);
}

void append_pagination(std::string& out, const store::PageRequest& request, const store::PageInfo& info) {
  std::optional<std::int64_t> page, pages;
  if (!request.after) page = request.page;
  if (info.total) pages = (*info.total + request.limit - 1) / request.limit;
  append_int(out, R"("pagination":{"page":)", page);
  append_int(out, R"(,"limit":)", request.limit);
  append_int(out, R"(,"total":)", info.total);
  append_int(out, R"(,"pages":)", pages);
  append_text(out, R"(,"nextCursor":)", info.next ? to_string(*info.next) : std::string{});
  out.push_back('}');
}

Result<std::optional<UtcTime>> time_parameter(const net::Query& query, std::string_view name) {
  const std::string* text = query.find(name);
  if (!text || text->empty()) return std::optional<UtcTime>{};
  const auto time = parse_rfc3339(text->size() == 10 ? *text + "T00:00:00Z" : *text);
  if (!time)
    return malformed("invalid_parameter",
                     std::string{name} + " must be an RFC 3339 time such as 2026-11-23T00:00:00Z, or a date");
  return time;
}

}  // namespace voxanne::api
