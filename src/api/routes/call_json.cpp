#include "api/routes/call_json.h"

#include "domain/call_json.h"
#include "store/calls.h"

namespace voxanne::api {

void append_call(std::string& out, const store::Row& row) {
  namespace column = store::call_column;
  const auto real = [&](int index) {
    return row.is_null(index) ? std::optional<double>{} : std::optional{row.real(index)};
  };
  const auto duration_ms = row.is_null(column::duration_ms)
                               ? std::optional<double>{}
                               : std::optional{double(row.integer(column::duration_ms))};
  domain::append_call(
      out, domain::CallFields{.id = row.text(column::id),
                              .org = row.text(column::org_id),
                              .assistant = row.text(column::assistant_id),
                              .phone_number = row.text(column::phone_number_id),
                              .direction = row.text(column::direction),
                              .channel = row.text(column::channel),
                              .status = row.text(column::status),
                              .ended_reason = row.text(column::ended_reason),
                              .customer_number = row.text(column::customer_number),
                              .customer_name = row.text(column::customer_name),
                              .contact = row.text(column::contact_id),
                              .created_at = from_unix_ms(row.integer(column::created_at)),
                              .started_at = row.time(column::started_at),
                              .answered_at = row.time(column::answered_at),
                              .ended_at = row.time(column::ended_at),
                              .duration = duration_ms ? std::optional{*duration_ms / 1000.0} : std::nullopt,
                              .cost_cents = real(column::cost_cents),
                              .sentiment_score = real(column::sentiment_score),
                              .has_recording = row.integer(column::has_recording) != 0,
                              .has_transcript = row.integer(column::has_transcript) != 0,
                              .is_test = row.integer(column::is_test) != 0,
                              .recording_status = row.text(column::recording_status),
                              .summary = row.text(column::summary),
                              .outcome = row.text(column::outcome),
                              .sentiment_label = row.text(column::sentiment_label),
                              .tools_used = row.text(column::tools_used),
                              .appointment = row.text(column::appointment_id),
                              .metadata = row.text(column::metadata)});
}

}  // namespace voxanne::api
