// What is served when somebody listens to a call: the stored object, or, before it is stored, a WAV
// made from the spool while it is read. Both give any byte range.
//
//   const auto about = co_await playback.find(org, call);      // is there one, how long
//   auto sound = co_await playback.open(org, call, format);    // then read(), piece by piece
//   const auto range = parse_range(header, (*sound)->size());
//
// Tasks run on the caller's loop and block nothing on it. Any number at once.
//
// Errors: not_found "recording_not_found" (there is none, or it was lost: the message says why),
// not_found "recording_not_ready" (the call runs), impossible "recording_format_unknown",
// unavailable or internal for faults of store and disk, which are 5xx and never "not found".
#pragma once

#include "async/worker_pool.h"
#include "base/time.h"
#include "recordings/object_store.h"
#include "store/uploads.h"

#include <filesystem>
#include <list>
#include <memory>
#include <mutex>
#include <string>

namespace voxanne::recordings {

class Playable {
 public:
  virtual ~Playable() = default;

  const std::string& content_type() const noexcept { return content_type_; }
  std::uint64_t size() const noexcept { return size_; }
  // Strong validator (RFC 9110 §8.8.3), quoted.
  const std::string& etag() const noexcept { return etag_; }
  // Up to `length` bytes from `offset`; fewer only at the end. One at a time.
  virtual async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) = 0;

 protected:
  std::string content_type_, etag_;
  std::uint64_t size_ = 0;
};

class Playback {
 public:
  Playback(store::Store& store, ObjectStore& objects, async::WorkerPool& workers, std::filesystem::path spool)
      : store_(store), objects_(objects), workers_(workers), spool_(std::move(spool)) {}

  struct About {
    std::string key;         // for UrlSigner
    std::string object_key;  // for link(); empty while it plays from the spool
    double seconds = 0;
  };
  // Also looks whether the store, or the spool, has what it is said to have, so that no dead link is given
  // out.
  async::Task<Result<About>> find(OrgId org, CallId call);

  // A stored recording's address at the store itself, where it can be read without us; it stops opening
  // when `valid_for` is over.
  std::optional<std::string> link(const std::string& object_key, seconds valid_for,
                                  const std::string& disposition) const {
    return objects_.link(object_key, valid_for, disposition);
  }

  // What was fetched of a call, which is gone. Any thread.
  void forget(const OrgId& org, const CallId& call);
  // What was fetched and is not used any more. To be called now and then; any thread.
  void forget_old();

  // `format`: empty for the recording as it is kept, "wav".
  async::Task<Result<std::unique_ptr<Playable>>> open(OrgId org, CallId call, std::string format);

 private:
  // A recording that can be played, or why there is none.
  async::Task<Result<store::RecordingPlace>> locate(store::CallKey call);
  async::Task<Result<std::unique_ptr<Playable>>> open_spool(OrgId org, CallId call);
  async::Task<Result<std::unique_ptr<Playable>>> open_object(std::string key, std::string type,
                                                             std::string etag);
  async::Task<Result<std::unique_ptr<Playable>>> open_decoded(std::string key, std::string etag,
                                                              std::uint64_t generation);
  async::Task<Result<std::shared_ptr<const std::string>>> fetch(std::string key);

  // What was fetched to be decoded: the latest few, used for a minute. A player that seeks asks for many
  // ranges, and the store may be far away. By what is in it, so nobody gets another recording's.
  struct Fetched {
    std::string key, etag;
    std::shared_ptr<const std::string> bytes;
    SteadyTime at;
  };
  std::shared_ptr<const std::string> fetched_before(const std::string& key, const std::string& etag);
  // Unless something was forgotten since `generation`: it may have been this.
  void keep(Fetched fetched, std::uint64_t generation);
  std::uint64_t generation();

  store::Store& store_;
  ObjectStore& objects_;
  async::WorkerPool& workers_;
  std::filesystem::path spool_;
  std::mutex mutex_;  // the following
  std::list<Fetched> fetched_;
  std::uint64_t forgotten_ = 0;
};

}  // namespace voxanne::recordings
