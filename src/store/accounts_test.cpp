// A login is of the password that was shown, and an account has no more of them than it may.
#include "store/accounts.h"

#include "support/store/temp_store.h"

#include <gtest/gtest.h>

namespace voxanne::store {
namespace {

using namespace test;

class AccountRecords : public testing::Test {
 protected:
  AccountRecords() {
    EXPECT_TRUE(store.write([&](Batch& b) {
      insert_account(b, {ann, "ann@example.com", "Ann", "first"}, noon);
      insert_account(b, {bob, "bob@example.com", "Bob", "first"}, noon);
    }));
  }

  Result<> begin(const AccountId& account, const std::string& id, UtcTime at = noon,
                 const std::string& password = "first") {
    Session session;
    session.id = SessionId{id};
    session.org = harbour;
    session.account = account;
    session.created_at = at;
    session.expires_at = at + 24h;
    return store.write([&](Batch& b) { insert_session(b, session, password); });
  }
  bool lives(const std::string& session) {
    return store.run(find_session(*store, SessionId{session})).value().has_value();
  }

  TempStore store;
  const AccountId ann{"user_ann"}, bob{"user_bob"};
};

TEST_F(AccountRecords, a_session_begins_only_by_the_password_that_is_the_account_s) {
  ASSERT_TRUE(store.write([&](Batch& b) { set_password(b, ann, "second", noon); }));
  EXPECT_EQ(begin(ann, "s").error().kind, Fault::conflict);
  EXPECT_EQ(begin(AccountId{"user_gone"}, "s").error().kind, Fault::conflict);
  EXPECT_FALSE(lives("s"));
  EXPECT_TRUE(begin(ann, "s", noon, "second"));
  EXPECT_TRUE(lives("s"));
}

TEST_F(AccountRecords, a_password_takes_the_place_of_the_one_that_was_shown) {
  const auto change = [&](const char* to, const std::optional<std::string>& instead_of) {
    return store.write([&](Batch& b) { set_password(b, ann, to, noon, instead_of); });
  };
  EXPECT_TRUE(change("second", "first"));
  EXPECT_EQ(change("third", "first").error().kind, Fault::conflict);
  EXPECT_EQ(store.run(find_account(*store, ann)).value()->password, "second");
  EXPECT_TRUE(change("fourth", std::nullopt)) << "whatever it is";
  EXPECT_EQ(store.run(find_account(*store, bob)).value()->password, "first");
}

TEST_F(AccountRecords, beyond_fifty_the_longest_unused_session_ends) {
  ASSERT_TRUE(begin(bob, "bob"));
  for (int i = 0; i < Session::max_per_account; ++i)
    ASSERT_TRUE(begin(ann, "s" + std::to_string(i), noon + std::chrono::seconds{i}));
  ASSERT_TRUE(store.write([&](Batch& b) { rotate_session(b, SessionId{"s0"}, 0, noon + 1h, noon + 25h); }));
  EXPECT_FALSE(begin(ann, "no", noon + 2h, "wrong"));
  EXPECT_TRUE(lives("s1")) << "nothing ends for a login that is none";

  ASSERT_TRUE(begin(ann, "s50", noon + 2h));
  EXPECT_FALSE(lives("s1"));
  for (const char* kept : {"s0", "s2", "s49", "s50", "bob"}) EXPECT_TRUE(lives(kept)) << kept;
  ASSERT_TRUE(begin(ann, "s51", noon + 2h));
  EXPECT_FALSE(lives("s2"));
  EXPECT_TRUE(lives("s3"));
}

}  // namespace
}  // namespace voxanne::store
