#include "events/live_hub.h"

#include "async/deadline.h"
#include "base/token_bucket.h"
#include "events/live_protocol.h"
#include "net/credential_check.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <utility>

namespace voxanne::events {
namespace {

namespace close_code = net::close_code;

constexpr milliseconds subscribe_within{5'000};
// At the token.
constexpr milliseconds look_within{2'000};
// What is handed to the socket at a time: enough to fill a connection, little to hold for a slow one.
constexpr std::size_t portion = 16 * 1024;
// How long one that is far behind may take for a portion, and how long it may stay so far behind though it
// reads.
constexpr milliseconds stuck_for{500}, behind_for{10'000};

// The task's answer, or timed_out once it was told to stop; it must honour that promptly.
template <class T>
async::Task<Result<T>> stoppable(async::asio::cancellation_signal& stop, async::Task<Result<T>> task) {
  try {
    co_return co_await async::asio::co_spawn(
        co_await async::asio::this_coro::executor, std::move(task),
        async::asio::bind_cancellation_slot(stop.slot(), async::use_task));
  } catch (const std::exception&) {
    if (!async::is_cancellation(std::current_exception())) throw;
  }
  co_return timed_out("check_too_slow", "it takes too long to say");
}

}  // namespace

//   waiting for subscribe ──▶ checking its token ──▶ listening ──▶ over
//                                    ▲   with a new token  │
//                                    └─────────────────────┘
class LiveHub::Session final : public net::WebSocketSession, public std::enable_shared_from_this<Session> {
 public:
  Session(LiveHub& hub, net::WebSocket& socket, async::TaskGroup& tasks, CheckToken check)
      : hub_(hub), socket_(socket), tasks_(tasks), check_(std::move(check)) {
    ++hub_.listeners_;
  }
  ~Session() override { leave(); }

  void begin(std::optional<Listener> listener, const std::optional<Since>& since) {
    if (listener) {
      listener_ = std::make_shared<Listener>(std::move(*listener));
      return listen(since);
    }
    ring_at(hub_.clock_.now() + subscribe_within);
  }

  void on_news() override {
    if (over_ || checking_) return;
    if (subscription_ && subscription_->overrun()) return refuse_as_slow();
    answer_requests();
    if (subscription_ && !over_ && !checking_) pass_on();
  }

 private:
  using Signal = async::asio::cancellation_signal;

  // Whoever is far behind because this loop is late, and reads what it is handed, is not slow.
  void on_event() {
    if (!over_ && !patience_ && socket_.queued_bytes() > 0 && subscription_->far_behind()) {
      if (!behind_since_) behind_since_ = hub_.clock_.now();
      patience_ = hub_.clock_.alarm(tasks_.executor(), hub_.clock_.now() + stuck_for, [this] {
        // While a token is checked nothing is passed on, and what was read is not noticed.
        if (!over_ && socket_.queued_bytes() > 0) return refuse_as_slow();
        patience_.reset();
      });
    }
    on_news();
  }

  // A peer that asks without reading waits for its own answers.
  void answer_requests() {
    while (socket_.queued_bytes() < portion) {
      auto message = socket_.try_read();
      if (!message) return;
      if (!*message) return leave();
      // A replay of all that is kept costs its asker nothing.
      if (!requests_.take(hub_.clock_.now())) return refuse(close_code::policy, "too many messages");
      if ((*message)->kind != net::Kind::text)
        return refuse(close_code::unsupported_data, "messages are text");
      auto request = parse_live_request((*message)->data);
      if (!request) return refuse(close_code::policy, request.error().message);
      if (auto* subscribe = std::get_if<Subscribe>(&*request)) return resume_as(std::move(*subscribe));
      socket_.send(std::string{pong_message});
    }
  }

  // What is asked meanwhile, and what happens, waits until it is known who asks.
  void resume_as(Subscribe subscribe) {
    if (listener_ && subscribe.token.empty()) return listen_from(std::move(subscribe.since));
    checking_ = true;
    tasks_.spawn([](std::weak_ptr<Session> weak, CheckToken check, net::RequestIds ids,
                    Subscribe asked) -> async::Task<> {
      auto checked = co_await net::answered(check(std::move(asked.token)), std::move(ids));
      if (const auto self = weak.lock()) self->known(std::move(checked), std::move(asked.since));
    }(weak_from_this(), check_, socket_.request_ids(), std::move(subscribe)));
  }

  void known(Result<Listener> checked, std::optional<Since> since) {
    if (over_) return;
    checking_ = false;
    behind_since_.reset();  // nothing was passed on meanwhile
    // Whoever listens already goes on by the token before, and may show this one again.
    if (!checked && listener_ && net::is_undecided(checked.error())) return on_news();
    if (!checked) return refuse(net::refusal_code(checked.error()), checked.error().message);
    if (listener_ && listener_->org != checked->org)
      return refuse(close_code::policy, "the new token is another organization's");
    listener_ = std::make_shared<Listener>(std::move(*checked));
    listen_from(std::move(since));
    on_news();
  }

  void listen_from(std::optional<Since> since) {
    if (!since && subscription_) since = Since{hub_.bus_.epoch(), subscription_->position()};
    listen(since);
  }

  void listen(const std::optional<Since>& since) {
    stop_asking();
    alarm_.reset();
    subscription_ = hub_.bus_.subscribe(listener_->org, since, tasks_.executor(), [this] { on_event(); });
    socket_.send(subscribed_message(listener_->org, hub_.bus_.epoch(), subscription_->head()));
    if (subscription_->resync()) socket_.send(resync_message(hub_.bus_.epoch(), subscription_->head()));
    if (listener_->may_stay) ask_may_stay();
  }

  void pass_on() {
    if (socket_.queued_bytes() > 0) return;  // there will be news once it is written
    patience_.reset();
    subscription_->consumed();
    if (behind_since_ && !subscription_->far_behind()) behind_since_.reset();
    if (behind_since_ && hub_.clock_.now() - *behind_since_ > behind_for) return refuse_as_slow();
    if (!subscription_->has_more()) return;
    for (auto& frame : subscription_->take(portion)) socket_.send(std::move(frame));
  }

  void ring_at(SteadyTime time) {
    alarm_ = hub_.clock_.alarm(tasks_.executor(), time, [this] { ring(); });
  }

  void ring() {
    if (over_) return;
    if (asking_) return stop(asking_);  // its answer follows
    if (listener_) return ask_may_stay();
    if (!checking_) refuse(close_code::policy, "subscribe within 5 seconds");
  }

  // Ten thousand ask every few seconds, and nearly all are answered at once.
  void ask_may_stay() {
    stop_asking();
    asking_ = std::make_shared<Signal>();
    ring_at(hub_.clock_.now() + look_within);
    tasks_.spawn([](std::weak_ptr<Session> weak, std::shared_ptr<Signal> signal,
                    std::shared_ptr<const Listener> listener, net::RequestIds ids) -> async::Task<> {
      const auto answer = co_await stoppable(*signal, net::answered(listener->may_stay(), std::move(ids)));
      if (const auto self = weak.lock()) self->may_stay(signal, answer);
    }(weak_from_this(), asking_, listener_, socket_.request_ids()));
  }

  void may_stay(const std::shared_ptr<Signal>& question, const Result<milliseconds>& answer) {
    if (over_ || question != asking_) return;  // of an earlier token, or an earlier question
    asking_.reset();
    if (!answer && !net::is_undecided(answer.error()))
      return refuse(close_code::policy, answer.error().message);
    ring_at(hub_.clock_.now() + (answer ? *answer : net::check_again));
  }

  void stop_asking() {
    if (auto asked = std::exchange(asking_, nullptr)) stop(std::move(asked));
  }
  // Posted: emitting while a task is on the stack would resume another inside it.
  void stop(std::shared_ptr<Signal> asked) {
    async::asio::post(tasks_.executor(), [signal = std::move(asked)] {
      signal->emit(async::asio::cancellation_type::terminal);
    });
  }

  void refuse_as_slow() { refuse(close_code::try_again_later, "reader too slow; resume with since"); }

  void refuse(std::uint16_t code, std::string_view reason) {
    socket_.close(code, reason);
    leave();
  }

  // The socket may still be closing, and keeps this until it has.
  void leave() {
    if (std::exchange(over_, true)) return;
    subscription_.reset();
    stop_asking();
    alarm_.reset();
    patience_.reset();
    --hub_.listeners_;
  }

  LiveHub& hub_;
  net::WebSocket& socket_;
  async::TaskGroup& tasks_;
  const CheckToken check_;
  TokenBucket requests_{20, 40};  // as many as a page has that catches up, and more
  std::shared_ptr<const Listener> listener_;
  std::unique_ptr<Subscription> subscription_;
  std::unique_ptr<async::Alarm> alarm_;
  std::shared_ptr<Signal> asking_;          // what ends the question that is under way
  std::unique_ptr<async::Alarm> patience_;  // with one who is far behind, until it has read a portion
  std::optional<SteadyTime> behind_since_;  // until it is no longer far behind
  bool checking_ = false, over_ = false;
};

std::shared_ptr<net::WebSocketSession> LiveHub::attach(net::WebSocket& socket, async::TaskGroup& tasks,
                                                       CheckToken check, std::optional<Listener> listener,
                                                       std::optional<Since> since) {
  auto session = std::make_shared<Session>(*this, socket, tasks, std::move(check));
  session->begin(std::move(listener), since);
  return session;
}

}  // namespace voxanne::events
