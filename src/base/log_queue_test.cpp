#include "base/log_queue.h"

#include <gtest/gtest.h>

#include <map>
#include <thread>

namespace voxanne::log {
namespace {

TEST(LogQueue, lines_come_out_in_the_order_they_were_pushed) {
  LogQueue queue{100};
  for (const char* line : {"one", "two", "three"}) queue.push(line);
  EXPECT_EQ(queue.take(), (std::vector<std::string>{"one", "two", "three"}));
  EXPECT_TRUE(queue.take().empty());
}

TEST(LogQueue, a_reader_that_stands_still_costs_lines_and_not_memory) {
  LogQueue queue{3};
  for (int i = 0; i < 10; ++i) queue.push(std::to_string(i));
  EXPECT_EQ(queue.take(), (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_EQ(queue.take_dropped(), 7u);
  EXPECT_EQ(queue.take_dropped(), 0u);
  queue.push("again");
  EXPECT_EQ(queue.take().size(), 1u);
}

TEST(LogQueue, many_threads_lose_nothing_and_each_keeps_its_order) {
  constexpr int threads = 4, lines = 5'000;
  LogQueue queue{threads * lines};
  std::vector<std::thread> writers;
  for (int writer = 0; writer < threads; ++writer)
    writers.emplace_back([&queue, writer] {
      for (int i = 0; i < lines; ++i) queue.push(std::to_string(writer) + " " + std::to_string(i));
    });
  std::map<char, int> next;
  for (int got = 0; got < threads * lines;) {
    queue.wait();
    for (const std::string& line : queue.take()) {
      EXPECT_EQ(std::stoi(line.substr(2)), next[line[0]]++);
      ++got;
    }
  }
  for (auto& writer : writers) writer.join();
  EXPECT_EQ(queue.take_dropped(), 0u);
}

}  // namespace
}  // namespace voxanne::log
