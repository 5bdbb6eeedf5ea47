// The error tracking's client: sees every log line, turns error lines into events, and sends them with
// sampled transactions and the process's session to a Sentry-compatible tracker. There is no packaged
// C++ SDK (design.md).
//
//   any thread:  error line ─▶ copy, stack ─▶ lock-free list, bounded in bytes
//   its thread:  list ─▶ names for the stack ─▶ envelope, gzip ─▶ queue, bounded in bytes ─▶ HTTPS
//
// Nobody who reports ever waits: no lock, no I/O, no name look-up on the reporting thread. A tracker
// that is dead or slow holds up only this client's own thread; what does not fit is counted as lost.
// A tracker's rate limits are honoured; network failures and 5xx are tried again with backoff, oldest
// events dropped first. At most `events_per_minute` of one kind (log line, exception, route, place) are
// told, lest a storm of errors be a storm of events.
//
// Lifecycle: construct in main before anything else runs; start() begins the session and tells of
// crashes, whose reports (the newest 16) stay until a tracker took or refused them; stop() ends it, within
// the deadline. Owner: the serve command.
#pragma once

#include "base/metrics.h"
#include "base/trace.h"
#include "base/unhandled.h"
#include "ops/sentry/crash.h"
#include "ops/sentry/dsn.h"
#include "ops/sentry/envelope.h"

#include <filesystem>
#include <memory>
#include <string>

namespace voxanne::ops::sentry {

class Client final : public log::Observer {
 public:
  struct Options {
    std::optional<Dsn> dsn;  // none: nothing is sent; breadcrumbs and crash reports are kept all the same
    std::string release, environment, server_name;
    double traces_sample_rate = 0.1;
    std::filesystem::path directory;  // for crash reports and the session
    std::size_t max_bytes = 1 << 20;  // waiting, before and after encoding, each
    int events_per_minute = 20;       // of one kind
    int transactions_per_second = 20;
    milliseconds timeout{10'000};  // of one request to the tracker
  };

  explicit Client(Options options);
  ~Client() override;

  // Crash handler in place, crashes of former runs told, session begun; lines are observed from here on.
  void start();
  // No more lines; ends the session and sends what waits, for at most this long.
  void stop(milliseconds deadline);

  void on_line(const log::Line& line) noexcept override;

  enum class Caller { known, stranger };
  // Whether this piece of work is among the sampled ones; as the caller's traceparent decided, if it did
  // and the caller is known: a stranger's would fill the tracker.
  bool samples(const Trace& trace, Caller caller = Caller::known) noexcept;
  // Any thread; dropped when there are too many.
  void finished(Transaction transaction) noexcept;

  struct Stats {
    metrics::Counter captured, sent, dropped, failures;
  };
  const Stats& stats() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace voxanne::ops::sentry
