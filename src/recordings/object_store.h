// Where finished recordings are kept. Keys are is_object_key() (recordings/key.h); a put is whole or
// did not happen, and repeating it is harmless.
//
// Tasks run on the caller's loop and block nothing on it. Errors: not_found (object_missing),
// unavailable (object_store_unavailable: try again later, however long), malformed
// (object_key_invalid), conflict (object_checksum_mismatch: the source is not what was promised).
#pragma once

#include "async/task.h"
#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace voxanne::recordings {

struct ObjectInfo {
  std::string key;
  std::uint64_t size = 0;
  UtcTime modified{};
};

class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // Stores a copy of the file, durably, if its SHA-256 (hex) is `checksum`.
  virtual async::Task<Result<>> put(std::string key, std::filesystem::path file, std::string checksum) = 0;
  virtual async::Task<Result<std::uint64_t>> size(std::string key) = 0;
  // Up to `length` bytes from `offset`; fewer only at the end.
  virtual async::Task<Result<std::string>> read(std::string key, std::uint64_t offset,
                                                std::size_t length) = 0;
  // Success also where there was none.
  virtual async::Task<Result<>> remove(std::string key) = 0;
  // Up to `limit` objects whose keys begin with `prefix` and come after `after`, sorted by key.
  virtual async::Task<Result<std::vector<ObjectInfo>>> list(std::string prefix, std::string after,
                                                            std::size_t limit) = 0;
  // Makes the place, where nothing was ever kept; so does the first put.
  virtual async::Task<Result<>> prepare() { co_return Result<>{}; }
  // An address that opens the object for so long without us, its answer carrying `disposition` as
  // Content-Disposition; nullopt where only we can read it. Asks nobody.
  virtual std::optional<std::string> link(const std::string& /*key*/, seconds /*valid_for*/,
                                          const std::string& /*disposition*/) const {
    return std::nullopt;
  }
};

}  // namespace voxanne::recordings
