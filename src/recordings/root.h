// The directory of a FileStore, and how it is known again: a mount that is lost leaves an empty directory
// behind, or none, which must not pass for a store without recordings.
//
//   DIRECTORY/.voxanne-recordings   its marker: an id
//   KNOWN                           a line "ID DIRECTORY" for each directory that was ever given one
//
// The marker is made when something is first kept there, then the line, each durably. Once there is a line,
// only a directory with that marker is the store, and all else is unavailable (object_store_unavailable),
// with how to mend it. A marker without a line (a crash between the two, a DATA_DIR that was moved, another
// node's share) is taken over. An empty one is the operator's word that the directory is to be taken as
// it is, and gets the id.
//
// Owner: the FileStore. Blocks: workers only, any number of threads and processes.
#pragma once

#include "base/descriptor.h"
#include "base/result.h"

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace voxanne::recordings {

inline constexpr const char* marker_name = ".voxanne-recordings";  // no name of an object: it has a dot first

// The store cannot be used just now: object_store_unavailable.
Error away(const std::string& what, int error_number);

struct Place {
  std::filesystem::path directory;
  std::filesystem::path known;  // in another directory, which is there
  // Whether recordings are kept there although nothing is known of the directory: those of a time before
  // there were markers. Asked only where it is empty or not there.
  std::function<bool()> in_use = [] { return false; };
};

class Root {
 public:
  // To keep something there makes what is not there yet; to look changes nothing.
  enum class Use { look, keep };

  // The directory that was found to be the right one. What is reached through path() is in that one, whatever
  // is mounted in its place meanwhile. Nothing is there where nothing was ever kept.
  class Held {
   public:
    std::filesystem::path path() const;

   private:
    friend class Root;
    Held(Descriptor directory, std::filesystem::path name)
        : directory_(std::move(directory)), name_(std::move(name)) {}
    Descriptor directory_;
    std::filesystem::path name_;
  };

  explicit Root(Place place);

  Result<Held> hold(Use use);

 private:
  struct Found {
    Descriptor directory;               // closed: there is none
    std::optional<std::string> marker;  // what it says
  };
  struct Known {
    std::string id{};  // of this directory; empty: nothing is known of it
    bool others = false, torn = false;
  };

  Result<Found> find() const;
  Result<Known> known();
  Result<Held> take_up();
  Result<> mark(const Found& found, const std::string& id) const;
  Error misses(const std::string& what) const;
  Error is_another(const Found& found) const;

  const Place place_;
  std::mutex mutex_;
  std::string id_;  // once it is known
};

}  // namespace voxanne::recordings
