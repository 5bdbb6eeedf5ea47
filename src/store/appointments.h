// Appointments. No two booked ones of a staff member overlap: each piece that books first bumps the
// versions of the days it touches, so that two writers of one day meet there, and is then refused where
// the time is taken.
#pragma once

#include "domain/contact.h"
#include "store/page.h"
#include "store/store.h"

namespace voxanne::store {

// A conflict where the time is taken or the contact is unknown.
void insert_appointment(Batch& batch, const domain::Appointment& appointment);
// A conflict too when it is not as it was read (`as_of`: its updated_at), or gone.
void update_appointment(Batch& batch, const domain::Appointment& appointment, UtcTime as_of);

namespace appointment_column {
enum : int {
  seq,
  starts_at,
  id,
  org_id,
  contact_id,
  call_id,
  staff,
  service,
  ends_at,
  status,
  notes,
  created_at,
  updated_at
};
}
domain::Appointment appointment_from(const Row& row);

async::Task<Result<std::optional<domain::Appointment>>> find_appointment(Store& store, OrgId org,
                                                                         AppointmentId id);
struct AppointmentFilter {
  std::optional<UtcTime> from{}, to{};  // startsAt in [from, to)
  std::string staff{};                  // empty: everybody's
};
// In the order in which they start. `total` is null.
async::Task<Result<PageInfo>> page_of_appointments(Store& store, OrgId org, AppointmentFilter filter,
                                                   PageRequest request, RowVisitor visit);

}  // namespace voxanne::store
