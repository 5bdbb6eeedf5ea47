#include "speech/pocketsphinx/worker_link.h"

#include "base/log.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace voxanne::speech::pocketsphinx {
namespace {

// A minute of one caller's audio, or two seconds of thirty: a worker so far behind is of no use.
constexpr std::size_t most_outgoing = 2u << 20;
constexpr milliseconds stable_after{10'000};

}  // namespace

WorkerLink::WorkerLink(const WorkerOptions& options, async::Clock& clock, async::Executor executor)
    : options_(options), clock_(clock), executor_(executor), outgoing_ready_(executor) {}

async::Task<> WorkerLink::run() {
  for (int failures = 0;; ++failures) {
    const auto started_at = clock_.now();
    auto process = WorkerProcess::start(options_.command, executor_);
    if (process) {
      process_ = std::make_unique<WorkerProcess>(std::move(*process));
      std::exception_ptr cancelled;
      try {
        co_await serve();
      } catch (...) {
        cancelled = std::current_exception();
      }
      const auto pid = process_->pid();
      process_.reset();
      answering_ = false;
      lose_streams();
      if (cancelled) std::rethrow_exception(cancelled);
      log::error("speech.worker_lost",
                 {{"pid", pid}, {"afterMs", (clock_.now() - started_at) / milliseconds{1}}});
    } else {
      log::error("speech.worker_not_started", {{"error", process.error().message}});
    }
    if (clock_.now() - started_at > stable_after) failures = 0;
    co_await clock_.sleep_for(options_.backoff.wait(failures, random_));
  }
}

async::Task<> WorkerLink::serve() {
  using namespace boost::asio::experimental::awaitable_operators;
  outgoing_.clear();
  lag_ = milliseconds{0};
  general_ready_ = 0;
  ping_ = pong_ = 0;
  co_await (read() || write() || heartbeat());
  co_await async::throw_if_cancelled();
}

async::Task<> WorkerLink::read() {
  std::string received;
  std::vector<char> buffer(16u << 10);
  for (;;) {
    boost::system::error_code error;
    const auto count = co_await process_->socket().async_read_some(
        boost::asio::buffer(buffer), boost::asio::redirect_error(async::use_task, error));
    if (error) co_return;
    received.append(buffer.data(), count);
    std::string_view rest = received;
    for (;;) {
      const auto answer = decode_answer(rest);
      if (!answer) {
        log::error("speech.worker_protocol", {{"error", answer.error().message}});
        co_return;
      }
      if (!answer->has_value()) break;
      take(**answer);
    }
    received.erase(0, received.size() - rest.size());
  }
}

async::Task<> WorkerLink::write() {
  for (;;) {
    while (outgoing_.empty()) {
      outgoing_ready_.reset();
      co_await outgoing_ready_.wait();
    }
    const std::string sending = std::exchange(outgoing_, {});
    boost::system::error_code error;
    co_await boost::asio::async_write(process_->socket(), boost::asio::buffer(sending),
                                      boost::asio::redirect_error(async::use_task, error));
    if (error) co_return;
  }
}

async::Task<> WorkerLink::heartbeat() {
  for (;;) {
    send(Ping{++ping_});
    pinged_at_ = clock_.now();
    while (pong_ != ping_) {
      co_await clock_.sleep_for(std::min(options_.ping_every, options_.hang_after / 4));
      const auto waited = std::chrono::floor<milliseconds>(clock_.now() - pinged_at_);
      if (pong_ != ping_) lag_ = std::max(lag_, waited);
      if (pong_ != ping_ && waited >= options_.hang_after) {
        log::error("speech.worker_hung", {{"pid", pid()}, {"waitedMs", waited.count()}});
        co_return;
      }
    }
    co_await clock_.sleep_for(options_.ping_every);
  }
}

void WorkerLink::take(const Answer& answer) {
  if (const auto* pong = std::get_if<Pong>(&answer)) {
    if (pong->number != ping_) return;
    pong_ = pong->number;
    answering_ = true;
    lag_ = std::chrono::floor<milliseconds>(clock_.now() - pinged_at_);
    general_ready_ = pong->general_ready;
    general_utterances_ += pong->general_utterances;
    // Enough audio to tell, and decoder openings average out.
    if (pong->audio_ms >= 200) {
      const double measured = std::min(1.0, static_cast<double>(pong->cpu_ms) / pong->audio_ms);
      real_time_factor_ += 0.1 * (measured - real_time_factor_);
    }
    return;
  }
  const auto stream_of = [&](StreamId id) {
    const auto found = streams_.find(id);
    return found == streams_.end() ? nullptr : &found->second;
  };
  if (const auto* opened = std::get_if<StreamOpened>(&answer)) {
    if (auto* stream = stream_of(opened->stream)) {
      stream->opened = true;
      stream->inbox.opened();
    }
  } else if (const auto* heard = std::get_if<Heard>(&answer)) {
    if (const auto* stream = stream_of(heard->stream)) stream->inbox.heard(*heard);
  } else if (const auto* failed = std::get_if<StreamFailed>(&answer)) {
    if (const auto* stream = stream_of(failed->stream)) {
      stream->inbox.gone(unavailable(failed->code, failed->message));
      streams_.erase(failed->stream);
    }
  }
}

void WorkerLink::open(OpenStream open, InboxAddress inbox) {
  streams_.insert_or_assign(open.stream, Stream{std::move(inbox), open.model});
  send(open);
}

void WorkerLink::send(const Request& request) {
  if (!process_) return;
  encode(request, outgoing_);
  outgoing_ready_.set();
  if (outgoing_.size() <= most_outgoing) return;
  log::error("speech.worker_behind", {{"pid", pid()}, {"bytes", outgoing_.size()}});
  boost::system::error_code ignored;
  process_->socket().shutdown(WorkerProcess::Socket::shutdown_both, ignored);  // ends read()
}

void WorkerLink::close(StreamId stream) {
  if (streams_.erase(stream) > 0) send(CloseStream{stream});
}

void WorkerLink::lose_streams() {
  for (const auto& [id, stream] : streams_) {
    if (!stream.opened) suspects_.push_back(stream.model);
    stream.inbox.gone(
        unavailable("recognizer_gone", "the speech worker of this call ended; it is being restarted"));
  }
  streams_.clear();
}

}  // namespace voxanne::speech::pocketsphinx
