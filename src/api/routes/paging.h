// Lists: which page the query asks for, and the `pagination` object of its answer.
#pragma once

#include "net/http.h"
#include "store/key_page.h"
#include "store/page.h"

#include <string>

namespace voxanne::api {

// limit, page, cursor. Errors: malformed (invalid_parameter, bad_cursor); what is out of range is
// the store's to refuse.
Result<store::PageRequest> page_request(const net::Query& query);

// The same of a list by key.
Result<store::KeyPage> key_page(const net::Query& query);
void append_pagination(std::string& out, const store::KeyPage& request,
                       const std::optional<std::string>& next);

// `"pagination":{page, limit, total, pages, nextCursor}`; page is null for a list entered by cursor.
void append_pagination(std::string& out, const store::PageRequest& request, const store::PageInfo& info);

// A parameter that is a whole number; `otherwise` when absent.
Result<int> whole_number(const net::Query& query, std::string_view name, int otherwise);
// A time, or a date for its midnight UTC; nullopt when absent.
Result<std::optional<UtcTime>> time_parameter(const net::Query& query, std::string_view name);
Result<bool> yes_or_no(const net::Query& query, std::string_view name, bool otherwise);

}  // namespace voxanne::api
