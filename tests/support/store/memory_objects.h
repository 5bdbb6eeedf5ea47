// Objects in memory. Before each access a test may change them, or answer in their stead:
//
//   test::MemoryObjects objects;
//   objects.held["org/call.ogg"] = "OggS…";
//   objects.before = [&](const MemoryObjects::Access& access) -> Result<> { … };
//
// One loop at a time.
#pragma once

#include "base/secret.h"
#include "recordings/object_store.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>

namespace voxanne::test {

class MemoryObjects final : public recordings::ObjectStore {
 public:
  struct Access {
    enum class Kind { put, size, read, remove, list } kind;
    std::string key;  // of a list: after which
    std::uint64_t offset = 0;
  };

  std::map<std::string, std::string> held;
  std::set<std::string> unlisted;
  std::function<Result<>(const Access&)> before = [](const Access&) { return Result<>{}; };

  async::Task<Result<>> put(std::string key, std::filesystem::path file, std::string checksum) override {
    if (auto let = before({Access::Kind::put, key}); !let) co_return let;
    std::ifstream from{file, std::ios::binary};
    std::string bytes{std::istreambuf_iterator<char>{from}, {}};
    if (to_hex(sha256(bytes)) != checksum)
      co_return Error{Fault::conflict, "object_checksum_mismatch", "not what was promised"};
    held[key] = std::move(bytes);
    co_return Result<>{};
  }
  async::Task<Result<std::uint64_t>> size(std::string key) override {
    if (auto let = before({Access::Kind::size, key}); !let) co_return let.error();
    const auto found = held.find(key);
    if (found == held.end()) co_return missing();
    co_return std::uint64_t{found->second.size()};
  }
  async::Task<Result<std::string>> read(std::string key, std::uint64_t offset, std::size_t length) override {
    if (auto let = before({Access::Kind::read, key, offset}); !let) co_return let.error();
    const auto found = held.find(key);
    if (found == held.end()) co_return missing();
    if (offset >= found->second.size()) co_return std::string{};
    co_return found->second.substr(offset, length);
  }
  async::Task<Result<>> remove(std::string key) override {
    if (auto let = before({Access::Kind::remove, key}); !let) co_return let;
    held.erase(key);
    co_return Result<>{};
  }
  async::Task<Result<std::vector<recordings::ObjectInfo>>> list(std::string prefix, std::string after,
                                                                std::size_t limit) override {
    if (auto let = before({Access::Kind::list, after}); !let) co_return let.error();
    std::vector<recordings::ObjectInfo> found;
    for (const auto& [key, bytes] : held)
      if (key > after && key.starts_with(prefix) && !unlisted.contains(key) && found.size() < limit)
        found.push_back({key, bytes.size(), {}});
    co_return found;
  }

 private:
  static Error missing() { return not_found("object_missing", "there is no such object"); }
};

}  // namespace voxanne::test
