#include "ops/sentry/breadcrumbs.h"

#include "base/json_text.h"
#include "ops/sentry/scrub.h"

#include <algorithm>

namespace voxanne::ops::sentry {

std::string text_of(const log::Field& field) {
  std::string out;
  if (const auto* text = std::get_if<std::string_view>(&field.value)) return scrub_field(field.key, *text);
  if (const auto* flag = std::get_if<bool>(&field.value)) return *flag ? "true" : "false";
  if (const auto* number = std::get_if<double>(&field.value)) append_json_double(out, *number);
  if (const auto* number = std::get_if<std::int64_t>(&field.value)) append_json_int(out, *number);
  return out;
}

std::string describe(std::span<const log::Field> fields) {
  std::string out;
  for (const auto& field : fields) {
    if (!out.empty()) out.push_back(' ');
    out.append(field.key).append("=").append(text_of(field));
  }
  return out;
}

void Breadcrumbs::add(UtcTime at, const log::Line& line) {
  const std::string message = describe(line.fields);
  Slot& slot = slots_[next_.fetch_add(1, std::memory_order_relaxed) % count];
  if (slot.busy.test_and_set(std::memory_order_acquire)) return;
  slot.at_ms = to_unix_ms(at);
  slot.level = line.level;
  slot.category_size = std::uint16_t(std::min(line.event.size(), slot.category.size()));
  std::copy_n(line.event.begin(), slot.category_size, slot.category.begin());
  const auto whole = valid_utf8_prefix(std::string_view{message}.substr(0, slot.message.size()));
  slot.message_size = std::uint16_t(whole);
  std::copy_n(message.begin(), whole, slot.message.begin());
  slot.busy.clear(std::memory_order_release);
}

std::vector<Breadcrumb> Breadcrumbs::newest(std::size_t at_most) const {
  std::vector<Breadcrumb> out;
  const auto end = next_.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < count; ++i) {
    Slot& slot = slots_[(end + i) % count];
    if (slot.busy.test_and_set(std::memory_order_acquire)) continue;
    if (slot.category_size > 0)
      out.push_back({.at = from_unix_ms(slot.at_ms),
                     .level = slot.level,
                     .category = {slot.category.data(), slot.category_size},
                     .message = {slot.message.data(), slot.message_size}});
    slot.busy.clear(std::memory_order_release);
  }
  if (out.size() > at_most) out.erase(out.begin(), out.end() - std::ptrdiff_t(at_most));
  return out;
}

}  // namespace voxanne::ops::sentry
