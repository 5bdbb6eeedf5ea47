// What the assistant says next. A Responder turns the caller's turn into a Reply: sentences as they
// become known, then how the conversation goes on. Rungs of the ladder are Responders: a language
// model first where there is one, the house responder (rules and retrieval) last.
//
// Executor: the call's shard. Destroying a Reply cancels it; what it had done (a message taken)
// stays done and is told by its events.
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "domain/call.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::conversation {

// What came from the caller, and where in the call (and so in its recording) it is.
struct CallerInput {
  enum class Kind {
    speech,          // words, with how sure they are
    digits,          // keys pressed
    not_understood,  // somebody spoke, but no words can be trusted
    deaf,            // no recognizer is left: guide by keys from now on
  } kind = Kind::speech;
  std::string text{};
  double confidence = 1.0;
  int start_ms = 0, end_ms = 0;  // from answer
};

struct ReplyPart {
  enum class Kind {
    sentence,  // say this; `source` names the document it comes from
    tone,      // "… after the tone"
    hang_up,   // say what was given so far, then end the call
  } kind = Kind::sentence;
  std::string text{};
  std::string source{};
};

class Reply {
 public:
  virtual ~Reply() = default;
  // nullopt: the reply is complete and it is the caller's turn.
  virtual async::Task<Result<std::optional<ReplyPart>>> next() = 0;
};

struct TakenMessage {
  MessageId id;  // the same when it is tried again, so that it is kept once
  std::string caller_name, number, text;
  bool urgent = false;
};
class Responder {
 public:
  virtual ~Responder() = default;
  virtual std::string_view name() const = 0;
  virtual std::unique_ptr<Reply> respond(const CallerInput& input) = 0;
  // The caller interrupted: only `heard` of the last reply was heard. When that is empty the caller
  // had not finished: the next input repeats this one, with what was added.
  virtual void interrupted(std::string_view heard) = 0;
  // True while digits are expected (a number is being dictated): end of turn is then patient.
  virtual bool expects_digits() const = 0;
  // True where a choice is asked for in whose place a number may be typed.
  virtual bool takes_number() const { return false; }
  // True while a voice message is being recorded: only a long pause or the hash key ends the turn.
  virtual bool expects_message() const { return false; }
  // True in the middle of several turns that belong together (a message half taken): the ladder
  // then stays with this responder.
  virtual bool in_dialogue() const { return false; }
  // A message that the caller had begun to leave when the call ended, and that nobody has kept yet.
  virtual std::optional<TakenMessage> unfinished() const { return std::nullopt; }
};

// What the house responder needs of the world, as functions, so that the conversation knows neither
// SQL nor knowledge.
struct KnowledgeAnswer {
  std::string sentence;
  std::string source;  // title of the document
  double score = 0;    // 0–1: how sure that this answers the question
};
using LookUp = std::function<async::Task<Result<std::optional<KnowledgeAnswer>>>(std::string question)>;

// Success only once the message is durable: the caller is told so afterwards.
using TakeMessage = std::function<async::Task<Result<>>(TakenMessage message)>;

}  // namespace voxanne::conversation
