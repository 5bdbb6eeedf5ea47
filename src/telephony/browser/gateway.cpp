#include "telephony/browser/gateway.h"

#include "async/deadline.h"
#include "base/token_bucket.h"
#include "net/credential_check.h"

#include <boost/asio/post.hpp>

#include <cstring>

namespace voxanne::telephony::browser {

namespace {

constexpr std::size_t frame_bytes = audio::samples_per_frame(audio::wideband) * sizeof(audio::Sample);
constexpr std::size_t max_control = 16 * 1024;  // a token of 8 KiB, escaped
constexpr int max_excess_frames = 500;          // 10 s of audio beyond real time

// Frames come at 50 a second; 52 forgives a fast clock, a second at once forgives a stalled network.
TokenBucket frames_allowed() { return {52, 50}; }
// Nobody has more to say than this.
TokenBucket controls_allowed() { return {20, 40}; }

Error out_of_turn(std::string message) { return {Fault::forbidden, "out_of_turn", std::move(message)}; }

Error too_many_controls() { return out_of_turn("too many control messages"); }

std::uint16_t close_code_of(const Error& error) {
  return error.kind == Fault::malformed ? net::close_code::invalid_payload : net::refusal_code(error);
}

}  // namespace

// One connection, on its web shard. What fails before the call closes the socket with its reason.
struct Gateway::Session {
  Gateway& gateway;
  net::WebSocket& socket;
  CheckToken& check;
  std::optional<Caller> caller;
  TokenBucket frames = frames_allowed(), controls = controls_allowed();
  int excess_frames = 0;
  bool renewed = false;

  async::Task<Result<Control>> next_control(async::Deadline deadline) {
    for (;;) {
      auto message = co_await async::with_deadline(gateway.clock_, deadline, socket.read());
      if (!message) co_return message.error();
      if (message->kind == net::Kind::text) {
        if (!controls.take(gateway.clock_.now())) co_return too_many_controls();
        co_return parse_control(message->data);
      }
      if (!caller) co_return out_of_turn("subscribe before sending audio");
      // A page may open its microphone before the call begins.
      if (!frames.take(gateway.clock_.now()) && ++excess_frames > max_excess_frames)
        co_return out_of_turn("audio before start");
    }
  }

  async::Task<Result<>> subscribe(const Subscribe& message) {
    auto shown = co_await net::answered(check(message.token), socket.request_ids());
    co_return admit(std::move(shown));
  }

  Result<> admit(Result<Caller> shown) {
    if (!shown) return shown.error();
    if (caller && caller->org != shown->org) return out_of_turn("the token is of another organization");
    caller = std::move(*shown);
    renewed = true;
    socket.send(subscribed_message(caller->org));
    return {};
  }

  // A fresh token during the call, whose audio waits meanwhile. Where nobody can say now whose it is, the
  // one before stands, and the page may show it again: a database that is away ends no call.
  async::Task<Result<>> renew(const Subscribe& message) {
    const auto deadline = async::Deadline::after(gateway.clock_, gateway.options_.renew_within);
    auto shown = co_await async::with_deadline(gateway.clock_, deadline,
                                               net::answered(check(message.token), socket.request_ids()));
    if (!shown && net::is_undecided(shown.error())) co_return Result<>{};
    co_return admit(std::move(shown));
  }

  // Until `start`, by whom is known then.
  async::Task<Result<>> begin() {
    async::Clock& clock = gateway.clock_;
    const auto subscribed_by = async::Deadline::after(clock, gateway.options_.subscribe_within);
    const auto started_by = async::Deadline::after(clock, gateway.options_.start_within);
    for (;;) {
      auto control = co_await next_control(caller ? started_by : subscribed_by);
      if (!control && control.error().kind == Fault::timed_out)
        co_return out_of_turn(caller ? "send start to begin the call" : "send subscribe with a token first");
      if (!control) co_return control.error();
      if (const auto* message = std::get_if<Subscribe>(&*control)) {
        if (auto subscribed = co_await subscribe(*message); !subscribed) co_return subscribed;
      } else if (!caller) {
        co_return out_of_turn("send subscribe with a token first");
      } else if (std::holds_alternative<Start>(*control)) {
        co_return Result<>{};
      } else if (!std::holds_alternative<Mark>(*control)) {
        co_return out_of_turn("send start to begin the call");
      }
    }
  }

  // One message during the call; false when the call is over.
  async::Task<Result<bool>> take(const net::Message& message, Line& line) {
    const auto now = gateway.clock_.now();
    if (message.kind == net::Kind::binary) co_return take_frame(message.data, line, now);
    if (!controls.take(now)) co_return too_many_controls();
    auto control = parse_control(message.data);
    if (!control) co_return control.error();
    if (const auto* fresh = std::get_if<Subscribe>(&*control)) {
      if (auto renewal = co_await renew(*fresh); !renewal) co_return renewal.error();
      co_return true;
    }
    co_return take_control(*control, line, now);
  }

  Result<bool> take_control(const Control& control, Line& line, SteadyTime now) {
    if (const auto* dtmf = std::get_if<Dtmf>(&control))
      line.to_leg([digits = dtmf->digits](BrowserLeg& leg) { leg.take_digits(digits); });
    else if (const auto* mark = std::get_if<Mark>(&control))
      line.to_leg([name = mark->name, now](BrowserLeg& leg) { leg.take_mark(name, now); });
    else if (std::holds_alternative<Hangup>(control))
      return false;
    else
      return out_of_turn("the call has begun already");
    return true;
  }

