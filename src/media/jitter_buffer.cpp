#include "media/jitter_buffer.h"

#include <algorithm>

namespace voxanne::media {
namespace {

constexpr std::int64_t cell = JitterBuffer::cell_ticks;
constexpr std::int64_t capacity = cell * JitterBuffer::capacity_cells;

// A leap forward of more than this in the sequence is another stream (RFC 3550 A.1 MAX_DROPOUT).
constexpr int max_dropout = 3'000;
// Audio this far from what is expected (half a second ahead, one behind) is another stream too.
constexpr std::int64_t max_ahead = 4'000, max_behind = -8'000;

constexpr int first_delay_cells = 2;
constexpr std::int64_t max_patience_cells = 10;
constexpr int max_wait_cells = 10;  // by then concealment has faded out

constexpr int cells_per_second = 100;
constexpr std::int64_t spare = 2 * cell;              // is given up where it is quiet
constexpr std::int64_t spare_in_speech = 6 * cell;    // is given up in any case,
constexpr std::int64_t long_delay = 20 * cell;        // and quicker above this
constexpr int apart_quiet = 5, apart_in_speech = 20;  // cells between two shortenings

}  // namespace

JitterBuffer::Put JitterBuffer::put(const Packet& packet) {
  if (!known_) return begin(packet);
  if (packet.ssrc != ssrc_) {
    if (state_ == State::idle || follows_suspect(packet)) return begin(packet);
    return hold_suspect(packet);
  }

  const int step = static_cast<std::int16_t>(packet.sequence - highest_);
  if (step <= -64) {
    // Old, or the sequence began anew.
    if (follows_suspect(packet)) return begin(packet);
    hold_suspect(packet);
    return Put::late;
  }
  if (step <= 0) {
    const std::uint64_t bit = std::uint64_t{1} << -step;
    if (seen_ & bit) return Put::duplicate;
    seen_ |= bit;
    return packet.audio && !packet.payload.empty() ? put_reordered(packet) : Put::queued;
  }

  std::int64_t at = static_cast<std::int32_t>(packet.timestamp - base_);
  const bool leaps = step > max_dropout || (packet.audio && state_ != State::idle && step != 1 &&
                                            (at - end_ > max_ahead || at < max_behind));
  if (leaps) {
    if (follows_suspect(packet)) return begin(packet);
    return hold_suspect(packet);
  }
  suspected_ = false;
  seen_ = step < 64 ? seen_ << step | 1 : 1;
  highest_ = packet.sequence;
  if (!packet.audio || packet.payload.empty()) {
    in_pause_ = true;
    return Put::queued;
  }
  in_pause_ = false;

  const auto size = std::min(static_cast<std::int64_t>(packet.payload.size()), capacity);
  if (state_ == State::idle) {
    play_from(packet.timestamp);
    at = 0;
  } else if (at - end_ > max_ahead || at < max_behind) {
    // Next in the sequence, elsewhere in time: the sender paused for long or set its clock anew.
    play_from(packet.timestamp);
    write(0, packet.payload.first(static_cast<std::size_t>(size)));
    return Put::resynchronized;
  } else {
    note_lead(at);
    if (at + size <= 0) return Put::late;
    // A burst after a stall: the newest is worth more than the oldest.
    while (at + size > capacity) {
      advance();
      at -= cell;
    }
    if (step == 1 && at > end_)
      for (std::int64_t i = (end_ + cell - 1) / cell; i < at / cell; ++i) slot(i).pause = true;
  }
  write(at, packet.payload.first(static_cast<std::size_t>(size)));
  return Put::queued;
}

JitterBuffer::Put JitterBuffer::put_reordered(const Packet& packet) {
  if (state_ == State::idle) return Put::late;
  const std::int64_t at = static_cast<std::int32_t>(packet.timestamp - base_);
  if (at > max_behind)
    if (const auto lead = note_lead(at); lead < 0)
      patience_cells_ =
          std::max(patience_cells_, static_cast<int>(std::min(max_patience_cells, -lead / cell + 1)));
  if (at < 0 || at + static_cast<std::int64_t>(packet.payload.size()) > capacity) return Put::late;
  write(at, packet.payload);
  return Put::queued;
}

std::int64_t JitterBuffer::note_lead(std::int64_t at) {
  const std::int64_t lead = at - waited_cells_ * cell;
  least_lead_ = std::min(least_lead_, lead);
  return lead;
}

bool JitterBuffer::follows_suspect(const Packet& packet) const {
  return suspected_ && packet.ssrc == suspect_ssrc_ &&
         packet.sequence == static_cast<std::uint16_t>(suspect_sequence_ + 1);
}

JitterBuffer::Put JitterBuffer::hold_suspect(const Packet& packet) {
  suspected_ = true;
  suspect_ssrc_ = packet.ssrc;
  suspect_sequence_ = packet.sequence;
  return Put::suspect;
}

JitterBuffer::Put JitterBuffer::begin(const Packet& packet) {
  const bool first = !known_;
  known_ = true;
  suspected_ = false;
  ssrc_ = packet.ssrc;
  highest_ = packet.sequence;
  seen_ = 1;
  in_pause_ = !packet.audio;
  state_ = State::idle;
  if (packet.audio && !packet.payload.empty()) {
    play_from(packet.timestamp);
    write(0, packet.payload.first(std::min<std::size_t>(packet.payload.size(), capacity)));
  }
  return first ? Put::queued : Put::resynchronized;
}

void JitterBuffer::play_from(std::uint32_t timestamp) {
  for (Slot& each : slots_) clear(each);
  state_ = State::filling;
  filling_cells_ = first_delay_cells;
  base_ = timestamp;
  end_ = 0;
  waited_cells_ = 0;
  least_lead_ = least_lead_before_ = no_lead;
  cells_this_second_ = cells_since_shortened_ = patience_cells_ = 0;
}

void JitterBuffer::write(std::int64_t at, std::span<const std::uint8_t> payload) {
  if (at < 0) {
    payload = payload.subspan(static_cast<std::size_t>(-at));
    at = 0;
  }
  end_ = std::max(end_, at + static_cast<std::int64_t>(payload.size()));
  while (!payload.empty()) {
    Slot& into = slot(at / cell);
    const auto from = static_cast<std::uint8_t>(at % cell);
    const auto n = std::min<std::size_t>(payload.size(), cell_ticks - from);
    const auto to = static_cast<std::uint8_t>(from + n);
    std::copy_n(payload.begin(), n, into.bytes.begin() + from);
    // Two parts that do not touch leave the later one: the cell will count as lost.
    const bool touches = from <= into.to && into.from <= to && into.from < into.to;
    into.from = touches ? std::min(into.from, from) : from;
    into.to = touches ? std::max(into.to, to) : to;
    into.pause = false;
    payload = payload.subspan(n);
    at += static_cast<std::int64_t>(n);
  }
}

void JitterBuffer::clear(Slot& slot) {
  slot.from = slot.to = 0;
  slot.pause = false;
}

void JitterBuffer::advance() {
  clear(slot(0));
  head_ = (head_ + 1) % capacity_cells;
  base_ += cell_ticks;
  end_ = std::max<std::int64_t>(0, end_ - cell);
}

JitterBuffer::Kind JitterBuffer::pop(Cell& out) {
  out.kind = Kind::none;
  if (state_ == State::idle) return out.kind;
  if (state_ == State::filling) {
    if (filling_cells_-- > 0) return out.kind;
    state_ = State::playing;
  }
  ++cells_since_shortened_;
  if (++cells_this_second_ >= cells_per_second) {
    cells_this_second_ = 0;
    least_lead_before_ = least_lead_;
    least_lead_ = no_lead;
    patience_cells_ = 0;
  }
  for (;; advance()) {
    const Slot& next = slot(0);
    const bool whole = next.to - next.from == cell;
    if (!whole && end_ <= cell && !next.pause) {
      // Nothing is there, nor after it.
      if (in_pause_ || waited_cells_ >= max_wait_cells) {
        state_ = State::idle;
        return out.kind = Kind::none;
      }
      ++waited_cells_;
      return out.kind = Kind::lost;
    }
    if (!whole && !next.pause && waited_cells_ < patience_cells_ && end_ < long_delay) {
      ++waited_cells_;
      return out.kind = Kind::lost;
    }
    if (!whole && waited_cells_ > 0) {
      // Its time was waited for already, before it was known to be lost or meant.
      --waited_cells_;
      continue;
    }
    waited_cells_ = 0;
    out.kind = whole ? Kind::voice : next.pause ? Kind::none : Kind::lost;
    if (whole) out.bytes = next.bytes;
    advance();
    return out.kind;
  }
}

bool JitterBuffer::should_shorten(bool quiet) {
  if (state_ != State::playing || least_lead_before_ == no_lead || least_lead_ == no_lead) return false;
  const std::int64_t lead = std::min(least_lead_, least_lead_before_);
  const bool hurry = quiet || end_ > long_delay;
  if (lead < (quiet ? spare : spare_in_speech) ||
      cells_since_shortened_ < (hurry ? apart_quiet : apart_in_speech))
    return false;
  cells_since_shortened_ = 0;
  least_lead_ -= cell;
  least_lead_before_ -= cell;
  return true;
}

int JitterBuffer::delay_ms() const { return static_cast<int>(end_ / 8); }

}  // namespace voxanne::media
