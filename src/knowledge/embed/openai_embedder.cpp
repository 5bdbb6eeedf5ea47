#include "knowledge/embed/openai_embedder.h"

#include "async/reply.h"
#include "base/log.h"

#include <algorithm>

namespace voxanne::knowledge::embed {
namespace {

namespace asio = async::asio;
using Vectors = Result<std::vector<Vector>>;

constexpr std::size_t most_remembered = 512;
constexpr milliseconds probe_within{2'000};
constexpr std::size_t largest_answer = 64u << 20;
// More than this to read costs the loop more than handing it over does.
constexpr std::size_t read_here_at_most = 128u << 10;

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

OpenAiEmbedder::OpenAiEmbedder(Options options, async::Clock& clock, async::Executor executor,
                               async::WorkerPool& workers)
    : options_(std::move(options)),
      clock_(clock),
      executor_(executor),
      workers_(workers),
      client_(executor, {.max_connections_per_host = 8, .max_requests = 128, .ca_file = options_.ca_file}),
      documents_({.threshold = 3, .pause = milliseconds{2'000}, .max_pause = milliseconds{60'000}}),
      questions_({.threshold = 3, .pause = milliseconds{2'000}, .max_pause = milliseconds{30'000}}),
      tasks_(executor, "embedder") {}

void OpenAiEmbedder::start() { tasks_.spawn(probe()); }

async::Task<Vectors> OpenAiEmbedder::embed(std::string model, std::vector<std::string> texts, Purpose purpose,
                                           async::Deadline deadline) {
  co_return co_await async::on_loop(executor_,
                                    embed_here(std::move(model), std::move(texts), purpose, deadline));
}

async::Task<Vectors> OpenAiEmbedder::embed_here(std::string model, std::vector<std::string> texts,
                                                Purpose purpose, async::Deadline deadline) {
  for (auto& text : texts) {
    text.resize(cut_for_embedding(text).size());
    if (is_blank(text))
      co_return malformed("embedding_input_empty", "a text to embed holds nothing but blanks");
  }
  const bool question = purpose == Purpose::question && texts.size() == 1;
  if (question)
    if (const Vector* known = remembered(model + "\n" + texts.front())) co_return std::vector<Vector>{*known};

  const auto now = clock_.now();
  auto& breaker = purpose == Purpose::question ? questions_ : documents_;
  if (now < limited_until_ || !breaker.allow(now)) {
    Error paused = unavailable("embedding_paused", "the embedding provider has failed and is left alone");
    paused.retry_after = std::chrono::ceil<seconds>(std::max(pause(), milliseconds{1'000}));
    co_return paused;
  }
  // An end by cancellation is no verdict.
  struct Trial {
    async::CircuitBreaker& breaker;
    async::Clock& clock;
    bool judged = false;
    ~Trial() {
      if (!judged) breaker.abandoned(clock.now());
    }
  } trial{breaker, clock_};
  Vectors outcome = co_await request(parse_model(model), texts, deadline);
  trial.judged = true;
  const std::chrono::duration<double> took = clock_.now() - now;
  (purpose == Purpose::question ? seen_.questions : seen_.documents).observe(took.count());
  if (!outcome) seen_.failed.add();
  learn(model, purpose, outcome);
  if (question && outcome) remember(model + "\n" + texts.front(), outcome->front());
  co_return outcome;
}

async::Task<Vectors> OpenAiEmbedder::request(const Model& model, const std::vector<std::string>& texts,
                                             async::Deadline deadline) {
  const milliseconds left = deadline.remaining(clock_);
  if (left.count() == 0) co_return timed_out("embedding_timed_out", "no time was left for embedding");
  net::HttpClient::Request request{.method = "POST",
                                   .url = options_.base_url + "/embeddings",
                                   .body = request_body(model, texts),
                                   .connect_timeout = std::min(left, milliseconds{5'000}),
                                   .timeout = left,
                                   .idle_timeout = left,
                                   .max_body = largest_answer};
  request.headers.add("Content-Type", "application/json");
  if (!options_.api_key.empty())
    request.headers.add("Authorization", "Bearer " + std::string{options_.api_key.reveal()});
  auto answer = co_await client_.send(std::move(request));
  if (!answer) {
    if (answer.error().kind == Fault::timed_out)
      co_return timed_out("embedding_timed_out", "the embedding provider did not answer in time");
    co_return unavailable("embedding_provider_away",
                          "the embedding provider is not reached (" + answer.error().code + ")");
  }
  if (answer->status != 200) co_return read_refusal(answer->status, answer->headers, clock_.utc());
  if (answer->body.size() <= read_here_at_most) co_return read_answer(answer->body, model, texts.size());
  auto read = co_await async::with_deadline(
      clock_, deadline, workers_.run_or_leave([body = std::move(answer->body), model, count = texts.size()] {
        return read_answer(body, model, count);
      }));
  if (!read && read.error().code == "deadline_passed")
    co_return timed_out("embedding_timed_out", "no time was left for reading the provider's answer");
  co_return read;
}

void OpenAiEmbedder::learn(const std::string& model, Purpose purpose, const Vectors& outcome) {
  const auto now = clock_.now();
  used_at_ = now;
  auto& breaker = purpose == Purpose::question ? questions_ : documents_;
  // It answered, though not with vectors: a text that it does not take, a model that it no longer has.
  const bool answered = outcome || outcome.error().code == "embedding_refused" ||
                        (outcome.error().code == "embedding_model_unknown" && model != options_.model);
  if (answered) {
    breaker.success();
    if (purpose == Purpose::question && !failed_) return;
    const bool recovered = failed_.exchange(false);
    failures_ = 0;
    retry_at_ = {};
    if (recovered) log::info("embeddings.recovered", {});
    if (recovered && options_.on_recovered) options_.on_recovered();
    return;
  }
  const Error& error = outcome.error();
  const milliseconds asked = error.retry_after.value_or(seconds{0});
  breaker.failure(now, asked);
  if (asked.count() > 0) limited_until_ = now + asked;
  // Too slow for one who waits says nothing about the provider.
  if (purpose == Purpose::question && error.kind == Fault::timed_out) return;
  retry_at_ = now + std::max(asked, backoff_.wait(failures_++, random_));
  {
    const std::lock_guard lock{mutex_};
    last_error_ = error;
  }
  if (!failed_.exchange(true))
    log::warning("embeddings.failed", {{"code", error.code}, {"retryAfter", asked.count() / 1'000}});
}

milliseconds OpenAiEmbedder::pause() const {
  const auto until = std::max(retry_at_, limited_until_);
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(until - clock_.now()));
}

Result<> OpenAiEmbedder::health() const {
  if (!failed_) return {};
  const std::lock_guard lock{mutex_};
  return last_error_;
}

async::Task<> OpenAiEmbedder::probe() {
  for (;;) {
    const auto due = used_at_ == SteadyTime{} ? clock_.now() : used_at_ + options_.probe_every;
    const auto at = std::max(due, limited_until_);
    if (at > clock_.now()) {
      co_await clock_.sleep_until(std::min(at, clock_.now() + options_.probe_every));
      continue;
    }
    const auto probed = co_await embed_here(options_.model, {"hello"}, Purpose::document,
                                            async::Deadline::after(clock_, probe_within));
    // The breaker let nothing through: it is for it to say when.
    if (!probed && probed.error().code == "embedding_paused") co_await clock_.sleep_for(milliseconds{500});
  }
}

const Vector* OpenAiEmbedder::remembered(const std::string& key) {
  const auto found = by_question_.find(key);
  if (found == by_question_.end()) return nullptr;
  latest_.splice(latest_.begin(), latest_, found->second);
  return &found->second->second;
}

void OpenAiEmbedder::remember(std::string key, const Vector& vector) {
  if (by_question_.contains(key)) return;
  latest_.emplace_front(key, vector);
  by_question_.emplace(std::move(key), latest_.begin());
  if (latest_.size() <= most_remembered) return;
  by_question_.erase(latest_.back().first);
  latest_.pop_back();
}

}  // namespace voxanne::knowledge::embed
