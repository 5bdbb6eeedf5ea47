// An OpenAI-compatible provider of embeddings on a free loopback port, with faults on demand. Its vectors are
// the hashed character trigrams of the text's words: texts that share words or parts of words are near each
// other, equal texts equal. They know nothing of meaning, which tests make up for by `alias`: a word that is
// embedded as if it were another.
//
//   EmbeddingsImposter provider;
//   Server server{{{"OPENAI_BASE_URL", provider.url()}, {"EMBEDDING_MODEL", "imposter"}}};
//   provider.set(EmbeddingsImposter::Mood::limiting);  …  provider.wait_for_texts(3, 10s);
//
// Every wait is bounded. Any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace voxanne::test {

// What the imposter embeds a text as.
std::vector<float> trigram_vector(std::string_view text, std::size_t dimensions);

class EmbeddingsImposter {
 public:
  enum class Mood {
    well,
    limiting,    // 429 with the headers of limit_with()
    broken,      // 500
    hanging,     // takes the request and never answers
    closing,     // closes the connection when it has read the request
    malformed,   // 200 with half a JSON text
    odd,         // 200 with vectors of two different dimensions
    zero,        // 200 with zero vectors
    other_size,  // 200 with vectors of another dimension than before
    forgetful,   // 404: it has no such model
    picky,       // 400 for every text that holds "unspeakable", also when others are with it
  };

  explicit EmbeddingsImposter(std::size_t dimensions = 64);
  ~EmbeddingsImposter();
  EmbeddingsImposter(const EmbeddingsImposter&) = delete;
  EmbeddingsImposter& operator=(const EmbeddingsImposter&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/v1"; }

  void set(Mood mood);
  // Only for this model; others are served.
  void set(const std::string& model, Mood mood);
  void limit_with(std::string headers);  // lines, each ending in CRLF
  void alias(std::string word, std::string as);

  struct Asked {
    std::string model, key;
    std::vector<std::string> texts;
    std::chrono::steady_clock::time_point at;
    int answered = 0;  // status; 0: none
  };
  std::vector<Asked> asked() const;
  // Texts, other than a probe's, that were answered with vectors by this model.
  std::size_t embedded(const std::string& model) const;
  // Requests that hold a text with this in it.
  std::size_t asked_about(std::string_view part) const;
  bool wait_until(std::chrono::milliseconds limit, const std::function<bool(const EmbeddingsImposter&)>& so);

 private:
  void accept();
  void serve(int socket);
  // Status, headers and body; status 0: close, -1: hang.
  struct Answer {
    int status;
    std::string headers, body;
  };
  Answer answer(const std::string& head, const std::string& body);

  const std::size_t dimensions_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::recursive_mutex mutex_;
  std::condition_variable_any changed_;
  Mood mood_ = Mood::well;
  std::map<std::string, Mood> moods_;
  std::map<std::string, std::string> aliases_;
  std::string limits_;
  bool stopping_ = false;
  std::vector<Asked> asked_;
  std::vector<int> sockets_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace voxanne::test
