// A time table in the five fields of cron, in UTC: minute, hour, day of month, month, day of week.
//
//   Cron::parse("0 2 * * *")->next_after(now);   // tomorrow at two, or today
//
// A field is `*` or a list of numbers and ranges, each with `/step` if need be; months and days of the
// week also by their English names of three letters, and 7 is Sunday too. As in every cron, a day comes
// when either the day of month or the day of week says so, unless one of them begins with `*`: then both
// must. Pure.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <bitset>
#include <string>
#include <string_view>

namespace voxanne::jobs {

class Cron {
 public:
  // Errors: malformed (cron_malformed), which names the field and what is allowed there, also for an
  // expression that never comes, such as 30 February.
  static Result<Cron> parse(std::string_view expression);

  // The first time after `time`, and the last one that is not after it.
  UtcTime next_after(UtcTime time) const;
  UtcTime latest_at(UtcTime time) const;

  const std::string& expression() const noexcept { return expression_; }

 private:
  using Minutes = std::bitset<60>;
  using Hours = std::bitset<24>;

  bool comes_on(std::chrono::year_month_day day) const;

  std::string expression_;
  Minutes minutes_;
  Hours hours_;
  std::bitset<32> days_;     // 1 to 31
  std::bitset<13> months_;   // 1 to 12
  std::bitset<8> weekdays_;  // 0 (Sunday) to 6
  bool either_day_ = false;
};

}  // namespace voxanne::jobs
