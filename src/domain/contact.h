// People an organization knows, and when they come. Values.
#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <optional>
#include <string>
#include <string_view>

namespace voxanne::domain {

struct Contact {
  ContactId id;
  OrgId org;
  std::string name;
  std::string number;  // E.164, or empty; at most one contact of an organization has it
  std::string email;   // or empty
  std::string notes;
  std::optional<UtcTime> last_call_at;
  UtcTime created_at{}, updated_at{};
};

// Only a booked one takes its staff member's time.
enum class AppointmentStatus { booked, cancelled, completed, no_show };
std::string_view to_string(AppointmentStatus value);
std::optional<AppointmentStatus> parse_appointment_status(std::string_view text);

struct Appointment {
  static constexpr milliseconds longest{24h};

  AppointmentId id;
  OrgId org;
  ContactId contact;  // or empty
  CallId call;        // the call that booked it, or empty
  std::string staff;  // whose time it takes
  std::string service;
  UtcTime starts_at{}, ends_at{};  // [starts_at, ends_at)
  AppointmentStatus status = AppointmentStatus::booked;
  std::string notes;
  UtcTime created_at{}, updated_at{};
};

}  // namespace voxanne::domain
