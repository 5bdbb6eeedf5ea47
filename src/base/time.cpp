#include "base/time.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace voxanne {
namespace {

bool digits(std::string_view text, std::size_t at, std::size_t count, int& out) {
  if (at + count > text.size()) return false;
  const char* first = text.data() + at;
  auto [end, error] = std::from_chars(first, first + count, out);
  return error == std::errc{} && end == first + count && *first != '-';
}

}  // namespace

// Digits by hand: a page of the dashboard has eighty times, and snprintf takes longer than its query.
void append_rfc3339(std::string& out, UtcTime time) {
  using namespace std::chrono;
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const auto ms = unsigned((time - day).count());
  char text[] = "yyyy-mm-ddThh:mm:ss.mmmZ";
  const auto put = [&text](std::size_t at, unsigned two) {
    text[at] = char('0' + two / 10);
    text[at + 1] = char('0' + two % 10);
  };
  const auto year = unsigned(std::clamp(int(date.year()), 0, 9999));
  put(0, year / 100);
  put(2, year % 100);
  put(5, unsigned(date.month()));
  put(8, unsigned(date.day()));
  put(11, ms / 3'600'000);
  put(14, ms / 60'000 % 60);
  put(17, ms / 1'000 % 60);
  text[20] = char('0' + ms % 1'000 / 100);
  put(21, ms % 100);
  out.append(text, sizeof text - 1);
}

std::string to_rfc3339(UtcTime time) {
  std::string out;
  append_rfc3339(out, time);
  return out;
}

std::optional<UtcTime> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  int y, mo, d, h, mi, s;
  if (text.size() < 20 || !digits(text, 0, 4, y) || text[4] != '-' || !digits(text, 5, 2, mo) ||
      text[7] != '-' || !digits(text, 8, 2, d) || (text[10] | 0x20) != 't' || !digits(text, 11, 2, h) ||
      text[13] != ':' || !digits(text, 14, 2, mi) || text[16] != ':' || !digits(text, 17, 2, s))
    return std::nullopt;
  const year_month_day date{year{y}, month{unsigned(mo)}, day{unsigned(d)}};
  if (!date.ok() || h > 23 || mi > 59 || s > 60) return std::nullopt;

  std::size_t at = 19;
  int ms = 0;
  if (text[at] == '.') {
    int weight = 100;
    std::size_t count = 0;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, ++count) {
      ms += (text[at] - '0') * weight;
      weight /= 10;
    }
    if (count == 0) return std::nullopt;
  }
  if (at >= text.size()) return std::nullopt;
  minutes offset{0};
  if ((text[at] | 0x20) == 'z') {
    ++at;
  } else if (text[at] == '+' || text[at] == '-') {
    int oh, om;
    if (!digits(text, at + 1, 2, oh) || at + 3 >= text.size() || text[at + 3] != ':' ||
        !digits(text, at + 4, 2, om) || oh > 23 || om > 59)
      return std::nullopt;
    offset = hours{oh} + minutes{om};
    if (text[at] == '-') offset = -offset;
    at += 6;
  } else {
    return std::nullopt;
  }
  if (at != text.size()) return std::nullopt;
  const UtcTime time{sys_days{date} + hours{h} + minutes{mi} + seconds{s} + milliseconds{ms} - offset};
  // What an offset or a leap second moves out of the four digits of a year cannot be written.
  if (time < UtcTime{sys_days{year{0} / 1 / 1}} || time >= UtcTime{sys_days{year{10'000} / 1 / 1}})
    return std::nullopt;
  return time;
}

}  // namespace voxanne
