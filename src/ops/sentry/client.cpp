#include "ops/sentry/client.h"

#include "async/clock.h"
#include "async/deadline.h"
#include "async/task_group.h"
#include "async/thread.h"
#include "base/ids.h"
#include "net/http_client.h"
#include "ops/sentry/capture.h"
#include "ops/sentry/gzip.h"
#include "ops/sentry/rate_limits.h"

#include <algorithm>
#include <deque>
#include <fstream>
#include <map>

namespace voxanne::ops::sentry {
namespace {

constexpr milliseconds look_every{200};
constexpr milliseconds first_pause{1'000}, longest_pause{60'000};
constexpr int most_tries = 8;              // of what the tracker answered 5xx to
constexpr const char* logged = ".logged";  // a crash report that no tracker has, but the log

UtcTime utc_now() { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }

Origin origin_of(const Client::Options& options) {
  return {.dsn = options.dsn ? options.dsn->text : "",
          .public_key = options.dsn ? options.dsn->public_key : "",
          .release = options.release,
          .environment = options.environment,
          .server_name = options.server_name};
}

// The innermost frames of a crash are its handler's own, and the kernel's way into it.
void leave_out_the_handler(std::vector<Frame>& frames) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < std::min<std::size_t>(frames.size(), 6); ++i)
    if (frames[i].function.find("sentry::crash::") != std::string::npos) end = i + 1;
  if (end > 0 && end < frames.size() &&
      (frames[end].function.empty() || frames[end].function == "__restore_rt"))
    ++end;
  frames.erase(frames.begin(), frames.begin() + std::ptrdiff_t(end));
}

Event event_of(const crash::Report& report) {
  Event event;
  event.id = new_event_id();
  event.at = report.at;
  event.level = "fatal";
  event.type = crash::signal_name(report.signal);
  event.value = report.address != 0 || report.code > 0
                    ? "the process ended by a fault at address " + std::to_string(report.address)
                    : "the process was ended by a signal";
  event.mechanism = "signalhandler";
  event.logger = "crash";
  event.thread = report.thread;
  event.modules = report.modules;
  event.frames = resolve(report.frames, report.modules);
  leave_out_the_handler(event.frames);
  event.breadcrumbs = report.breadcrumbs;
  event.tags = {{"session", report.session}, {"thread", report.thread}};
  return event;
}

}  // namespace

struct Client::Impl {
  explicit Impl(Options o) : options(std::move(o)), origin(origin_of(options)), captured(options.max_bytes) {
    session.id = new_session_id();
    session.started = utc_now();
  }

  struct Encoded {
    std::string body;  // gzip
    Category category;
    std::filesystem::path report{};  // the crash report that it tells of, if it does
    int tries = 0;
  };
  enum class Sent { yes, no, refused, never };

  std::filesystem::path session_file() const { return options.directory / "session"; }

  void enqueue(const std::string& envelope, Category category, std::filesystem::path report = {}) {
    if (limits.limited(category, clock.now())) return stats.dropped.add();
    Encoded encoded{.body = gzip(envelope), .category = category, .report = std::move(report)};
    queued_bytes += encoded.body.size();
    queue.push_back(std::move(encoded));
    // What is oldest tells least about now.
    while (queued_bytes > options.max_bytes && queue.size() > 1) {
      queued_bytes -= queue.front().body.size();
      queue.pop_front();
      stats.dropped.add();
    }
  }

  // What has one cause: a storm of it must not hide another defect behind the same log line.
  static std::string kind_of(const Captured& seen) {
    const std::string place = seen.stack.empty() ? "" : std::to_string(seen.stack.front());
    return seen.event.logger + '\n' + seen.event.type + '\n' + seen.event.transaction + '\n' + place;
  }

  // A kind's events in this minute: the first ones tell all there is to know.
  bool is_too_many(const std::string& kind) {
    constexpr std::size_t most_kinds = 256;
    const auto minute = clock.now().time_since_epoch() / std::chrono::minutes{1};
    if (minute != this_minute) {
      this_minute = minute;
      told.clear();
    }
    const bool is_known = told.contains(kind) || told.size() < most_kinds;
    return ++told[is_known ? kind : ""] > options.events_per_minute;  // beyond, all are one kind
  }

