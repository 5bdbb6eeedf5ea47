#include "api/jwks_source.h"

#include "api/max_age.h"
#include "async/backoff.h"
#include "async/deadline.h"
#include "async/reply.h"
#include "base/log.h"

namespace voxanne::api {

namespace {

std::int64_t ns(SteadyTime time) { return time.time_since_epoch().count(); }

}  // namespace

JwksSource::JwksSource(Options options, async::Clock& clock, async::Executor executor)
    : options_(std::move(options)),
      clock_(clock),
      executor_(executor),
      client_(executor, {.max_connections = 2, .max_requests = 4, .ca_file = options_.ca_file}),
      tasks_(executor, "jwks") {}

JwksSource::~JwksSource() = default;

void JwksSource::start() {
  async::asio::post(executor_, [this] { tasks_.spawn(run()); });
}

async::Task<> JwksSource::stop() {
  ended_.set();
  co_await tasks_.stop();
}

std::shared_ptr<const KeySet> JwksSource::current() const {
  const std::lock_guard lock{mutex_};
  if (keys_ && clock_.now() - good_at_ >= options_.stale_for) return nullptr;
  return keys_;
}

void JwksSource::keep(KeySet set) {
  const std::lock_guard lock{mutex_};
  good_at_ = clock_.now();
  if (keys_ && keys_->fingerprint() == set.fingerprint()) return;
  log::info("jwks.changed", {{"keys", set.size()}, {"leftOut", set.left_out()}});
  keys_ = std::make_shared<const KeySet>(std::move(set));
  generation_.fetch_add(1, std::memory_order_release);
}

async::Task<bool> JwksSource::fetch(milliseconds& next) {
  net::HttpClient::Request request{.url = options_.url};
  request.headers.add("Accept", "application/jwk-set+json, application/json");
  request.timeout = seconds{5};
  request.max_body = KeySet::max_document;
  const auto answer = co_await client_.send(std::move(request));
  std::string problem;
  if (!answer) {
    problem = answer.error().message;
  } else if (answer->status != 200) {
    problem = "the answer's status is " + std::to_string(answer->status);
  } else if (auto set = KeySet::parse(answer->body); !set) {
    problem = set.error().message;
  } else {
    keep(std::move(*set));
    next = std::clamp(max_age(answer->headers).value_or(options_.refresh_after), options_.min_refresh,
                      options_.max_refresh);
    co_return true;
  }
  log::warning("jwks.unavailable", {{"error", problem}, {"keysInUse", current() != nullptr}});
  co_return false;
}

async::Task<> JwksSource::run() {
  using namespace async::asio::experimental::awaitable_operators;
  int failures = 0;
  for (;;) {
    fetching_ = true;
    ended_.reset();
    wanted_.reset();
    next_request_ns_ = ns(clock_.now() + options_.between_requests);
    milliseconds next{};
    const bool good = co_await fetch(next);
    healthy_ = good;
    if (good)
      failures = 0;
    else
      next = async::Backoff{options_.retry_first, options_.retry_last}.wait(failures++, random_);
    fetching_ = false;
    ended_.set();
    co_await (wanted_.wait() || clock_.sleep_for(next));
  }
}

async::Task<> JwksSource::request_and_wait() {
  using namespace async::asio::experimental::awaitable_operators;
  if (!fetching_) {
    if (ns(clock_.now()) < next_request_ns_) co_return;
    ended_.reset();
    wanted_.set();
  }
  co_await (ended_.wait() || clock_.sleep_for(options_.wait_at_most));
}

async::Task<> JwksSource::renewed() {
  if (!fetching_ && ns(clock_.now()) < next_request_ns_) co_return;
  co_await async::on_loop(executor_, request_and_wait());
}

}  // namespace voxanne::api
