#include "base/trace.h"

#include <gtest/gtest.h>

namespace voxanne {
namespace {

constexpr std::string_view given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

TEST(TraceParent, a_caller_s_is_read) {
  const auto trace = Trace::parse(given);
  ASSERT_TRUE(trace);
  EXPECT_EQ(trace->trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(trace->span_id(), "00f067aa0ba902b7");
  EXPECT_EQ(trace->sampled(), true);
  EXPECT_EQ(trace->traceparent(), given);
  EXPECT_EQ(Trace::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-02")->sampled(), false);
}

TEST(TraceParent, a_later_version_may_carry_more) {
  EXPECT_TRUE(Trace::parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes"));
  EXPECT_TRUE(Trace::parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
}

TEST(TraceParent, anything_else_begins_a_trace_of_our_own) {
  for (const std::string_view broken :
       {std::string_view{}, std::string_view{"00"},
        std::string_view{"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},    // no such version
        std::string_view{"00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"},    // upper case
        std::string_view{"00-00000000000000000000000000000000-00f067aa0ba902b7-01"},    // no trace
        std::string_view{"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"},    // no span
        std::string_view{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0x"},    // no flags
        std::string_view{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x"},  // too long for 00
        std::string_view{"cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x"},   // no separator
        std::string_view{"00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01"},
        std::string_view{"00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01"}}) {
    EXPECT_FALSE(Trace::parse(broken)) << broken;
    const auto own = Trace::continued(broken);
    EXPECT_EQ(own.trace_id().size(), 32u);
    EXPECT_EQ(own.span_id().size(), 16u);
    EXPECT_EQ(own.parent_span_id(), "");
    EXPECT_EQ(own.sampled(), std::nullopt);
    EXPECT_TRUE(Trace::parse(own.traceparent()));
  }
}

TEST(TraceParent, our_span_is_the_caller_s_child) {
  const auto ours = Trace::continued(given);
  EXPECT_EQ(ours.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(ours.parent_span_id(), "00f067aa0ba902b7");
  EXPECT_NE(ours.span_id(), "00f067aa0ba902b7");
  EXPECT_EQ(ours.child().parent_span_id(), ours.span_id());
  EXPECT_EQ(ours.sampled(), true);
  EXPECT_TRUE(Trace{}.empty());
  EXPECT_EQ(Trace{}.traceparent(), "");
}

}  // namespace
}  // namespace voxanne