  // Looking names up takes milliseconds; most stacks share most of their addresses.
  std::vector<Frame> names_of(const Addresses& stack, const std::vector<Module>& modules) {
    constexpr std::size_t most = 4'096;
    if (names.size() > most) names.clear();
    Addresses unknown;
    std::ranges::copy_if(stack, std::back_inserter(unknown),
                         [&](std::uintptr_t address) { return !names.contains(address); });
    for (auto& frame : resolve(unknown, modules)) names.insert_or_assign(frame.address, std::move(frame));
    std::vector<Frame> out;
    for (const std::uintptr_t address : stack) out.push_back(names.at(address));
    return out;
  }

  void take_captured() {
    for (auto& one : captured.take()) {
      if (auto* transaction = std::get_if<Transaction>(&one)) {
        enqueue(encode(origin, *transaction, utc_now()), Category::transaction);
        continue;
      }
      auto& seen = std::get<Captured>(one);
      ++session.errors;
      if (is_too_many(kind_of(seen))) {
        stats.dropped.add();
        continue;
      }
      seen.event.modules = loaded_modules();
      seen.event.frames = names_of(seen.stack, seen.event.modules);
      enqueue(encode(origin, seen.event, utc_now()), Category::error);
    }
  }

  async::Task<Sent> send(Encoded& encoded, milliseconds limit) {
    if (limits.limited(encoded.category, clock.now())) co_return Sent::never;
    net::HttpClient::Request request{
        .method = "POST", .url = options.dsn->envelope_url, .body = encoded.body};
    request.headers.add("Content-Type", "application/x-sentry-envelope");
    request.headers.add("Content-Encoding", "gzip");
    request.headers.add("X-Sentry-Auth", auth_header(*options.dsn));
    request.timeout = request.idle_timeout = limit;
    request.connect_timeout = std::min(limit, milliseconds{3'000});
    ++encoded.tries;
    const auto answer = co_await http->send(std::move(request));
    if (!answer) {
      stats.failures.add();
      tell_state(answer.error().code);
      co_return Sent::no;
    }
    limits.note(answer->status, answer->headers.get("X-Sentry-Rate-Limits"),
                answer->headers.get("Retry-After"), clock.now());
    if (answer->status < 300) {
      tell_state("");
      co_return Sent::yes;
    }
    stats.failures.add();
    tell_state("http_" + std::to_string(answer->status));
    if (answer->status < 500) co_return answer->status == 429 ? Sent::never : Sent::refused;
    co_return encoded.tries < most_tries ? Sent::no : Sent::never;
  }

  // The log has one line when the tracker goes away and one when it is back.
  void tell_state(const std::string& trouble) {
    if (trouble == failing) return;
    if (trouble.empty())
      log::info("errors.tracker_back", {{"after", failing}});
    else
      log::warning("errors.tracker_away", {{"code", trouble}});
    failing = trouble;
  }

  // Until nothing waits or the tracker fails; false on failure.
  async::Task<bool> send_queued(async::Deadline deadline) {
    while (!queue.empty()) {
      const auto left = std::min(options.timeout, deadline.remaining(clock));
      if (left <= 0ms) co_return false;
      // Out of the queue while it is sent: what overflows meanwhile must not take it from under us.
      Encoded encoded = std::move(queue.front());
      queue.pop_front();
      queued_bytes -= encoded.body.size();
      Sent sent = Sent::no;
      std::exception_ptr stopped;
      sent_one->reset();
      try {
        sent = co_await send(encoded, left);
      } catch (...) {
        stopped = std::current_exception();
      }
      sent_one->set();
      if (sent == Sent::yes) stats.sent.add();
      if (sent == Sent::refused || sent == Sent::never) stats.dropped.add();
      // What was dropped otherwise is told by the next start.
      if (sent == Sent::yes || sent == Sent::refused) crash::forget(encoded.report);
      if (sent == Sent::no) {
        queued_bytes += encoded.body.size();
        queue.push_front(std::move(encoded));
        if (stopped) std::rethrow_exception(stopped);
        co_return false;
      }
      if (stopping) co_return false;
    }
    co_return true;
  }

  async::Task<> run() {
    milliseconds pause = first_pause;
    for (;;) {
      take_captured();
      if (co_await send_queued(async::Deadline::after(clock, std::chrono::hours{1}))) {
        pause = first_pause;
        co_await clock.sleep_for(look_every);
      } else {
        co_await clock.sleep_for(pause);
        pause = std::min(pause * 2, longest_pause);
      }
    }
  }

  async::Task<> finish(milliseconds limit) {
    using namespace async::asio::experimental::awaitable_operators;
    const auto deadline = async::Deadline::after(clock, limit);
    // What is on its way may arrive, rather than be sent twice.
    stopping = true;
    co_await (sent_one->wait() || clock.sleep_until(deadline.at()));
    co_await tasks->stop();
    stopping = false;
    take_captured();
    session.status = "exited";
    session.init = false;
    session.at = utc_now();
    enqueue(encode(origin, session, utc_now()), Category::session);
    if (!co_await send_queued(deadline)) log::warning("errors.not_all_told", {{"left", queue.size()}});
  }

  void tell_of_former_runs();
  void begin_session();

  const Options options;
  const Origin origin;
  Client::Stats stats;
  Breadcrumbs breadcrumbs;
  Inbox captured;
  std::atomic<std::int64_t> second{0};
  std::atomic<int> transactions{0};
  bool started = false;

  // On the loop below, or before it has tasks.
  async::SystemClock clock;
  RateLimits limits;
  Session session;
  std::deque<Encoded> queue;
  std::size_t queued_bytes = 0;
  std::map<std::string, int> told;
  std::map<std::uintptr_t, Frame> names;
  std::int64_t this_minute = 0;
  std::string failing;
  std::optional<net::HttpClient> http;
  bool stopping = false;
  std::optional<async::Event> sent_one;  // set while nothing is on its way
  std::optional<async::TaskGroup> tasks;
  std::optional<async::LoopThread> loop;
};

// What ended an earlier run, if it was no exit: a crash report, or only a session that never ended.
void Client::Impl::tell_of_former_runs() {
  Session former;
  if (std::ifstream file{session_file()}; file) {
    std::int64_t started_ms = 0;
    file >> former.id >> started_ms >> former.environment >> former.release;
    former.started = from_unix_ms(std::clamp<std::int64_t>(started_ms, 0, to_unix_ms(utc_now())));
    if (!is_sane_id(former.id)) former.id.clear();
  }
  former.at = utc_now();
  former.status = "abnormal";
  for (const auto& report : crash::collect(options.directory)) {
    if (!options.dsn && report.file.extension() == logged) continue;
    Event event = event_of(report);
    log::error("crash.found", {{"signal", event.type},
                               {"at", to_rfc3339(report.at)},
                               {"thread", report.thread},
                               {"in", event.frames.empty() ? "" : event.frames.front().function}});
    if (report.session == former.id) {
      former.status = "crashed";
      former.errors = 1;
      former.at = report.at;
    }
    if (!options.dsn) {
      std::error_code ignored;
      std::filesystem::rename(report.file, std::filesystem::path{report.file}.replace_extension(logged),
                              ignored);
      continue;
    }
    Origin then = origin;
    then.release = report.release;
    then.environment = report.environment;
    stats.captured.add();
    enqueue(encode(then, event, utc_now()), Category::error, report.file);
  }
  if (options.dsn && !former.id.empty()) enqueue(encode(origin, former, utc_now()), Category::session);
}

void Client::Impl::begin_session() {
  std::ofstream file{session_file(), std::ios::trunc};
  file << session.id << '\n'
       << to_unix_ms(session.started) << '\n'
       << options.environment << '\n'
       << options.release << '\n';
  if (!options.dsn) return;
  session.init = true;
  session.at = session.started;
  enqueue(encode(origin, session, utc_now()), Category::session);
}

Client::Client(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() {
  if (impl_->started) stop(0ms);
  crash::uninstall();  // its breadcrumbs are ours
}

const Client::Stats& Client::stats() const noexcept { return impl_->stats; }

void Client::start() {
  Impl& impl = *impl_;
  std::error_code ignored;
  std::filesystem::create_directories(impl.options.directory, ignored);
  impl.tell_of_former_runs();
  crash::install({.directory = impl.options.directory,
                  .session = impl.session.id,
                  .release = impl.options.release,
                  .environment = impl.options.environment,
                  .started = impl.session.started},
                 impl.breadcrumbs);
  impl.begin_session();
  if (impl.options.dsn) {
    impl.loop.emplace("errors", 10);
    impl.http.emplace(
        impl.loop->executor(),
        net::HttpClient::Options{.max_connections = 1, .user_agent = std::string{client_name} + "/1.0"});
    impl.sent_one.emplace(impl.loop->executor());
    impl.sent_one->set();
    impl.tasks.emplace(impl.loop->executor(), "errors");
    async::asio::post(impl.loop->executor(), [&impl] { impl.tasks->spawn(impl.run()); });
  }
  impl.started = true;
  log::observe(this);
}

void Client::stop(milliseconds deadline) {
  Impl& impl = *impl_;
  if (!std::exchange(impl.started, false)) return;
  log::observe(nullptr);
  if (impl.loop) {
    async::run_on(impl.loop->executor(), impl.finish(deadline));
    async::run_on(impl.loop->executor(), [](Impl& self) -> async::Task<> {
      self.http.reset();
      self.tasks.reset();
      self.sent_one.reset();
      co_return;
    }(impl));
    impl.loop.reset();
  }
  std::error_code ignored;
  std::filesystem::remove(impl.session_file(), ignored);
}

void Client::on_line(const log::Line& line) noexcept {
  try {
    const UtcTime now = utc_now();
    if (line.level == log::Level::error && impl_->options.dsn) {
      impl_->stats.captured.add();
      if (!impl_->captured.put(capture_line(line, now, impl_->breadcrumbs))) impl_->stats.dropped.add();
    }
    if (line.level != log::Level::debug) impl_->breadcrumbs.add(now, line);
  } catch (const std::exception&) {
    impl_->stats.dropped.add();  // no memory: the line itself is still written
  }
}

bool Client::samples(const Trace& trace, Caller caller) noexcept {
  if (!impl_->options.dsn || impl_->options.traces_sample_rate <= 0) return false;
  const bool known = caller == Caller::known;
  if (const auto decided = trace.sampled(); decided && known) return *decided;
  // Ids are random, so a trace's own number decides, and alike wherever it comes by. A stranger may have
  // chosen it, but not the span's, which is ours.
  std::uint64_t number = 0;
  for (const char c : known ? trace.trace_id().substr(16, 13) : trace.span_id().substr(0, 13))
    number = number * 16 + std::uint64_t(c >= 'a' ? c - 'a' + 10 : c - '0');
  return double(number) < impl_->options.traces_sample_rate * double(std::uint64_t{1} << 52);
}

void Client::finished(Transaction transaction) noexcept {
  if (!impl_->options.dsn) return;
  const auto second = std::chrono::steady_clock::now().time_since_epoch() / seconds{1};
  if (impl_->second.exchange(second, std::memory_order_relaxed) != second)
    impl_->transactions.store(0, std::memory_order_relaxed);
  if (impl_->transactions.fetch_add(1, std::memory_order_relaxed) >= impl_->options.transactions_per_second)
    return impl_->stats.dropped.add();
  try {
    transaction.id = new_event_id();
    if (!impl_->captured.put(std::move(transaction))) impl_->stats.dropped.add();
  } catch (const std::exception&) {
    impl_->stats.dropped.add();
  }
}

}  // namespace voxanne::ops::sentry
