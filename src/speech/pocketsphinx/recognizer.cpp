#include "speech/pocketsphinx/recognizer.h"

#include "base/ids.h"
#include "base/log.h"

#include <unistd.h>

#include <algorithm>
#include <mutex>

namespace voxanne::speech::pocketsphinx {
namespace {

constexpr std::size_t frames_per_message = 3;  // 60 ms: fewer wake-ups for no delay anyone hears

}  // namespace

// The link thread and what lives on it. Streams keep it alive; jobs run only before stop() returns and
// hold it plainly.
class PocketSphinxRecognizer::Link {
 public:
  Link(RecognizerOptions options, async::Clock& clock) : options_(std::move(options)), clock_(clock) {
    if (options_.workers == 0) options_.workers = std::max(1U, std::thread::hardware_concurrency());
    for (unsigned i = 0; i < options_.workers; ++i)
      workers_.push_back(std::make_unique<WorkerLink>(worker_options_, clock_, thread_.executor()));
    load_.workers = options_.workers;
  }

  void start() {
    boost::asio::post(thread_.executor(), [this] {
      for (auto& worker : workers_) tasks_.spawn(worker->run());
      tasks_.spawn(watch());
    });
  }

  // A worker answers some milliseconds after its start: whoever asks right after ours shall find it.
  void await_first_sign(milliseconds limit) {
    async::run_on(thread_.executor(), [](Link& link, SteadyTime until) -> async::Task<> {
      while (link.load().workers_alive == 0 && link.clock_.now() < until) {
        co_await link.clock_.sleep_for(milliseconds{2});
        link.refresh_load();
      }
    }(*this, clock_.now() + limit));
  }

  void stop() {
    if (stopped_.exchange(true)) return;
    async::run_on(thread_.executor(), tasks_.stop());
    thread_.stop();
  }

  // Any thread.
  template <class Job>
  void post(Job job) {
    if (!stopped_) boost::asio::post(thread_.executor(), std::move(job));
  }

  const RecognizerOptions& options() const { return options_; }
  bool stopped() const { return stopped_; }
  StreamId next_id() { return next_id_++; }

  RecognizerLoad load() const {
    const std::lock_guard lock{load_mutex_};
    return load_;
  }

  std::vector<int> pids() {
    if (stopped_) return {};
    return async::run_on(thread_.executor(), [](Link& link) -> async::Task<std::vector<int>> {
      std::vector<int> all;
      for (const auto& worker : link.workers_)
        if (worker->alive()) all.push_back(worker->pid());
      co_return all;
    }(*this));
  }

  // From here on: the link's thread.
  void open(OpenStream open, const InboxAddress& inbox) {
    drop_suspects();
    if (distrusted_.contains(open.model)) open.model = open.fallback;
    WorkerLink* least = nullptr;
    bool any_alive = false;
    for (const auto& worker : workers_) {
      if (!worker->alive()) continue;
      any_alive = true;
      if (worker->streams() >= capacity_of(*worker) || worker->lag() > options_.saturated_lag) continue;
      if (least == nullptr || worker->streams() < least->streams()) least = worker.get();
    }
    if (least == nullptr) {
      turned_away_ += any_alive ? 1 : 0;
      auto error =
          any_alive
              ? unavailable(std::string{saturated}, "every speech worker has as many callers as it can hear")
              : unavailable("recognition_away", "no speech worker is running; they are being restarted");
      error.retry_after = seconds{any_alive ? 10 : 2};
      return inbox.gone(std::move(error));
    }
    by_stream_[open.stream] = least;
    least->open(std::move(open), inbox);
    refresh_load();
  }

  void send(const Request& request, StreamId stream) {
    if (const auto found = by_stream_.find(stream); found != by_stream_.end()) found->second->send(request);
  }

  void close(StreamId stream) {
    const auto found = by_stream_.find(stream);
    if (found == by_stream_.end()) return;
    found->second->close(stream);
    by_stream_.erase(found);
    refresh_load();
  }

 private:
  std::size_t capacity_of(const WorkerLink& worker) const {
    const double per_caller = std::max(0.01, worker.real_time_factor()) * options_.talking_share;
    const auto carries = std::max<std::size_t>(1, static_cast<std::size_t>(options_.core_share / per_caller));
    return options_.most_callers == 0 ? carries : std::min<std::size_t>(carries, options_.most_callers);
  }

  void drop_suspects() {
    const auto now = clock_.now();
    std::erase_if(distrusted_, [now](const auto& entry) { return entry.second <= now; });
    for (const auto& worker : workers_)
      for (auto& model : worker->take_suspects()) {
        log::error("speech.model_distrusted", {{"model", std::filesystem::path{model}.filename().string()}});
        distrusted_[std::move(model)] = now + options_.distrust_model_for;
      }
  }

  async::Task<> watch() {
    for (;;) {
      refresh_load();
      co_await clock_.sleep_for(milliseconds{200});
    }
  }

  void refresh_load() {
    RecognizerLoad now{.workers = options_.workers, .turned_away = turned_away_};
    std::size_t capacity = 0;
    for (const auto& worker : workers_) {
      now.streams += static_cast<unsigned>(worker->streams());
      if (!worker->alive()) continue;
      ++now.workers_alive;
      capacity += capacity_of(*worker);
      now.lag = std::max(now.lag, worker->lag());
      now.general_ready += worker->general_ready();
      now.general_utterances += worker->general_utterances();
    }
    now.capacity = static_cast<unsigned>(capacity);
    now.share = capacity == 0 ? 1 : static_cast<double>(now.streams) / static_cast<double>(capacity);
    const std::lock_guard lock{load_mutex_};
    load_ = now;
  }

