#include "ops/sentry/stack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace voxanne::ops::sentry {
namespace {

using testing::HasSubstr;

constexpr bool throws_are_noted = !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer);

[[gnu::noinline]] void the_function_that_throws() { throw std::out_of_range("nothing there"); }

std::exception_ptr thrown() {
  try {
    the_function_that_throws();
  } catch (const std::exception&) {
    return std::current_exception();
  }
  return {};
}

std::string functions(const std::vector<Frame>& frames) {
  std::string all;
  for (const auto& frame : frames) all += frame.function + "\n";
  return all;
}

TEST(SentryStack, an_exception_s_stack_is_where_it_was_thrown) {
  if (!throws_are_noted) GTEST_SKIP() << "the sanitizers have a __cxa_throw of their own";
  const auto error = thrown();
  const auto frames = resolve(thrown_at(error), loaded_modules());
  ASSERT_FALSE(frames.empty());
  EXPECT_THAT(frames.front().function, HasSubstr("the_function_that_throws"));
  EXPECT_THAT(frames.front().file, testing::EndsWith("src/ops/sentry/stack_test.cpp"));
  EXPECT_GT(frames.front().line, 10);
  EXPECT_TRUE(frames.front().ours);
  EXPECT_EQ(type_of(error), "std::out_of_range");
}

TEST(SentryStack, it_is_found_from_another_thread_and_after_other_throws) {
  if (!throws_are_noted) GTEST_SKIP() << "the sanitizers have a __cxa_throw of their own";
  const auto error = thrown();
  for (int i = 0; i < 5; ++i) {
    try {
      throw std::runtime_error("another");
    } catch (const std::exception&) {
    }
  }
  Addresses found;
  std::thread{[&] { found = thrown_at(error); }}.join();
  EXPECT_THAT(functions(resolve(found, loaded_modules())), HasSubstr("the_function_that_throws"));
}

TEST(SentryStack, what_was_never_thrown_here_has_none) {
  EXPECT_TRUE(thrown_at(std::exception_ptr{}).empty());
  const auto old = thrown();
  for (int i = 0; i < 100; ++i) static_cast<void>(thrown());
  EXPECT_TRUE(thrown_at(old).empty()) << "the ring remembers only so many";
}

TEST(SentryStack, throwing_on_many_threads_at_once_mixes_no_stacks_up) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([] {
      for (int round = 0; round < 200; ++round) {
        const auto stack = thrown_at(thrown());
        EXPECT_LE(stack.size(), max_frames);
      }
    });
  for (auto& thread : threads) thread.join();
}

TEST(SentryStack, a_captured_stack_begins_with_its_caller) {
  const auto frames = resolve(capture(), loaded_modules());
  ASSERT_FALSE(frames.empty());
  EXPECT_THAT(functions(frames), HasSubstr("a_captured_stack_begins_with_its_caller"));
  EXPECT_THAT(functions(frames), testing::Not(HasSubstr("sentry::capture")));
}

TEST(SentryStack, addresses_of_nowhere_keep_their_number) {
  const auto frames = resolve({0x1, 0xffffffffff}, loaded_modules());
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].address, 0x1u);
  EXPECT_EQ(frames[0].function, "");
}

}  // namespace
}  // namespace voxanne::ops::sentry
