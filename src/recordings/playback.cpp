#include "recordings/playback.h"

#include "recordings/key.h"
#include "recordings/spool_file.h"
#include "recordings/wav_view.h"

#include <unistd.h>

#include <cerrno>

namespace voxanne::recordings {
namespace {

using domain::RecordingStatus;

constexpr std::size_t fetch_bytes = 1 << 20;
// Of an encoded recording that is decoded from memory: over four hours.
constexpr std::uint64_t max_decoded_bytes = 64 << 20;
constexpr std::size_t max_fetched = 4;
constexpr seconds fetched_for{60};

class StoredObject final : public Playable {
 public:
  StoredObject(ObjectStore& objects, std::string key, std::uint64_t size, std::string type, std::string etag)
      : objects_(objects), key_(std::move(key)) {
    size_ = size;
    content_type_ = std::move(type);
    etag_ = std::move(etag);
  }
  async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    return objects_.read(key_, offset, length);
  }

 private:
  ObjectStore& objects_;
  std::string key_;
};

class Wav final : public Playable {
 public:
  Wav(async::WorkerPool& workers, std::unique_ptr<Sound> sound, std::string etag)
      : workers_(workers), view_(std::move(sound)) {
    size_ = view_.size();
    content_type_ = "audio/wav";
    etag_ = std::move(etag);
  }
  async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    co_return co_await workers_.run([&] { return view_.read(offset, length); });
  }

 private:
  async::WorkerPool& workers_;
  WavView view_;
};

Error none(const std::string& why) { return not_found("recording_not_found", why); }

// What the database says is stored and the store does not have is a fault, not an absence.
Error fault(const Error& error) {
  if (error.kind != Fault::not_found) return error;
  return internal("recording_missing_in_store", "the recording is stored according to the database, but " +
                                                    error.message + "; restore the object store");
}

Error missing_in_spool() {
  return internal("recording_missing_in_spool", "the recording waits to be stored, but its file is gone");
}

}  // namespace

async::Task<Result<store::RecordingPlace>> Playback::locate(store::CallKey call) {
  const auto place = co_await store::find_recording(store_, call);
  if (!place) co_return place.error();
  if (*place && (*place)->status != RecordingStatus::failed) co_return **place;
  if (*place) co_return none("Recording not found: it could not be kept, see the call's log");
  const auto row = co_await store::find_call(store_, call);
  if (!row) co_return row.error();
  if (*row && (*row)->recording_status == RecordingStatus::recording)
    co_return not_found("recording_not_ready", "Recording not ready: the call is still running");
  co_return none("Recording not found");
}

