#include "speech/pocketsphinx/recognizer.h"

#include "speech/pocketsphinx/worker_process.h"

#include <algorithm>

namespace voxanne::speech::pocketsphinx {

class PocketSphinxRecognizer::Worker final : public WorkerProcess {
 public:
  using WorkerProcess::WorkerProcess;
};

// One call's ear. Lives on its shard; what the worker answers is posted there.
class PocketSphinxRecognizer::Stream final : public RecognizerStream {
 public:
  Stream(std::shared_ptr<Worker> worker, async::Executor executor)
      : worker_(std::move(worker)),
        answers_(std::make_shared<Answers>(executor)),
        id_(worker_->attach(answers_)) {}
  ~Stream() override {
    talking(false);
    worker_->detach(id_);
  }

  bool begin(int rate, std::string model) { return worker_->send({id_, OpenStream{rate, std::move(model)}}); }

  void write(const audio::Frame& frame) override {
    talking(true);
    if (!worker_->send_audio(id_, frame.samples())) fail();
  }
  void finish_utterance() override {
    talking(false);
    worker_->expect_final(id_);
    if (!worker_->send({id_, Finish{}})) fail();
  }
  void abandon_utterance() override {
    talking(false);
    if (!worker_->send({id_, Abandon{}})) fail();
  }
  async::Task<Result<Hypothesis>> next() override {
    const auto answers = answers_;
    if (auto answer = co_await answers->queue.pop()) co_return std::move(*answer);
    co_return unavailable("recognition_lost", "the speech worker of this call died or cannot follow");
  }

 private:
  void talking(bool now) {
    if (now != talking_) worker_->count_talking(now ? 1 : -1);
    talking_ = now;
  }
  void fail() { answers_->queue.close(); }

  std::shared_ptr<Worker> worker_;
  std::shared_ptr<Answers> answers_;
  std::uint32_t id_;
  bool talking_ = false;
};

PocketSphinxRecognizer::PocketSphinxRecognizer(async::Clock& clock, RecognizerOptions options)
    : clock_(clock), options_(std::move(options)) {}

PocketSphinxRecognizer::~PocketSphinxRecognizer() { stop(); }

Result<> PocketSphinxRecognizer::start() {
  for (unsigned i = 0; i < options_.workers; ++i) {
    auto worker = std::make_shared<Worker>(loop_.executor(), clock_, options_.command, options_.hung_after);
    if (auto started = worker->start(); started.has_error()) return started;
    workers_.push_back(std::move(worker));
  }
  running_ = true;
  return {};
}

void PocketSphinxRecognizer::stop() {
  if (!std::exchange(running_, false)) return;
  for (const auto& worker : workers_) async::run_on(loop_.executor(), worker->stop());
  loop_.stop();
}

async::Task<Result<std::unique_ptr<RecognizerStream>>> PocketSphinxRecognizer::open(const std::string& org,
                                                                                    int rate) {
  std::shared_ptr<Worker> best;
  for (const auto& worker : workers_)
    if (worker->alive() && worker->streams() < options_.streams_per_worker &&
        worker->talking() < options_.talking_per_worker && (!best || worker->streams() < best->streams()))
      best = worker;
  if (!best)
    co_return unavailable("recognition_saturated",
                          "as many callers are being understood as this machine can follow");

  std::error_code absent;
  auto model = std::filesystem::canonical(options_.models / org / "current", absent);
  if (absent) model = std::filesystem::canonical(options_.models / options_.fallback_org / "current", absent);
  if (absent) co_return unavailable("model_unusable", "no language model has been built yet");

  auto stream = std::make_unique<Stream>(best, co_await async::asio::this_coro::executor);
  if (!stream->begin(rate, model.string()))
    co_return unavailable("recognition_saturated", "the speech worker takes no more");
  co_return std::unique_ptr<RecognizerStream>{std::move(stream)};
}

PocketSphinxRecognizer::Load PocketSphinxRecognizer::load() const {
  Load out;
  for (const auto& worker : workers_) {
    out.workers_alive += worker->alive();
    out.streams += worker->streams();
    out.talking += worker->talking();
  }
  return out;
}

}  // namespace voxanne::speech::pocketsphinx
