// Any text is refused, or comes at times that lie where they should.
#include "jobs/cron.h"

#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using voxanne::jobs::Cron;
  const auto cron = Cron::parse({reinterpret_cast<const char*>(data), size});
  if (!cron) return 0;
  const voxanne::UtcTime now = voxanne::from_unix_ms(1'795'000'000'123);
  const auto next = cron->next_after(now), last = cron->latest_at(now);
  if (next <= now || last > now || cron->latest_at(next) != next || cron->next_after(last) != next) abort();
  const auto again = Cron::parse(cron->expression());
  if (!again || again->expression() != cron->expression() || again->next_after(now) != next) abort();
  return 0;
}
