#include "domain/contact.h"

#include <array>
#include <utility>

namespace voxanne::domain {
namespace {

constexpr std::array<std::pair<AppointmentStatus, std::string_view>, 4> words{{
    {AppointmentStatus::booked, "booked"},
    {AppointmentStatus::cancelled, "cancelled"},
    {AppointmentStatus::completed, "completed"},
    {AppointmentStatus::no_show, "no-show"},
}};

}  // namespace

std::string_view to_string(AppointmentStatus value) {
  for (const auto& [status, word] : words)
    if (status == value) return word;
  return "booked";
}

std::optional<AppointmentStatus> parse_appointment_status(std::string_view text) {
  for (const auto& [status, word] : words)
    if (word == text) return status;
  return std::nullopt;
}

}  // namespace voxanne::domain
