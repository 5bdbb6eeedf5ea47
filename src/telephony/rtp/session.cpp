#include "telephony/rtp/session.h"

#include "media/slot_clock.h"
#include "telephony/rtp/latch.h"
#include "telephony/rtp/receiver.h"
#include "telephony/rtp/reception.h"
#include "telephony/rtp/rtcp.h"
#include "telephony/rtp/sender.h"
#include "telephony/rtp/udp.h"

#include <fmt/format.h>

#include <cassert>
#include <chrono>
#include <optional>
#include <random>
#include <string>

namespace voxanne::telephony::rtp {
namespace {

constexpr unsigned slots_per_rtcp_look = 25;     // half a second
constexpr unsigned slots_per_rtcp_report = 250;  // five seconds (RFC 3550 6.2)
constexpr int max_batches = 16;                  // a bound on what one slot takes from a flood
constexpr int max_old_batches = 256;             // more than a socket's buffer holds
constexpr milliseconds usual_jitter_buffer{40};

// The wall clock, which is what RTCP exchanges; it measures here and decides nothing.
std::int64_t wall_clock_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

NtpTime to_ntp(std::int64_t ns) {
  constexpr std::uint64_t seconds_1900_to_1970 = 2'208'988'800, giga = 1'000'000'000;
  const auto time = static_cast<std::uint64_t>(ns);
  return (time / giga + seconds_1900_to_1970) << 32 | (time % giga << 32) / giga;
}

std::uint32_t to_ticks(std::int64_t ns) { return static_cast<std::uint32_t>(ns / 125'000); }

bool same(const Format& a, const Format& b) {
  return a.codec == b.codec && a.payload_type == b.payload_type && a.event_type == b.event_type;
}

}  // namespace

struct Session::Impl final : media::Ticked {
  Impl(media::Shard& on, PortPair pair, const Options& opts, std::random_device& random)
      : shard(on),
        ports(std::move(pair)),
        silence_limit(opts.silence_limit),
        cname(fmt::format("{:08x}{:08x}", random(), random())),
        sender(random(), static_cast<std::uint16_t>(random()), random()),
        slots(random() % slots_per_rtcp_report) {}

  void configure(const Format& agreed, const Endpoint& remote, Direction way);
  void start(SessionObserver& who, media::Exchange& with, int rate);
  void close();
  void prepare();
  void on_tick(SteadyTime now) override;
  void slot(SteadyTime now);
  void drain(SteadyTime now);
  void on_datagram(const Inbox::Datagram& datagram, SteadyTime now);
  void drain_rtcp(SteadyTime now);
  void send_rtcp(bool bye);
  void watch(SteadyTime now);
  bool can_send() const;
  void heard_from(SteadyTime now) {
    silent_since = now;
    timeout_reported = false;
  }

  media::Shard& shard;
  std::optional<PortPair> ports;  // empty: closed
  const seconds silence_limit;
  const std::string cname;

  SessionObserver* observer = nullptr;  // set: started
  media::Exchange* exchange = nullptr;
  int leg_rate = 0;
  std::size_t phase = 0;
  std::optional<media::SlotClock> clock;  // from the first tick on

  std::optional<Format> format;
  Direction direction = Direction::inactive;
  Latch latch;
  Sender sender;
  std::optional<Receiver> receiver;
  Reception reception;
  unsigned slots;

  std::optional<SteadyTime> silent_since;  // unset: from the next slot
  bool timeout_reported = false;

  std::uint64_t sent = 0, ignored = 0;
  std::uint64_t late_before = 0, concealed_before = 0;  // of receivers that another format replaced
  std::uint32_t packets_reported = 0;
  std::uint32_t their_report_middle = 0;
  std::int64_t their_report_ns = 0;
  std::chrono::microseconds round_trip{0};
};

void Session::Impl::configure(const Format& agreed, const Endpoint& remote, Direction way) {
  latch.expect(remote);
  const bool hears_again = receives(way) && !receives(direction);
  if (way == Direction::send_recv && direction != way) {
    silent_since.reset();
    timeout_reported = false;
  }
  direction = way;
  if (!format || !same(*format, agreed)) {
    format = agreed;
    prepare();
  } else if (hears_again && receiver) {
    receiver->reset();
  }
}

void Session::Impl::start(SessionObserver& who, media::Exchange& with, int rate) {
  assert(!observer && (rate == audio::narrowband || rate == audio::wideband));
  if (!ports) return;
  observer = &who;
  exchange = &with;
  leg_rate = rate;
  prepare();
  // What came while it rang is old.
  Inbox inbox;
  for (int i = 0; i < max_old_batches && inbox.receive(ports->rtp()); ++i) {
  }
  phase = shard.size();
  shard.add(*this);
}

void Session::Impl::prepare() {
  if (!format || leg_rate == 0) return;
  if (receiver) {
    late_before += receiver->late();
    concealed_before += receiver->concealed_frames();
  }
  receiver.emplace(*format, leg_rate);
  sender.set_format(*format, leg_rate);
}

void Session::Impl::close() {
  if (!ports) return;
  if (observer) {
    shard.remove(*this);
    send_rtcp(true);
  }
  ports.reset();
}

void Session::Impl::on_tick(SteadyTime now) {
  if (!clock) clock.emplace(now, phase);
  const auto due = clock->due(now);
  if (due.skipped > 0) {
    sender.skip(due.skipped);
    exchange->skip(due.skipped);
  }
  for (int i = 0; i < due.slots && ports; ++i) slot(now);
}

void Session::Impl::slot(SteadyTime now) {
  ++slots;
  drain(now);
  if (!ports) return;

  audio::Frame heard, said;
  heard.rate = said.rate = leg_rate;
  if (receiver && receives(direction)) receiver->fill(heard);
  exchange->exchange(heard, said);
  if (!ports) return;

  const auto datagram = sender.next(said, sends(direction) && can_send());
  if (!datagram.empty() && send_to(ports->rtp(), latch.destination(), datagram)) ++sent;

  if (slots % slots_per_rtcp_look == 0) drain_rtcp(now);
  if (slots % slots_per_rtcp_report == 0) send_rtcp(false);
  watch(now);
}

void Session::Impl::drain(SteadyTime now) {
  Inbox inbox;
  for (int batch = 0; batch < max_batches; ++batch) {
    const bool more = inbox.receive(ports->rtp());
    for (const auto& datagram : inbox.datagrams()) {
      on_datagram(datagram, now);
      if (!ports) return;
    }
    if (!more) return;
  }
}

void Session::Impl::on_datagram(const Inbox::Datagram& datagram, SteadyTime now) {
  Packet packet;
  if (parse(datagram.bytes, packet) != Flaw::none || !receiver ||
      !receiver->takes(packet.header.payload_type) || !latch.admit(datagram.from, packet.header, now)) {
    ++ignored;
    return;
  }
  heard_from(now);
  const auto& header = packet.header;
  reception.on_packet(header.ssrc, header.sequence, header.timestamp,
                      to_ticks(datagram.arrival_ns != 0 ? datagram.arrival_ns : wall_clock_ns()),
                      header.payload_type == format->payload_type);
  if (!receives(direction)) return;
  if (const auto digit = receiver->on_packet(packet)) observer->on_digit(*digit);
}

void Session::Impl::drain_rtcp(SteadyTime now) {
  Inbox inbox;
  for (int batch = 0; batch < max_batches; ++batch) {
    const bool more = inbox.receive(ports->rtcp());
    for (const auto& datagram : inbox.datagrams()) {
      Report report;
      if (datagram.from.address() != latch.destination().address() ||
          parse_rtcp(datagram.bytes, sender.ssrc(), report) != Flaw::none) {
        ++ignored;
        continue;
      }
      heard_from(now);
      if (report.sender) {
        their_report_middle = middle(report.sender->ntp);
        their_report_ns = datagram.arrival_ns;
      }
      if (report.about_us && report.about_us->last_sender_report != 0) {
        // RFC 3550 6.4.1: now - LSR - DLSR, in 1/65536 s.
        const std::uint32_t ticks = middle(to_ntp(datagram.arrival_ns)) -
                                    report.about_us->last_sender_report -
                                    report.about_us->delay_since_sender_report;
        constexpr std::uint32_t implausible = 10 * 65'536;
        if (ticks < implausible)
          round_trip = std::chrono::microseconds{std::int64_t{ticks} * 1'000'000 / 65'536};
      }
    }
    if (!more) return;
  }
}

void Session::Impl::send_rtcp(bool bye) {
  if (!can_send()) return;
  const auto now = wall_clock_ns();
  std::optional<SenderInfo> info;
  if (sender.packets() != packets_reported)
    info = {.ntp = to_ntp(now),
            .rtp = sender.timestamp(),
            .packets = sender.packets(),
            .octets = sender.octets()};
  packets_reported = sender.packets();

  std::optional<ReportBlock> block;
  if (const auto ssrc = reception.ssrc()) {
    const auto interval = reception.take_interval();
    block = {.ssrc = *ssrc,
             .fraction_lost = interval.fraction_lost,
             .cumulative_lost = interval.cumulative_lost,
             .highest_sequence = interval.highest_sequence,
             .jitter = reception.jitter_ticks(),
             .last_sender_report = their_report_middle,
             .delay_since_sender_report =
                 their_report_middle == 0
                     ? 0
                     : static_cast<std::uint32_t>((now - their_report_ns) / 1'000 * 65'536 / 1'000'000)};
  }
  std::array<std::uint8_t, max_rtcp_size> buffer;
  const auto size = write_rtcp(buffer, sender.ssrc(), info, block, cname, bye);
  const Endpoint& to = latch.destination();
  send_to(ports->rtcp(), {to.address(), static_cast<std::uint16_t>(to.port() + 1)},
          std::span{buffer}.first(size));
}

void Session::Impl::watch(SteadyTime now) {
  if (direction != Direction::send_recv || !format) return;
  if (!silent_since) silent_since = now;
  if (timeout_reported || now - *silent_since < silence_limit) return;
  timeout_reported = true;
  observer->on_media_timeout();
}

bool Session::Impl::can_send() const {
  const Endpoint& to = latch.destination();
  return to.port() != 0 && !to.address().is_unspecified() && to.protocol() == ports->local().protocol();
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::~Session() { close(); }

Result<std::unique_ptr<Session>> Session::open(media::Shard& shard, PortPool& ports, const Options& options) {
  auto pair = ports.lease(options.bind_address);
  if (!pair) return pair.error();
  std::random_device random;
  return std::unique_ptr<Session>{
      new Session(std::make_unique<Impl>(shard, std::move(*pair), options, random))};
}

Endpoint Session::local_endpoint() const { return impl_->ports ? impl_->ports->local() : Endpoint{}; }

void Session::configure(const Format& format, const Endpoint& remote, Direction direction) {
  impl_->configure(format, remote, direction);
}

void Session::start(SessionObserver& observer, media::Exchange& exchange, int sample_rate) {
  impl_->start(observer, exchange, sample_rate);
}

void Session::close() { impl_->close(); }

void Session::send_digits(std::string_view digits) { impl_->sender.queue_digits(digits); }

MediaStats Session::stats() const {
  const auto& receiver = impl_->receiver;
  return {.received = impl_->reception.received(),
          .lost = impl_->reception.lost(),
          .late = impl_->late_before + (receiver ? receiver->late() : 0),
          .concealed = impl_->concealed_before + (receiver ? receiver->concealed_frames() : 0),
          .sent = impl_->sent,
          .jitter_ms = impl_->reception.jitter_ticks() / 8.0};
}

std::uint64_t Session::ignored() const { return impl_->ignored; }

milliseconds Session::playout_delay() const {
  return usual_jitter_buffer + std::chrono::floor<milliseconds>(impl_->round_trip / 2);
}

}  // namespace voxanne::telephony::rtp