  RecognizerOptions options_;
  const WorkerOptions worker_options_{.command = options_.command, .hang_after = options_.hang_after};
  async::Clock& clock_;
  std::atomic<bool> stopped_ = false;
  std::atomic<StreamId> next_id_ = 1;
  mutable std::mutex load_mutex_;
  RecognizerLoad load_;
  async::LoopThread thread_{"speech-link"};
  std::vector<std::unique_ptr<WorkerLink>> workers_;
  std::map<StreamId, WorkerLink*> by_stream_;
  std::uint64_t turned_away_ = 0;
  std::map<std::string, SteadyTime> distrusted_;
  async::TaskGroup tasks_{thread_.executor(), "speech-link"};
};

class PocketSphinxRecognizer::Stream final : public RecognizerStream {
 public:
  Stream(std::shared_ptr<Link> link, StreamId id, std::shared_ptr<Inbox> inbox, int rate)
      : link_(std::move(link)), id_(id), inbox_(std::move(inbox)), rate_(rate) {}

  ~Stream() override {
    link_->post([link = link_.get(), id = id_] { link->close(id); });
  }

  void write(const audio::Frame& frame) override {
    if (inbox_->gone || frame.rate != rate_) return;
    const auto samples = frame.samples();
    pending_.insert(pending_.end(), samples.begin(), samples.end());
    if (pending_.size() >= frames_per_message * audio::samples_per_frame(rate_)) flush();
  }

  void finish_utterance() override {
    flush();
    send(FinishUtterance{id_, inbox_->utterance++});
  }

  void abandon_utterance() override {
    pending_.clear();
    send(AbandonUtterance{id_, inbox_->utterance++});
    std::erase_if(inbox_->heard, [](const Hypothesis& heard) { return !heard.final; });
  }

  async::Task<Result<Hypothesis>> next() override {
    for (;;) {
      if (!inbox_->heard.empty()) {
        auto heard = std::move(inbox_->heard.front());
        inbox_->heard.pop_front();
        co_return heard;
      }
      if (link_->stopped()) co_return unavailable("recognizer_gone", "the recognizer is stopping");
      if (inbox_->gone) co_return *inbox_->gone;
      inbox_->changed.reset();
      co_await inbox_->changed.wait();
    }
  }

  async::Task<Result<>> opened() {
    while (!inbox_->opened && !inbox_->gone) {
      inbox_->changed.reset();
      co_await inbox_->changed.wait();
    }
    if (inbox_->gone) co_return *inbox_->gone;
    co_return Result<>{};
  }

 private:
  void flush() {
    if (!pending_.empty()) send(AudioOf{id_, inbox_->utterance, std::exchange(pending_, {})});
  }
  void send(Request request) {
    link_->post([link = link_.get(), id = id_, request = std::move(request)] { link->send(request, id); });
  }

  std::shared_ptr<Link> link_;
  StreamId id_;
  std::shared_ptr<Inbox> inbox_;
  int rate_;
  std::vector<audio::Sample> pending_;
};

PocketSphinxRecognizer::PocketSphinxRecognizer(async::Clock& clock, RecognizerOptions options)
    : link_(std::make_shared<Link>(std::move(options), clock)) {}

PocketSphinxRecognizer::~PocketSphinxRecognizer() { stop(); }

Result<> PocketSphinxRecognizer::start() {
  const auto& command = link_->options().command;
  if (command.empty() || ::access(command.front().c_str(), X_OK) != 0)
    return unavailable("speech_worker_not_started", "cannot run the speech worker " +
                                                        (command.empty() ? "(no command)" : command.front()));
  link_->start();
  link_->await_first_sign(milliseconds{150});
  return {};
}

void PocketSphinxRecognizer::stop() { link_->stop(); }

async::Task<Result<std::unique_ptr<RecognizerStream>>> PocketSphinxRecognizer::open(std::string org,
                                                                                    int rate) {
  if (rate != audio::narrowband && rate != audio::wideband)
    co_return malformed("unsupported_rate",
                        "speech is recognized at 8000 or 16000 Hz, not " + std::to_string(rate));
  // The id becomes a folder's name.
  if (!is_sane_id(org) || org.starts_with('.'))
    co_return malformed("bad_organization", "this organization id cannot name a model");
  if (link_->stopped()) co_return unavailable("recognizer_gone", "the recognizer is stopping");

  const auto executor = co_await boost::asio::this_coro::executor;
  const auto inbox = std::make_shared<Inbox>(executor);
  const auto id = link_->next_id();
  const auto& models = link_->options().models;
  OpenStream request{.stream = id,
                     .rate = static_cast<std::uint16_t>(rate),
                     .model = (models / org).string(),
                     .fallback = (models / link_->options().fallback_org).string()};
  auto stream = std::make_unique<Stream>(link_, id, inbox, rate);
  link_->post([link = link_.get(), request = std::move(request), address = InboxAddress{executor, inbox}] {
    link->open(request, address);
  });
  if (auto opened = co_await stream->opened(); !opened) co_return opened.error();
  co_return stream;
}

RecognizerLoad PocketSphinxRecognizer::load() const { return link_->load(); }
std::vector<int> PocketSphinxRecognizer::worker_pids() { return link_->pids(); }

}  // namespace voxanne::speech::pocketsphinx