  Result<bool> take_frame(const std::string& data, Line& line, SteadyTime now) {
    if (data.size() != frame_bytes)
      return malformed("bad_frame", "an audio frame has 640 bytes: 20 ms of PCM16LE, mono, 16 kHz");
    if (!frames.take(now)) {
      if (++excess_frames > max_excess_frames)
        return out_of_turn("send audio in real time: 50 frames a second");
      return true;
    }
    audio::Frame frame;
    frame.rate = audio::wideband;
    frame.kind = audio::Frame::Kind::voice;
    std::memcpy(frame.pcm.data(), data.data(), frame_bytes);
    line.to_leg([frame, now](BrowserLeg& leg) { leg.take_frame(frame, now); });
    return true;
  }

  // Until the call is over, or whoever holds it may no longer be here. A fresh token begins anew.
  async::Task<LegEnd> hold(Line& line) {
    using namespace async::asio::experimental::awaitable_operators;
    for (;;) {
      renewed = false;
      auto outcome = co_await (converse(line) || refusal());
      if (auto* refused = std::get_if<1>(&outcome)) {
        socket.close(net::close_code::policy, *refused);
        co_return LegEnd{.cause = LegEnd::Cause::transport_failed,
                         .status = net::close_code::policy,
                         .detail = std::move(*refused)};
      }
      if (auto end = std::get<0>(outcome)) co_return std::move(*end);
    }
  }

  async::Task<std::string> refusal() {
    const auto may_stay = caller->may_stay;  // a fresh token replaces the caller's meanwhile
    while (may_stay) {
      const auto answer = co_await net::answered(may_stay(), socket.request_ids());
      if (!answer && !net::is_undecided(answer.error())) co_return answer.error().message;
      co_await gateway.clock_.sleep_for(answer ? *answer : net::check_again);
    }
    co_await gateway.clock_.sleep_until(SteadyTime::max());
    co_return std::string{};
  }

  // Nullopt: the token was renewed.
  async::Task<std::optional<LegEnd>> converse(Line& line) {
    for (;;) {
      auto message = co_await socket.read();
      if (!message) {
        const bool politely = message.error().kind == Fault::cancelled;
        co_return LegEnd{.cause = politely ? LegEnd::Cause::remote_hung_up : LegEnd::Cause::transport_failed,
                         .status = socket.closed_with(),
                         .detail = message.error().message};
      }
      const auto goes_on = co_await take(*message, line);
      if (!goes_on) {
        socket.close(close_code_of(goes_on.error()), goes_on.error().message);
        co_return LegEnd{.cause = LegEnd::Cause::transport_failed,
                         .status = close_code_of(goes_on.error()),
                         .detail = goes_on.error().message};
      }
      if (!*goes_on) {
        socket.send(ended_message(domain::ended::customer));
        socket.close();
        co_return LegEnd{
            .cause = LegEnd::Cause::remote_hung_up, .status = net::close_code::normal, .detail = {}};
      }
      if (renewed) co_return std::nullopt;
    }
  }
};

Gateway::Gateway(Options options, async::Clock& clock, std::function<media::Shard&()> choose_shard,
                 OnCall on_call)
    : options_(options),
      clock_(clock),
      choose_shard_(std::move(choose_shard)),
      on_call_(std::move(on_call)) {}

Result<net::Response> Gateway::open(const net::Request& request, CheckToken check,
                                    std::optional<Caller> known) {
  const std::string* assistant = request.query.find("assistantId");
  if (!assistant) return malformed("missing_parameter", "say whom to call: /ws/web-call?assistantId=…");
  if (!is_sane_id(*assistant)) return malformed("invalid_parameter", "assistantId is not a well-formed id");
  const std::string_view test = request.query.get("isTest", "false");
  if (test != "true" && test != "false")
    return malformed("invalid_parameter", "isTest must be true or false");
  net::Upgrade upgrade;
  upgrade.limits.max_message = max_control;
  upgrade.serve = [this, wanted = Wanted{AssistantId{*assistant}, test == "true"},
                   source = request.peer.address, check = std::move(check), known = std::move(known)](
                      net::WebSocket& socket) { return serve(socket, wanted, source, check, known); };
  return net::Response::upgrade(std::move(upgrade));
}

async::Task<> Gateway::serve(net::WebSocket& socket, Wanted wanted, std::string source, CheckToken check,
                             std::optional<Caller> known) {
  Session session{.gateway = *this, .socket = socket, .check = check, .caller = std::move(known)};
  if (auto begun = co_await session.begin(); !begun) {
    socket.close(close_code_of(begun.error()), begun.error().message);
    co_return;
  }

  const auto line = std::make_shared<Line>(co_await async::asio::this_coro::executor, choose_shard_());
  line->socket = &socket;
  struct Detached {  // also when this task is cancelled
    Line& line;
    LegEnd end{.cause = LegEnd::Cause::failed,
               .status = net::close_code::going_away,
               .detail = "the server failed or stopped"};
    ~Detached() {
      line.socket = nullptr;
      line.to_leg([end = std::move(end)](BrowserLeg& leg) { leg.take_end(end); });
    }
  } detached{*line};

  InboundCall call{.info = {}, .org = session.caller->org, .assistant = wanted.assistant, .side = line};
  call.info.to = wanted.assistant.str();
  call.info.is_test = wanted.is_test;
  call.info.source = std::move(source);
  call.info.call_id = CallId::make();
  call.info.protocol_id = call.info.call_id.str();
  boost::asio::post(line->shard.executor(), [this, line, call = std::move(call)]() mutable {
    auto leg = std::make_unique<BrowserLeg>(line, call.info.call_id);
    on_call_(std::move(leg), std::move(call));
  });
  detached.end = co_await session.hold(*line);
}

}  // namespace voxanne::telephony::browser
