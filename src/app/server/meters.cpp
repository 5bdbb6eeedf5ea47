#include "app/server/meters.h"

#include "base/secret.h"
#include "ops/sentry/client.h"

#include <algorithm>

namespace voxanne::app {
namespace {

constexpr std::array directions{domain::Direction::inbound, domain::Direction::outbound};

void observe_ms(metrics::Latency& histogram, const std::optional<int>& ms) {
  if (ms) histogram.observe(double(*ms) / 1'000.0);
}

}  // namespace

CallMeters::CallMeters(ops::Metrics& metrics) {
  const std::string turns = "voxanne_turn_latency_seconds";
  const std::string help = "from a caller's last word to the first sound of the answer, by part";
  metrics.histogram(turns, help, {{"part", "endpointing"}}, endpointing_);
  metrics.histogram(turns, help, {{"part", "recognition"}}, recognition_);
  metrics.histogram(turns, help, {{"part", "thinking"}}, thinking_);
  metrics.histogram(turns, help, {{"part", "first_audio"}}, first_audio_);
  metrics.histogram("voxanne_answer_latency_seconds", "the whole of it", {}, answer_);
  metrics.histogram("voxanne_rtp_jitter_seconds", "interarrival jitter at a call's end (RFC 3550)", {},
                    jitter_);
  metrics.counter("voxanne_rtp_packets_received_total", "of calls that have ended", {}, received_);
  metrics.counter("voxanne_rtp_packets_lost_total", "of calls that have ended", {}, lost_);
  metrics.counter("voxanne_rtp_packets_late_total", "of calls that have ended", {}, late_);
  metrics.counter("voxanne_rtp_packets_sent_total", "of calls that have ended", {}, sent_);
  metrics.counter("voxanne_rtp_frames_concealed_total", "of calls that have ended", {}, concealed_);
  metrics.counter("voxanne_call_seconds_total", "seconds from answer to end", {}, talked_seconds_);
  for (std::size_t d = 0; d < directions.size(); ++d)
    for (std::size_t f = 0; f < parties.size(); ++f)
      metrics.counter("voxanne_calls_ended_total", "calls that have ended, by whose fault a failure was",
                      {{"direction", std::string{domain::to_string(directions[d])}},
                       {"fault", std::string{domain::to_string(parties[f])}}},
                      ended_[d][f]);
}

void CallMeters::turn(const domain::Turn& turn) noexcept {
  const auto& latency = turn.latency;
  observe_ms(endpointing_, latency.endpointing_ms);
  observe_ms(recognition_, latency.recognition_ms);
  observe_ms(thinking_, latency.thinking_ms);
  observe_ms(first_audio_, latency.first_audio_ms);
  if (latency.endpointing_ms && latency.first_audio_ms)
    answer_.observe(double(*latency.endpointing_ms + latency.recognition_ms.value_or(0) +
                           latency.thinking_ms.value_or(0) + *latency.first_audio_ms) /
                    1'000.0);
}

void CallMeters::ended(const calls::Ended& call) noexcept {
  const auto party = std::ranges::find(parties, call.verdict.fault);
  const std::size_t outbound = call.call.direction == domain::Direction::outbound ? 1 : 0;
  if (party != parties.end()) ended_[outbound][std::size_t(party - parties.begin())].add();
  received_.add(call.media.received);
  lost_.add(call.media.lost);
  late_.add(call.media.late);
  sent_.add(call.media.sent);
  concealed_.add(call.media.concealed);
  if (call.media.received > 0) jitter_.observe(call.media.jitter_ms / 1'000.0);
  talked_seconds_.add(std::uint64_t(call.call.duration.value_or(0)));
}

void trace_call(ops::sentry::Client* tracker, const calls::Ended& ended) {
  if (!tracker || !tracker->samples(ended.trace)) return;
  const domain::Call& call = ended.call;
  const UtcTime start = call.answered_at.value_or(call.created_at);
  ops::sentry::Transaction transaction{
      .name = "call " + std::string{domain::to_string(call.direction)} + " " +
              std::string{domain::to_string(call.channel)},
      .op = "call",
      .status = ended.verdict.fault == domain::FaultParty::us ? "internal_error" : "ok",
      .start = call.created_at,
      .end = call.ended_at.value_or(call.created_at),
      .trace = ended.trace,
      .tags = {{"callId", call.id.str()},
               {"orgId", call.org.str()},
               {"endedReason", call.ended_reason},
               {"fault", std::string{domain::to_string(ended.verdict.fault)}}}};
  constexpr std::size_t most = 100;
  for (const auto& turn : ended.turns) {
    if (transaction.spans.size() == most) break;
    transaction.spans.push_back({.id = to_hex(random_bytes(8)),
                                 .op = "turn." + std::string{domain::to_string(turn.speaker)},
                                 .start = start + milliseconds{turn.start_ms},
                                 .end = start + milliseconds{turn.end_ms}});
  }
  tracker->finished(std::move(transaction));
}

}  // namespace voxanne::app
