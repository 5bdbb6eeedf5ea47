#include "calls/admission.h"

#include <gtest/gtest.h>

namespace voxanne::calls {
namespace {

using domain::Direction;
using telephony::Refusal;

const OrgId ours{"ours"}, theirs{"theirs"};

TEST(Admission, takes_calls_in_up_to_the_machines_capacity_whatever_it_is) {
  for (int max = 1; max <= 40; ++max) {
    Admission admission{{.max_calls = max}};
    for (int i = 0; i < max; ++i) {
      EXPECT_TRUE(admission.has_room());
      EXPECT_FALSE(admission.admit(ours, 0, Direction::inbound)) << i << " of " << max;
    }
    EXPECT_FALSE(admission.has_room());
    EXPECT_EQ(admission.admit(theirs, 0, Direction::inbound), Refusal::server_full);
    admission.release(ours);
    EXPECT_FALSE(admission.admit(theirs, 0, Direction::inbound));
    EXPECT_EQ(admission.active(), std::size_t(max));
    EXPECT_EQ(admission.refused(Refusal::server_full), 1u);
  }
}

TEST(Admission, keeps_at_least_a_fifth_for_who_calls_in_whatever_the_capacity_is) {
  for (int max = 1; max <= 200; ++max) {
    Admission admission{{.max_calls = max}};
    int placed = 0;
    while (!admission.admit(ours, 0, Direction::outbound)) ++placed;
    EXPECT_LE(placed * 5, max * 4) << max;
    EXPECT_GT((placed + 1) * 5, max * 4) << max << ": no more than a fifth is kept";
    for (int i = placed; i < max; ++i) EXPECT_FALSE(admission.admit(ours, 0, Direction::inbound));
  }
}

TEST(Admission, an_organization_has_its_own_limit_and_leaves_the_others_theirs) {
  Admission admission{{.max_calls = 10}};
  EXPECT_FALSE(admission.admit(ours, 2, Direction::inbound));
  EXPECT_FALSE(admission.admit(ours, 2, Direction::outbound));
  EXPECT_EQ(admission.admit(ours, 2, Direction::inbound), Refusal::organization_full);
  EXPECT_FALSE(admission.admit(theirs, 2, Direction::inbound));
  admission.release(ours);
  EXPECT_FALSE(admission.admit(ours, 2, Direction::inbound));
  EXPECT_EQ(admission.active(), 3u);
}

TEST(Admission, a_strained_machine_takes_no_further_call_but_always_a_few) {
  std::string strain = "ticks are late";
  Admission admission{{.max_calls = 100, .strain = [&] { return strain; }, .strained_from = 3}};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(admission.admit(ours, 0, Direction::inbound));
  EXPECT_EQ(admission.admit(ours, 0, Direction::inbound), Refusal::server_full);
  EXPECT_FALSE(admission.has_room());
  strain.clear();
  EXPECT_TRUE(admission.has_room());
  EXPECT_FALSE(admission.admit(ours, 0, Direction::inbound));
}

TEST(Admission, a_place_goes_back_once_whatever_becomes_of_its_call) {
  Admission admission{{.max_calls = 100}};
  EXPECT_FALSE(admission.admit(ours, 0, Direction::inbound));
  EXPECT_FALSE(admission.admit(ours, 0, Direction::inbound));
  {
    Admission::Place first{admission, ours};
    Admission::Place moved{std::move(first)};
    EXPECT_EQ(admission.active(), 2u);
    moved.give_back();
    EXPECT_EQ(admission.active(), 1u);
  }
  EXPECT_EQ(admission.active(), 1u);
  EXPECT_THROW(([&] {
                 const Admission::Place place{admission, ours};
                 throw std::bad_alloc{};
               }()),
               std::bad_alloc);
  EXPECT_EQ(admission.active(), 0u);
}

TEST(Admission, a_draining_server_takes_nothing_and_says_so) {
  Admission admission{{.max_calls = 100}};
  EXPECT_FALSE(admission.admit(ours, 0, Direction::inbound));
  admission.drain();
  EXPECT_EQ(admission.admit(ours, 0, Direction::inbound), Refusal::draining);
  EXPECT_EQ(admission.admit(ours, 0, Direction::outbound), Refusal::draining);
  EXPECT_FALSE(admission.has_room());
  admission.release(ours);
  EXPECT_EQ(admission.active(), 0u);
}

}  // namespace
}  // namespace voxanne::calls
