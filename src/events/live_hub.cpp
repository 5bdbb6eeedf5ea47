#include "events/live_hub.h"

#include "async/deadline.h"
#include "events/live_protocol.h"

namespace voxanne::events {
namespace {

namespace close_code = net::close_code;

constexpr milliseconds subscribe_within{5'000};
// What is handed to the socket at a time: enough to fill a connection, little to hold for a slow one.
constexpr std::size_t portion = 16 * 1024;

// One connection's listening between two subscribe messages.
class Listening {
 public:
  Listening(Bus& bus, async::Clock& clock, net::WebSocket& socket, Listener listener,
            const std::optional<Since>& since, async::Executor executor)
      : clock_(clock),
        socket_(socket),
        listener_(std::move(listener)),
        epoch_(bus.epoch()),
        subscription_(bus.subscribe(listener_.org, since, executor)) {}

  // Until the listener subscribes anew; nullopt when the connection is over.
  async::Task<std::optional<Subscribe>> run() {
    using namespace async::asio::experimental::awaitable_operators;
    greet();
    auto outcome = co_await (requests() || events() || subscription_->wait_overrun() || refusal());
    if (auto* subscribe = std::get_if<0>(&outcome)) co_return std::move(*subscribe);
    if (outcome.index() == 2)
      socket_.close(close_code::try_again_later, "reader too slow; resume with since");
    if (outcome.index() == 3) socket_.close(close_code::policy, refused_);
    co_return std::nullopt;
  }

  const OrgId& org() const { return listener_.org; }
  Since position() const { return {epoch_, subscription_->position()}; }

 private:
  void greet() {
    socket_.send(subscribed_message(listener_.org, epoch_, subscription_->head()));
    if (subscription_->resync()) socket_.send(resync_message(epoch_, subscription_->head()));
  }

  async::Task<std::optional<Subscribe>> requests() {
    for (;;) {
      auto message = co_await socket_.read();
      if (!message) co_return std::nullopt;
      if (message->kind != net::Kind::text) {
        socket_.close(close_code::unsupported_data, "messages are text");
        co_return std::nullopt;
      }
      auto request = parse_live_request(message->data);
      if (!request) {
        socket_.close(close_code::policy, request.error().message);
        co_return std::nullopt;
      }
      if (auto* subscribe = std::get_if<Subscribe>(&*request)) co_return std::move(*subscribe);
      socket_.send(std::string{pong_message});
      // A peer that asks without reading waits for its own answers.
      co_await socket_.drained();
    }
  }

  async::Task<> events() {
    for (;;) {
      co_await subscription_->wait();
      for (auto& frame : subscription_->take(portion)) socket_.send(std::move(frame));
      co_await socket_.drained();
      subscription_->consumed();
    }
  }

  async::Task<> refusal() {
    if (listener_.until_refused) {
      refused_ = co_await listener_.until_refused();
      co_return;
    }
    co_await clock_.sleep_until(SteadyTime::max());
  }

  async::Clock& clock_;
  net::WebSocket& socket_;
  const Listener listener_;
  const std::string& epoch_;
  const std::unique_ptr<Subscription> subscription_;
  std::string refused_;
};

std::uint16_t refusal_code(const Error& error) {
  return error.kind == Fault::unavailable || error.kind == Fault::internal ? close_code::try_again_later
                                                                           : close_code::policy;
}

// The first message, in time; closes and answers nullopt when it does not come or cannot be read.
async::Task<std::optional<Subscribe>> first_subscribe(net::WebSocket& socket, async::Clock& clock) {
  const auto deadline = async::Deadline::after(clock, subscribe_within);
  for (;;) {
    auto message = co_await async::with_deadline(clock, deadline, socket.read());
    if (!message) {
      if (message.error().kind == Fault::timed_out)
        socket.close(close_code::policy, "subscribe within 5 seconds");
      co_return std::nullopt;
    }
    auto request = message->kind == net::Kind::text
                       ? parse_live_request(message->data)
                       : Result<LiveRequest>{malformed("bad_message", "messages are text")};
    if (!request) {
      socket.close(close_code::policy, request.error().message);
      co_return std::nullopt;
    }
    if (auto* subscribe = std::get_if<Subscribe>(&*request)) co_return std::move(*subscribe);
    socket.send(std::string{pong_message});
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
