#include "store/appointments.h"

#include "store/find.h"
#include "store/statements.h"
#include "store/values.h"

#include <limits>

namespace voxanne::store {
namespace {

constexpr Statement bump_day{
    "appointment_days.bump",
    "INSERT INTO appointment_days (org_id, staff, day, version) VALUES (?1, ?2, ?3, 1) "
    "ON CONFLICT (org_id, staff, day) DO UPDATE SET version = appointment_days.version + 1"};

// None is longer than Appointment::longest, so what overlaps begins within that time before the end.
#define TAKEN(staff, from, to, longest)                                                     \
  "SELECT 1 FROM appointments o WHERE o.org_id = ?1 AND o.staff = " staff                   \
  " AND o.status = 'booked' AND o.starts_at > " from " - " longest " AND o.starts_at < " to \
  " AND o.ends_at > " from " AND o.id <> ?2"
#define CONTACT_IS_KNOWN "(?3 = '' OR EXISTS (SELECT 1 FROM contacts c WHERE c.org_id = ?1 AND c.id = ?3))"

constexpr Statement insert{
    "appointments.insert",
    "INSERT INTO appointments (org_id, id, contact_id, call_id, staff, service, starts_at, ends_at, status, "
    "notes, created_at, updated_at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11 "
    "WHERE " CONTACT_IS_KNOWN " AND (?9 <> 'booked' OR NOT EXISTS (" TAKEN("?5", "?7", "?8", "?12") "))"};

constexpr Statement update{
    "appointments.update",
    "UPDATE appointments SET contact_id = ?3, staff = ?4, service = ?5, starts_at = ?6, ends_at = ?7, "
    "status = ?8, notes = ?9, updated_at = ?10 WHERE org_id = ?1 AND id = ?2 AND updated_at = ?11 "
    "AND " CONTACT_IS_KNOWN " AND (?8 <> 'booked' OR NOT EXISTS (" TAKEN("?4", "?6", "?7", "?12") "))"};

#define APPOINTMENT_COLUMNS                                                                      \
  "a.seq, a.starts_at, a.id, a.org_id, a.contact_id, a.call_id, a.staff, a.service, a.ends_at, " \
  "a.status, a.notes, a.created_at, a.updated_at"

constexpr Statement one{"appointments.one", "SELECT " APPOINTMENT_COLUMNS
                                            " FROM appointments a WHERE a.org_id = ?1 AND a.id = ?2"};
constexpr Statement page{"appointments.page",
                         "SELECT " APPOINTMENT_COLUMNS
                         " FROM appointments a WHERE a.org_id = ?5 AND (a.starts_at, a.seq) > (?1, ?2) AND "
                         "a.starts_at < ?6 ORDER BY a.starts_at, a.seq LIMIT ?3 OFFSET ?4"};
constexpr Statement staff_page{
    "appointments.page_of_staff",
    "SELECT " APPOINTMENT_COLUMNS
    " FROM appointments a WHERE a.org_id = ?5 AND a.staff = ?7 AND (a.starts_at, a.seq) > (?1, ?2) AND "
    "a.starts_at < ?6 ORDER BY a.starts_at, a.seq LIMIT ?3 OFFSET ?4"};

constexpr std::int64_t longest = domain::Appointment::longest.count();

void bump_days(Batch& batch, const domain::Appointment& appointment) {
  using std::chrono::days;
  if (appointment.status != domain::AppointmentStatus::booked) return;
  const auto last = std::chrono::floor<days>(appointment.ends_at - milliseconds{1});
  for (auto day = std::chrono::floor<days>(appointment.starts_at); day <= last; day += days{1})
    batch.add(bump_day, {bound(appointment.org), appointment.staff, bound(UtcTime{day})}, 1);
}

}  // namespace

void insert_appointment(Batch& batch, const domain::Appointment& appointment) {
  bump_days(batch, appointment);
  batch.add(
      insert,
      {bound(appointment.org), bound(appointment.id), bound(appointment.contact), bound(appointment.call),
       appointment.staff, appointment.service, bound(appointment.starts_at), bound(appointment.ends_at),
       bound(to_string(appointment.status)), appointment.notes, bound(appointment.created_at), longest},
      1);
}

void update_appointment(Batch& batch, const domain::Appointment& appointment, UtcTime as_of) {
  bump_days(batch, appointment);
  batch.add(update,
            {bound(appointment.org), bound(appointment.id), bound(appointment.contact), appointment.staff,
             appointment.service, bound(appointment.starts_at), bound(appointment.ends_at),
             bound(to_string(appointment.status)), appointment.notes, bound(appointment.updated_at),
             bound(as_of), longest},
            1);
}

domain::Appointment appointment_from(const Row& row) {
  using namespace appointment_column;
  return {id_from<AppointmentTag>(row, id),
          id_from<OrgTag>(row, org_id),
          id_from<ContactTag>(row, contact_id),
          id_from<CallTag>(row, call_id),
          row.str(staff),
          row.str(service),
          from_unix_ms(row.integer(starts_at)),
          from_unix_ms(row.integer(ends_at)),
          word_from(row, status, domain::parse_appointment_status),
          row.str(notes),
          from_unix_ms(row.integer(created_at)),
          from_unix_ms(row.integer(updated_at))};
}

async::Task<Result<std::optional<domain::Appointment>>> find_appointment(Store& store, OrgId org,
                                                                         AppointmentId id) {
  return find_one(store, one, {bound(org), bound(id)}, appointment_from);
}

async::Task<Result<PageInfo>> page_of_appointments(Store& store, OrgId org, AppointmentFilter filter,
                                                   PageRequest request, RowVisitor visit) {
  using Limits = std::numeric_limits<std::int64_t>;
  Cursor begin{filter.from ? to_unix_ms(*filter.from) : Limits::min(), Limits::min()};
  if (request.after && *request.after > begin) begin = *request.after;
  std::vector<Value> values{bound(org), filter.to ? to_unix_ms(*filter.to) : Limits::max()};
  if (filter.staff.empty())
    return read_page(store, page, std::move(values), request, begin, std::move(visit));
  values.emplace_back(std::move(filter.staff));
  return read_page(store, staff_page, std::move(values), request, begin, std::move(visit));
}

std::span<const Statement* const> appointment_statements() {
  static constexpr const Statement* all[] = {&bump_day, &insert, &update, &one, &page, &staff_page};
  return all;
}

}  // namespace voxanne::store
