// A receiver of webhooks that is not ours: it checks signatures with the specification's own library and
// tells of each request on a line of JSON. How it answers is set per hook.
#pragma once

#include "support/http.h"
#include "support/process.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <chrono>
#include <string>

namespace voxanne::test {

class Receiver {
 public:
  Receiver()
      : process_{{.command = {"node", OUTWARD_SCRIPTS "/receiver.mjs"}, .environment = {}, .directory = {}}} {
    const auto line = process_.wait_for_line("listening ", std::chrono::seconds{20});
    if (!line) throw std::runtime_error("the receiver does not start: " + process_.output());
    base_ = "http://127.0.0.1:" + line->substr(line->find(' ') + 1) + "/hook/";
  }
  std::string url(const std::string& name) const { return base_ + name; }
  void set(const std::string& name, boost::json::object how) {
    const auto answer =
        http({.method = "PUT", .url = url(name), .headers = {}, .body = boost::json::serialize(how)});
    ASSERT_EQ(answer.status, 200) << answer.error;
  }
  // The first request from line `from` on whose line holds all of these.
  boost::json::value next(const std::string& hook, const std::string& holds, std::size_t from = 0) {
    const std::string mine = R"({"hook":")" + hook + "\"";
    for (std::size_t at = from;;) {
      const auto line = process_.wait_for_line(mine, std::chrono::seconds{20}, at);
      if (!line) {
        ADD_FAILURE() << "nothing came for " << hook << " with " << holds << "\n" << process_.output();
        return boost::json::value{};
      }
      if (line->find(holds) != std::string::npos) return boost::json::parse(*line);
      at = index_after(*line, at);
    }
  }
  std::size_t lines() const { return process_.line_count(); }

 private:
  std::size_t index_after(const std::string& line, std::size_t from) const {
    const std::string all = process_.output();
    std::size_t number = 0, begin = 0;
    for (; begin < all.size(); ++number) {
      const auto end = std::min(all.find('\n', begin), all.size());
      if (number >= from && all.substr(begin, end - begin) == line) return number + 1;
      begin = end + 1;
    }
    return number;
  }

  Process process_;
  std::string base_;
};

}  // namespace voxanne::test
