#include "app/caller/load.h"

#include "app/caller/sip_caller.h"
#include "app/caller/web_caller.h"
#include "async/task_group.h"
#include "async/thread.h"
#include "telephony/sip/gateway.h"

#include <future>
#include <mutex>
#include <thread>

namespace voxanne::app {
namespace {

class Load {
 public:
  explicit Load(const LoadPlan& plan) : plan_(plan) { tally_.placed = plan.calls; }

  LoadTally run() {
    begun_ = clock_.now();
    if (plan_.to.starts_with("sip:"))
      over_sip();
    else
      over_web();
    return std::move(tally_);
  }

 private:
  using Place = std::function<async::Task<>(int call)>;

  // Calls first, first + step, … on one loop, each when its turn has come.
  async::Task<Result<>> place_every(async::Executor executor, int first, int step, const Place& place) {
    async::TaskGroup tasks{executor, "load"};
    for (int call = first; call < plan_.calls; call += step) tasks.spawn(in_turn(call, place));
    co_await tasks.join();
    co_return Result<>{};
  }
  async::Task<> in_turn(int call, const Place& place) {
    co_await clock_.sleep_until(begun_ + turn_of(call));
    co_await place(call);
  }
  milliseconds turn_of(int call) const { return milliseconds{std::int64_t(call * 1'000 / plan_.per_second)}; }
  milliseconds talk_of(int call) const { return turn_of(plan_.calls - 1) - turn_of(call) + plan_.together; }
  void on_all(const std::vector<async::Executor>& loops,
              const std::function<Place(std::size_t loop)>& place) {
    std::vector<std::future<void>> running;
    std::vector<Place> places;
    for (std::size_t i = 0; i < loops.size(); ++i) places.push_back(place(i));
    for (std::size_t i = 0; i < loops.size(); ++i)
      running.push_back(std::async(std::launch::async, [&, i] {
        static_cast<void>(
            async::run_on(loops[i], place_every(loops[i], int(i), int(loops.size()), places[i])));
      }));
    for (auto& one : running) one.get();
  }

  LoadTalker::Options talker_options(int call) const { return {.limit = talk_of(call)}; }

  void over_sip() {
    auto setup = plan_.sip();
    if (setup.has_error()) return refuse_all(setup.error().message);
    telephony::sip::SipThread thread;
    telephony::sip::Gateway gateway{thread, clock_, std::move(*setup), {}};
    if (auto started = gateway.start(); started.has_error()) return refuse_all(started.error().message);
    std::vector<std::unique_ptr<media::Shard>> shards;
    std::vector<async::Executor> loops;
    for (unsigned i = 0; i < cores(); ++i) {
      shards.push_back(std::make_unique<media::Shard>("caller" + std::to_string(i)));
      loops.push_back(shards.back()->executor());
    }
    on_all(loops, [&](std::size_t loop) -> Place {
      return [this, &gateway, &shard = *shards[loop]](int call) -> async::Task<> {
        LoadTalker* talker = nullptr;
        auto ended = co_await call_over_sip(
            clock_, shard, gateway,
            {.to = plan_.to, .from_number = "load-" + std::to_string(call), .from_name = {}, .is_test = true},
            [&](int rate) -> std::unique_ptr<Talker> {
              auto made = std::make_unique<LoadTalker>(
                  rate == audio::narrowband ? plan_.clips.narrowband : plan_.clips.wideband,
                  talker_options(call));
              talker = made.get();
              return made;
            });
        if (ended.has_error())
          refuse(ended.error().message);
        else
          take(call, ended->outcome, *talker);
      };
    });
    gateway.stop();
    for (auto& shard : shards) shard->stop();
  }

  void over_web() {
    const std::string url = plan_.to + (plan_.to.find('?') == std::string::npos ? "?" : "&") + "isTest=true";
    std::vector<std::unique_ptr<async::LoopThread>> threads;
    std::vector<async::Executor> loops;
    for (unsigned i = 0; i < cores(); ++i) {
      threads.push_back(std::make_unique<async::LoopThread>("caller" + std::to_string(i)));
      loops.push_back(threads.back()->executor());
    }
    on_all(loops, [&](std::size_t) -> Place {
      return [this, &url](int call) -> async::Task<> {
        LoadTalker talker{plan_.clips.wideband, talker_options(call)};
        auto ended = co_await call_over_web(clock_, url, plan_.token, talker, {});
        if (ended.has_error())
          refuse(ended.error().message);
        else
          take(call, *ended, talker);
      };
    });
  }

  static unsigned cores() { return std::max(1u, std::thread::hardware_concurrency()); }

  void refuse(const std::string& why) {
    const std::lock_guard lock{mutex_};
    ++tally_.refused[why];
  }
  void refuse_all(const std::string& why) { tally_.refused[why] = plan_.calls; }

  void take(int call, const CallerOutcome& outcome, const LoadTalker& talker) {
    const std::lock_guard lock{mutex_};
    ++tally_.answered;
    if (!talker.done()) ++tally_.broken;
    tally_.set_up_ms.push_back(double(outcome.set_up.count()));
    for (const milliseconds answer : talker.answers()) tally_.answer_ms.push_back(double(answer.count()));
    tally_.unanswered += talker.unanswered();
    tally_.talked_seconds += std::chrono::duration<double>(talk_of(call)).count();
    tally_.media.received += outcome.media.received;
    tally_.media.lost += outcome.media.lost;
    tally_.media.late += outcome.media.late;
    tally_.media.concealed += outcome.media.concealed;
    tally_.media.sent += outcome.media.sent;
    tally_.jitter_ms.push_back(outcome.media.jitter_ms);
  }

  const LoadPlan& plan_;
  async::SystemClock clock_;
  SteadyTime begun_{};
  std::mutex mutex_;
  LoadTally tally_;
};

}  // namespace

LoadTally place_load(const LoadPlan& plan) { return Load{plan}.run(); }

}  // namespace voxanne::app
