// An S3 service in memory on a free loopback port, with faults on demand: objects whole and in parts,
// ranges, lists, aborts. It checks what a real one checks of a body (SHA-256, MD5, length) and that there
// is a signature; whether that is right, tests/flows/storage judges with AWS's own signer.
//
//   S3Imposter s3;
//   s3.fault({.at = 2, .how = S3Imposter::How::reset_in_body});   // the second request from now on
//   s3.wait_for_faults(1, 5s);
//
// Requests for health's own object (/.probe/) are served and neither counted nor faulted, unless the
// service is away. Every wait is bounded. Any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace voxanne::test {

class S3Imposter {
 public:
  enum class How {
    error_500,      // before anything is done
    slow_down,      // 503 SlowDown with Retry-After: 1
    forbidden,      // 403 AccessDenied
    bad_signature,  // 403 SignatureDoesNotMatch
    no_bucket,      // 404 NoSuchBucket
    hang,           // reads the request and never answers
    reset,          // reads the request's header and resets the connection
    reset_in_body,  // reads half of the body, and resets
    lost_answer,    // does it, and resets instead of answering
    wrong_etag,     // does it, and answers with another ETag
    error_in_200,   // does nothing and answers 200 with an <Error>
    truncated,      // answers with half of its body, and closes
    slow,           // answers in small pieces
  };
  struct Plan {
    int at = 0;  // 1: the next request; 0: none
    How how = How::error_500;
    bool for_good = false;
  };

  explicit S3Imposter(std::uint16_t port = 0);
  ~S3Imposter();
  S3Imposter(const S3Imposter&) = delete;
  S3Imposter& operator=(const S3Imposter&) = delete;

  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }
  static constexpr const char* bucket = "calls";

  // Counts requests anew.
  void fault(Plan plan);
  // Every connection is closed at once, and new ones as they come.
  void set_away(bool away);
  // Who hangs is let go, unanswered.
  void release();

  int requests() const;  // since the last fault()
  int faults() const;    // committed since then
  bool wait_for_faults(int count, std::chrono::milliseconds limit) const;
  bool wait_for_object(const std::string& name, std::chrono::milliseconds limit) const;
  std::map<std::string, std::string> objects() const;  // names without the bucket
  std::size_t open_uploads() const;
  std::vector<std::string> complaints() const;                  // what a real service would have refused
  void put(const std::string& name, const std::string& bytes);  // as if it had been stored before
  void remove(const std::string& name);

 private:
  struct Stored {
    std::string bytes, etag, type;
  };
  struct Begun {
    std::string name, type;
    std::map<int, Stored> parts;
  };
  struct Asked;
  struct Answer;

  void accept();
  void serve(int socket);
  bool serve_one(int socket, std::string& buffer);
  Answer answer(const Asked& asked);
  Answer get(const Asked& asked);
  Answer list(const Asked& asked);
  Answer complete(const Asked& asked, const std::string& id);

  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  Plan plan_;
  int requests_ = 0, faults_ = 0, releases_ = 0, next_id_ = 0;
  bool away_ = false, stopping_ = false;
  std::map<std::string, Stored> objects_;
  std::map<std::string, Begun> uploads_;
  std::vector<std::string> complaints_;
  std::vector<int> sockets_;
  std::list<std::thread> threads_;
  std::thread acceptor_;
};

// The settings of a server that keeps its recordings in an S3 service; `more` besides.
std::map<std::string, std::string> stored_at(const std::string& endpoint,
                                             std::map<std::string, std::string> more = {});

}  // namespace voxanne::test
