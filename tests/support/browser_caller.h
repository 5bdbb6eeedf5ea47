// A caller in a browser, for flows: audio by the frame, keys, hanging up when told to.
//
//   BrowserCaller caller{server.ws_url("/ws/web-call?assistantId=test-assistant-123")};
//   caller.wait_for_words("opening", seconds{10});   // of the assistant
//   caller.press("1#"); caller.say(samples); caller.hang_up();
#pragma once

#include "async/task_group.h"
#include "async/thread.h"
#include "audio/frame.h"
#include "net/websocket_client.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::test {

class BrowserCaller {
 public:
  // Subscribes and begins the call; throws when it is not ready within ten seconds.
  explicit BrowserCaller(const std::string& ws_url);
  ~BrowserCaller();

  const std::string& call_id() const { return call_id_; }
  // Whether the assistant has said these words in a turn, counted from the turns that the last such wait
  // had seen.
  bool wait_for_words(const std::string& words, std::chrono::milliseconds limit);
  // Which of them, where one is enough.
  std::optional<std::string> wait_for_any_of(const std::vector<std::string>& words,
                                             std::chrono::milliseconds limit);
  // The same once the assistant has begun to say them and some of it was heard: who answers by keys need
  // not hear it out.
  bool wait_for_beginning(const std::string& words, std::chrono::milliseconds limit);
  void press(const std::string& digits);
  // 16 kHz, in real time: returns when all has been sent.
  void say(const std::vector<audio::Sample>& samples);
  // By keys and one spoken sentence (where it is recorded), so that nothing depends on recognition, from
  // wherever "0" leads to it, until the number has been confirmed. What was not said in time, or empty.
  std::string leave_a_message(std::vector<audio::Sample> sentence, const std::string& number,
                              std::chrono::milliseconds limit = std::chrono::seconds{20});
  void hang_up();
  std::vector<std::string> heard() const;  // the assistant's turns

 private:
  std::string confirm_number(const std::string& number, std::chrono::milliseconds limit);
  async::Task<> follow(std::string url);
  void send(std::string text, net::Kind kind = net::Kind::text);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string call_id_;
  std::vector<std::string> heard_;
  std::size_t seen_ = 0;
  std::vector<std::pair<std::string, int>> begun_;  // what is being said, each time that grows, and sounded_
  int sounded_ = 0;                                 // frames that were not silent
  std::size_t begun_seen_ = 0;
  std::unique_ptr<net::WebSocket> socket_;
  async::LoopThread loop_{"caller"};
  async::TaskGroup tasks_{loop_.executor(), "caller"};
};

}  // namespace voxanne::test