async::Task<Result<Playback::About>> Playback::find(OrgId org, CallId call) {
  // Twice: the recording may move from the spool to the store meanwhile.
  for (int attempt = 0;; ++attempt) {
    const auto place = co_await locate({org, call});
    if (!place) co_return place.error();
    About about{recording_key(org, call), {}, static_cast<double>(place->duration_ms) / 1'000.0};
    if (place->status != RecordingStatus::stored) {
      const auto path = spool_path(spool_, org, call);
      if (co_await workers_.run([&] { return ::access(path.c_str(), F_OK) == 0 || errno != ENOENT; }))
        co_return about;
      if (attempt > 0) co_return missing_in_spool();
      continue;
    }
    const auto size = co_await objects_.size(place->object_key);
    if (!size) co_return fault(size.error());
    if (place->bytes > 0 && *size != static_cast<std::uint64_t>(place->bytes))
      co_return internal("recording_damaged", "the stored recording has " + std::to_string(*size) +
                                                  " bytes, not the " + std::to_string(place->bytes) +
                                                  " that were stored; restore the object store");
    about.object_key = place->object_key;
    co_return about;
  }
}

async::Task<Result<std::unique_ptr<Playable>>> Playback::open(OrgId org, CallId call, std::string format) {
  if (!format.empty() && format != "wav")
    co_return Error{Fault::impossible, "recording_format_unknown",
                    "format can only be wav; leave it out for Ogg/Opus"};
  // Twice: between the answer and the opening, the recording may move from the spool to the store.
  for (int attempt = 0;; ++attempt) {
    const auto known = generation();
    const auto place = co_await locate({org, call});
    if (!place) co_return place.error();
    const std::string etag = '"' + place->sha256 + (format.empty() ? "" : "-" + format) + '"';
    if (place->status == RecordingStatus::stored)
      co_return format.empty() ? co_await open_object(place->object_key, place->content_type, etag)
                               : co_await open_decoded(place->object_key, etag, known);
    auto spooled = co_await open_spool(org, call);
    if (spooled || spooled.error().kind != Fault::not_found) co_return spooled;
    if (attempt > 0) co_return missing_in_spool();
  }
}

async::Task<Result<std::unique_ptr<Playable>>> Playback::open_spool(OrgId org, CallId call) {
  const auto path = spool_path(spool_, org, call);
  auto sound = co_await workers_.run([&] { return open_spool_sound(path); });
  if (!sound && sound.error().kind == Fault::malformed)
    co_return internal("recording_damaged", sound.error().message);
  if (!sound) co_return sound.error();
  // A spool file that is queued does not change any more.
  auto etag = "\"spool-" + std::to_string((*sound)->frames()) + '"';
  co_return std::make_unique<Wav>(workers_, std::move(*sound), std::move(etag));
}

async::Task<Result<std::unique_ptr<Playable>>> Playback::open_object(std::string key, std::string type,
                                                                     std::string etag) {
  const auto size = co_await objects_.size(key);
  if (!size) co_return fault(size.error());
  co_return std::make_unique<StoredObject>(objects_, std::move(key), *size, std::move(type), std::move(etag));
}

async::Task<Result<std::unique_ptr<Playable>>> Playback::open_decoded(std::string key, std::string etag,
                                                                      std::uint64_t generation) {
  auto ogg = fetched_before(key, etag);
  const bool is_new = !ogg;
  if (is_new) {
    auto fetched = co_await fetch(key);
    if (!fetched) co_return fetched.error();
    ogg = std::move(*fetched);
  }
  auto sound = co_await workers_.run([&] { return open_opus_sound(ogg); });
  if (!sound)
    co_return internal("recording_damaged",
                       "the stored recording cannot be decoded: " + sound.error().message);
  if (is_new) keep({std::move(key), etag, std::move(ogg), std::chrono::steady_clock::now()}, generation);
  co_return std::make_unique<Wav>(workers_, std::move(*sound), std::move(etag));
}

async::Task<Result<std::shared_ptr<const std::string>>> Playback::fetch(std::string key) {
  const auto size = co_await objects_.size(key);
  if (!size) co_return fault(size.error());
  if (*size > max_decoded_bytes)
    co_return Error{Fault::too_large, "recording_too_long",
                    "this recording is too long for WAV; take it as Ogg/Opus"};
  std::string ogg;
  while (ogg.size() < *size) {
    const auto piece = co_await objects_.read(key, ogg.size(), fetch_bytes);
    if (!piece) co_return fault(piece.error());
    if (piece->empty()) break;
    ogg += *piece;
  }
  co_return std::make_shared<const std::string>(std::move(ogg));
}

std::shared_ptr<const std::string> Playback::fetched_before(const std::string& key, const std::string& etag) {
  forget_old();
  const std::lock_guard lock{mutex_};
  for (const auto& one : fetched_)
    if (one.key == key && one.etag == etag) return one.bytes;
  return nullptr;
}

void Playback::forget_old() {
  const std::lock_guard lock{mutex_};
  const auto now = std::chrono::steady_clock::now();
  fetched_.remove_if([&](const Fetched& one) { return now - one.at > fetched_for; });
}

void Playback::forget(const OrgId& org, const CallId& call) {
  const std::lock_guard lock{mutex_};
  ++forgotten_;
  fetched_.remove_if([&](const Fetched& one) {
    const auto name = parse_recording_key(one.key);
    return name && name->org == org && name->call == call;
  });
}

std::uint64_t Playback::generation() {
  const std::lock_guard lock{mutex_};
  return forgotten_;
}

void Playback::keep(Fetched fetched, std::uint64_t generation) {
  const std::lock_guard lock{mutex_};
  if (generation != forgotten_) return;
  fetched_.push_front(std::move(fetched));
  std::size_t bytes = 0, kept = 0;
  fetched_.remove_if([&](const Fetched& one) {
    bytes += one.bytes->size();
    return ++kept > max_fetched || bytes > max_decoded_bytes;
  });
}

}  // namespace voxanne::recordings
