#include "app/server/certificate.h"

#include "support/certificate.h"
#include "support/logged_lines.h"
#include "support/temp_dir.h"
#include "support/virtual_clock.h"

#include <gtest/gtest.h>

#include <future>

namespace voxanne::app {
namespace {

using std::chrono::hours;

class CertificateTest : public testing::Test {
 protected:
  // Serves one that ends in so long.
  void serve(hours left) {
    const auto [file, key] = test::make_certificate(directory.path(), "served", clock.utc() + left);
    const auto started = certificate.start({.certificate = file, .key = key});
    ASSERT_TRUE(started) << started.error().message;
  }
  void TearDown() override {
    auto stopped = std::async(std::launch::async, [this] { certificate.stop(); });
    while (stopped.wait_for(1ms) != std::future_status::ready) clock.settle();
  }
  std::size_t soon() const { return lines.of("tls.certificate_expires_soon").size(); }
  std::size_t expired() const { return lines.of("tls.certificate_expired").size(); }

  async::Loop loop;
  test::VirtualClock clock{loop};
  test::TempDir directory;
  test::LoggedLines lines;
  Certificate certificate{clock, loop.get_executor()};
};

TEST_F(CertificateTest, one_that_is_not_renewed_is_told_of_each_day_of_its_last_two_weeks) {
  serve(hours{24 * 14 + 12});
  clock.run_for(hours{23});
  EXPECT_EQ(soon(), 0u);
  clock.run_for(hours{2});
  EXPECT_EQ(soon(), 1u);
  clock.run_for(hours{24});
  EXPECT_EQ(soon(), 2u);
  EXPECT_EQ(expired(), 0u);
}

TEST_F(CertificateTest, one_that_ends_while_it_is_served_is_told_of) {
  serve(hours{12});
  EXPECT_EQ(soon(), 1u) << "at the start";
  clock.run_for(hours{25});
  EXPECT_EQ(expired(), 1u);
  clock.run_for(hours{24});
  EXPECT_EQ(expired(), 2u);
  EXPECT_EQ(soon(), 1u);
}

TEST_F(CertificateTest, one_that_was_renewed_is_not) {
  serve(hours{24 * 14 + 12});
  test::make_certificate(directory.path(), "served", clock.utc() + hours{24 * 90});
  clock.run_for(hours{49});
  EXPECT_EQ(soon(), 0u);
  EXPECT_EQ(certificate.identity()->valid_until(), clock.utc() + hours{24 * 90 - 49});
}

}  // namespace
}  // namespace voxanne::app
