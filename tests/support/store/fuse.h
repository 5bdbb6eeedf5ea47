// Dies at a chosen step of what works on a database and an object store: the moment before or the moment
// after an access takes effect. A sweep arms it for step 1, 2, … until nothing dies any more.
//
//   test::Fuse fuse;
//   test::FusedStore database{store, fuse};
//   test::FusedObjects objects{files, fuse};
//   fuse.left = step;      // then whatever uses the two throws test::Killed, or does what `blow` does
#pragma once

#include "recordings/object_store.h"
#include "store/store.h"

#include <functional>
#include <stdexcept>
#include <utility>

namespace voxanne::test {

struct Killed : std::runtime_error {
  Killed() : std::runtime_error("killed here") {}
};

struct Fuse {
  int left = 0;        // 0: never
  bool reads = false;  // whether reads of the database are steps too
  std::function<void()> blow = [] { throw Killed{}; };

  void step() {
    if (left > 0 && --left == 0) blow();
  }
};

class FusedStore final : public store::Store {
 public:
  FusedStore(store::Store& inner, Fuse& fuse) : inner_(inner), fuse_(fuse) {}
  async::Task<Result<>> read(const store::Statement& statement, std::vector<store::Value> values,
                             store::RowVisitor visit) override {
    if (fuse_.reads) fuse_.step();
    auto result = co_await inner_.read(statement, std::move(values), std::move(visit));
    if (fuse_.reads) fuse_.step();
    co_return result;
  }
  async::Task<Result<>> write(store::Batch batch) override {
    fuse_.step();
    if (before_write) co_await before_write();
    auto result = co_await inner_.write(std::move(batch));
    fuse_.step();
    co_return result;
  }

  std::function<async::Task<>()> before_write;  // what others do meanwhile

 private:
  store::Store& inner_;
  Fuse& fuse_;
};

// Puts and removals are steps.
class FusedObjects final : public recordings::ObjectStore {
 public:
  FusedObjects(recordings::ObjectStore& inner, Fuse& fuse) : inner_(inner), fuse_(fuse) {}
  async::Task<Result<>> put(std::string key, std::filesystem::path file, std::string checksum) override {
    fuse_.step();
    auto result = co_await inner_.put(std::move(key), std::move(file), std::move(checksum));
    fuse_.step();
    co_return result;
  }
  async::Task<Result<std::uint64_t>> size(std::string key) override { return inner_.size(std::move(key)); }
  async::Task<Result<std::string>> read(std::string key, std::uint64_t offset, std::size_t length) override {
    return inner_.read(std::move(key), offset, length);
  }
  async::Task<Result<>> remove(std::string key) override {
    fuse_.step();
    if (away) co_return unavailable("object_store_unavailable", "away on purpose");
    auto result = co_await inner_.remove(std::move(key));
    fuse_.step();
    co_return result;
  }
  async::Task<Result<std::vector<recordings::ObjectInfo>>> list(std::string prefix, std::string after,
                                                                std::size_t limit) override {
    return inner_.list(std::move(prefix), std::move(after), limit);
  }

  bool away = false;  // to removals

 private:
  recordings::ObjectStore& inner_;
  Fuse& fuse_;
};

}  // namespace voxanne::test
