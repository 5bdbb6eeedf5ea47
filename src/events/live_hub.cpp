#include "events/live_hub.h"

#include "async/deadline.h"
#include "events/live_protocol.h"

namespace voxanne::events {
namespace {

namespace close_code = net::close_code;

constexpr milliseconds subscribe_within{5'000};
// At the token; when nobody can say, again later.
constexpr milliseconds look_within{2'000}, look_again{10'000};
// What is handed to the socket at a time: enough to fill a connection, little to hold for a slow one.
constexpr std::size_t portion = 16 * 1024;

// The connection is over, closed or about to be.
struct Over {};
// Nullopt: nothing was asked that concerns the caller.
using Asked = std::optional<std::variant<Subscribe, Over>>;

// Answers what the peer has sent. A peer that asks without reading waits for its own answers.
Asked answer_requests(net::WebSocket& socket) {
  const auto refuse = [&](std::uint16_t code, std::string_view reason) {
    socket.close(code, reason);
    return Asked{Over{}};
  };
  while (socket.queued_bytes() < portion) {
    auto message = socket.try_read();
    if (!message) return {};
    if (!*message) return Over{};
    if ((*message)->kind != net::Kind::text) return refuse(close_code::unsupported_data, "messages are text");
    auto request = parse_live_request((*message)->data);
    if (!request) return refuse(close_code::policy, request.error().message);
    if (auto* subscribe = std::get_if<Subscribe>(&*request)) return std::move(*subscribe);
    socket.send(std::string{pong_message});
  }
  return {};
}

// One connection's listening between two subscribe messages. Ten thousand of them wait at a time, so
// each waits in one place, for everything.
class Listening {
 public:
  Listening(Bus& bus, async::Clock& clock, net::WebSocket& socket, const Listener& listener,
            const std::optional<Since>& since, async::Executor executor)
      : clock_(clock),
        socket_(socket),
        listener_(listener),
        epoch_(bus.epoch()),
        subscription_(bus.subscribe(listener_.org, since, executor, socket.news())),
        next_look_(listener.may_stay ? clock.now() : SteadyTime::max()) {}

  // Until the listener subscribes anew; nullopt when the connection is over.
  async::Task<std::optional<Subscribe>> run() {
    greet();
    socket_.news().set();
    for (;;) {
      co_await clock_.wait(socket_.news(), next_look_);
      socket_.news().reset();
      if (clock_.now() >= next_look_ && !co_await may_stay()) co_return std::nullopt;
      if (subscription_->overrun()) {
        socket_.close(close_code::try_again_later, "reader too slow; resume with since");
        co_return std::nullopt;
      }
      if (auto asked = answer_requests(socket_)) {
        if (auto* subscribe = std::get_if<Subscribe>(&*asked)) co_return std::move(*subscribe);
        co_return std::nullopt;
      }
      pass_on();
    }
  }

  Since position() const { return {epoch_, subscription_->position()}; }

 private:
  void greet() {
    socket_.send(subscribed_message(listener_.org, epoch_, subscription_->head()));
    if (subscription_->resync()) socket_.send(resync_message(epoch_, subscription_->head()));
  }

  void pass_on() {
    if (socket_.queued_bytes() > 0) return;  // there will be news once it is written
    subscription_->consumed();
    for (auto& frame : subscription_->take(portion)) socket_.send(std::move(frame));
  }

  async::Task<bool> may_stay() {
    const auto deadline = async::Deadline::after(clock_, look_within);
    const auto answer = co_await async::with_deadline(clock_, deadline, listener_.may_stay());
    if (!answer && answer.error().kind != Fault::timed_out) {
      socket_.close(close_code::policy, answer.error().message);
      co_return false;
    }
    next_look_ = clock_.now() + (answer ? *answer : look_again);
    co_return true;
  }

  async::Clock& clock_;
  net::WebSocket& socket_;
  const Listener& listener_;
  const std::string& epoch_;
  const std::unique_ptr<Subscription> subscription_;
  SteadyTime next_look_;
};

std::uint16_t refusal_code(const Error& error) {
  return error.kind == Fault::unavailable || error.kind == Fault::internal ? close_code::try_again_later
                                                                           : close_code::policy;
}

// The first message, in time; nullopt when the connection is over.
async::Task<std::optional<Subscribe>> first_subscribe(net::WebSocket& socket, async::Clock& clock) {
  const auto deadline = clock.now() + subscribe_within;
  for (;;) {
    if (auto asked = answer_requests(socket)) {
      if (auto* subscribe = std::get_if<Subscribe>(&*asked)) co_return std::move(*subscribe);
      co_return std::nullopt;
    }
    if (clock.now() >= deadline) {
      socket.close(close_code::policy, "subscribe within 5 seconds");
      co_return std::nullopt;
    }
    co_await clock.wait(socket.news(), deadline);
    socket.news().reset();
  }
}

struct Counted {
  explicit Counted(std::atomic<std::size_t>& c) : count(c) { ++count; }
  ~Counted() { --count; }
  std::atomic<std::size_t>& count;
};

}  // namespace

async::Task<> LiveHub::serve(net::WebSocket& socket, CheckToken check, std::optional<Listener> listener,
                             std::optional<Since> since) {
  const Counted counted{listeners_};
  const async::Executor executor = co_await async::asio::this_coro::executor;
  std::optional<Subscribe> subscribe;
  if (!listener) {
    subscribe = co_await first_subscribe(socket, clock_);
    if (!subscribe) co_return;
  }
  for (;;) {
    if (subscribe && (!listener || !subscribe->token.empty())) {
      auto checked = co_await check(std::move(subscribe->token));
      if (!checked) {
        socket.close(refusal_code(checked.error()), checked.error().message);
        co_return;
      }
      if (listener && listener->org != checked->org) {
        socket.close(close_code::policy, "the new token is another organization's");
        co_return;
      }
      listener = std::move(*checked);
    }
    if (subscribe && subscribe->since) since = std::move(subscribe->since);
    Listening listening{bus_, clock_, socket, *listener, since, executor};
    subscribe = co_await listening.run();
    if (!subscribe) co_return;
    since = listening.position();
  }
}

}  // namespace voxanne::events
