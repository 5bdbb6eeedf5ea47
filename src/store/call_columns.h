// The columns of call_column, of a table named c. A macro, since statements are literals put together
// by the preprocessor.
#pragma once

#define VOXANNE_CALL_COLUMNS "c.seq, " VOXANNE_CALL_COLUMNS_AFTER_SEQ
#define VOXANNE_CALL_COLUMNS_AFTER_SEQ                                                            \
  "c.created_at, c.id, c.org_id, c.assistant_id, c.phone_number_id, c.direction, c.channel, "     \
  "c.status, c.ended_reason, c.customer_number, c.customer_name, c.contact_id, c.started_at, "    \
  "c.answered_at, c.ended_at, c.duration_ms, c.cost_cents, c.has_recording, c.recording_status, " \
  "c.has_transcript, c.summary, c.outcome, c.sentiment_label, c.sentiment_score, c.tools_used, "  \
  "c.appointment_id, c.is_test, c.metadata, c.fault"
