// Which answers of 503 and 504 are told in the log: while a database is away they come by the thousand, and
// one a second of each code says as much, with how many were not told.
//
//   if (const auto untold = outages.tell(error.code, now)) log::warning("api.unavailable", …);
//
// Owner: the router. Any thread.
#pragma once

#include "base/time.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

namespace voxanne::api {

class Outages {
 public:
  // How many of this code were not told since the last one that was; nullopt: this one shall not be either.
  std::optional<std::int64_t> tell(const std::string& code, SteadyTime now);

 private:
  struct Told {
    SteadyTime at;
    std::int64_t untold = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Told> codes_;
};

}  // namespace voxanne::api
