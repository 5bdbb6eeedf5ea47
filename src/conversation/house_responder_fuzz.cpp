// A caller who says and presses anything: the house answers every turn with a sentence, and never
// takes a message without something in it. The first byte of a line chooses how it is said.
#include "conversation/house_responder.h"
#include "conversation/phrases.h"

#include <cstdint>
#include <cstdlib>

using namespace voxanne;
using namespace voxanne::conversation;

namespace {

// Nothing here waits: the loop runs until it is idle after every turn.
struct Caller {
  async::Loop loop;
  async::SystemClock clock;
  HouseResponder house{
      clock,
      {.organization = "Harbour Dental", .caller_number = "", .topics = {{"hours", "hours"}}},
      {.look_up = [](std::string question) -> async::Task<Result<std::optional<KnowledgeAnswer>>> {
         if (question.size() % 3 == 0) co_return unavailable("away", "away");
         if (question.size() % 3 == 1) co_return std::nullopt;
         co_return KnowledgeAnswer{"We open at nine.", "Hours", 0.7};
       },
       .take_message = [](TakenMessage message) -> async::Task<Result<>> {
         if (message.text.empty() || message.id.empty() || message.number.size() > 16) std::abort();
         if (message.text.size() % 4 == 0) co_return unavailable("away", "away");
         co_return Result<>{};
       }}};

  void hear(CallerInput input) {
    bool answered = false;
    boost::asio::co_spawn(
        loop,
        [](Caller& caller, CallerInput in, bool& done) -> async::Task<> {
          const auto reply = caller.house.respond(in);
          int sentences = 0;
          for (;;) {
            auto part = co_await reply->next();
            if (!part) std::abort();
            if (!*part) break;
            sentences += (*part)->kind == ReplyPart::Kind::sentence && !(*part)->text.empty();
          }
          if (sentences == 0) std::abort();
          done = true;
        }(*this, std::move(input), answered),
        [](std::exception_ptr error) {
          if (error) std::abort();
        });
    loop.restart();
    loop.run();
    if (!answered) std::abort();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Caller caller;
  std::string_view rest{reinterpret_cast<const char*>(data), size};
  for (int turn = 0; turn < 40 && !rest.empty(); ++turn) {
    const auto end = rest.find('\n');
    auto line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    const char how = line.empty() ? ' ' : line.front();
    if (!line.empty()) line.remove_prefix(1);
    CallerInput input{.text = std::string{line},
                      .confidence = how >= 'a' && how <= 'z' ? (how - 'a') / 25.0 : 0.9};
    if (how == '#') input.kind = CallerInput::Kind::digits;
    if (how == '?') input.kind = CallerInput::Kind::not_understood;
    if (how == '!') input.kind = CallerInput::Kind::deaf;
    if (how == '<') caller.house.interrupted(line);
    caller.hear(std::move(input));
  }
  return 0;
}
