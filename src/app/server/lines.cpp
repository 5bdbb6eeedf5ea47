#include "app/server/lines.h"

#include "app/server/sip_options.h"
#include "store/demo.h"

#include <boost/asio/detached.hpp>

namespace voxanne::app {
namespace {

constexpr int calls_per_core = 500;  // half of what the pacing of one core carries (legs_bench)
// Beyond this an interval of 20 ms is heard to be missed now and then.
constexpr milliseconds too_late{10};
// Sentences to synthesize, documents, recordings: by then a reply waits for seconds.
constexpr std::size_t waiting_per_core = 100;
constexpr std::string_view callee_says = "Hello, this is a test call. What time do you open on Monday?";

}  // namespace

Result<> Lines::start() {
  make_switchboard();
  make_browser_calls();
  make_callee();
  calls::Switchboard::Dialers dialers{{domain::PhoneNumber::Carrier::builtin, &*callee}};
  if (auto listening = listen(); listening.has_error()) return listening;
  if (sip) dialers.emplace(domain::PhoneNumber::Carrier::sip, &*sip);
  switchboard->set_dialers(std::move(dialers));
  return {};
}

void Lines::make_switchboard() {
  const Config& config = foundation.config;
  calls::Services services{
      .clock = foundation.clock,
      .store = *records.journal,
      .events = *records.bus,
      .spool = *records.spool,
      .providers =
          [this](const media::Shard& shard, const calls::Subject& subject, calls::Hands hands) {
            return speech.voices->providers_for(shard, subject, std::move(hands));
          },
      .look_up = [this](OrgId org, std::string question)
          -> async::Task<Result<std::optional<conversation::KnowledgeAnswer>>> {
        auto found = co_await knowing.retriever->look_up(std::move(org), std::move(question));
        if (found.has_error()) co_return found.error();
        if (!*found) co_return std::nullopt;
        co_return conversation::KnowledgeAnswer{.sentence = std::move((*found)->sentence),
                                                .source = std::move((*found)->source),
                                                .score = (*found)->score};
      },
      .upload_queued = [this] { records.wake_uploads(); },
      .holder = foundation.holder,
      .outward_queued = [this] { outward.wake(); },
      .mail_message = [this](store::Batch& batch, const domain::Message& message,
                             const domain::Organization& to) { outward.mail(batch, message, to); },
      .on_turn = [this](const domain::Turn& turn) { foundation.call_meters.turn(turn); },
      .on_ended =
          [this](const calls::Ended& call) {
            foundation.call_meters.ended(call);
            trace_call(foundation.tracker ? &*foundation.tracker : nullptr, call);
          }};
  calls::Switchboard::Options options{
      .admission = {.max_calls =
                        config.max_calls > 0 ? config.max_calls : calls_per_core * int(foundation.cores),
                    .strain = [this] { return strain(); }},
      .overflow_number = config.overflow_number};
  if (foundation.development())
    options.catch_all = std::pair{OrgId{std::string{store::demo::organization_id}},
                                  AssistantId{std::string{store::demo::assistant_id}}};
  switchboard.emplace(std::move(services), std::move(options), foundation.media_shards());
}

// What the calls that run would be heard to suffer from.
std::string Lines::strain() const {
  for (const auto& shard : foundation.media)
    if (shard->tick_lag().p99 > too_late) return "ticks that pace calls are late";
  if (foundation.workers.backlog() > waiting_per_core * foundation.cores)
    return "too much waits for a worker";
  // Alone it is no reason to turn somebody away, who can still choose by keys and leave a message; where
  // somebody else would answer, it is.
  if (!foundation.config.overflow_number.empty() && speech.recognizer) {
    const auto load = speech.recognizer->load();
    if (load.capacity > 0 && load.streams >= load.capacity) return "nobody else would be understood";
  }
  return {};
}

void Lines::make_browser_calls() {
  browser.emplace(
      telephony::browser::Gateway::Options{}, foundation.clock,
      [this]() -> media::Shard& { return switchboard->choose_shard(); },
      [this](std::unique_ptr<telephony::Leg> leg, telephony::browser::InboundCall call) {
        switchboard->take_for(
            std::move(leg), std::move(call.info), std::move(call.org), std::move(call.assistant),
            [side = std::move(call.side)](domain::Speaker speaker, std::string_view text, bool final) {
              side->show_transcript(speaker, text, final);
            });
      });
}

void Lines::make_callee() {
  callee.emplace([this](std::function<void(telephony::synthetic::Callee::Speech)> done) {
    auto render = [](Voices& with, auto tell) -> async::Task<> {
      auto rendered = co_await with.render(std::string{callee_says}, "rms", audio::narrowband);
      tell(rendered ? std::move(*rendered) : telephony::synthetic::Callee::Speech{});
    };
    async::asio::co_spawn(foundation.house.executor(), render(*speech.voices, std::move(done)),
                          async::asio::detached);
  });
}

Result<> Lines::listen() {
  if (foundation.config.sip_listen.empty()) return {};
  auto options = sip_options(foundation.config);
  if (options.has_error()) return options.error();
  sip_thread.emplace();
  sip.emplace(*sip_thread, foundation.clock, std::move(*options),
              telephony::sip::Inbound{
                  .choose_shard = [this]() -> media::Shard& { return switchboard->choose_shard(); },
                  .on_inbound =
                      [this](std::unique_ptr<telephony::Leg> leg, telephony::InboundInfo info) {
                        switchboard->take(std::move(leg), std::move(info));
                      }});
  if (auto listening = sip->start(); listening.has_error()) return listening;
  for (const auto& socket : sip->listening())
    (socket.transport == telephony::sip::Transport::udp ? sip_udp : sip_tcp) = socket.port;
  return {};
}

void Lines::drain(seconds limit) {
  if (sip) sip->drain();
  if (switchboard) switchboard->drain(limit);
}

void Lines::stop() {
  if (sip) sip->stop();
}

}  // namespace voxanne::app
