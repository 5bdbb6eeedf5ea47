#include "notify/signature.h"

#include <gtest/gtest.h>

namespace voxanne::notify {
namespace {

// As the specification's own library signs it.
TEST(WebhookSignature, is_that_of_the_specification) {
  const Secret secret{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
  const UtcTime at = from_unix_ms(1'614'265'330'999);
  const std::string payload = R"({"test": 2432232314})", id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  EXPECT_EQ(webhook_timestamp(at), "1614265330");
  EXPECT_EQ(webhook_signature({secret}, id, at, payload), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignature, each_secret_signs_and_none_of_another_form) {
  const auto first = make_webhook_secret(), second = make_webhook_secret();
  const UtcTime at = from_unix_ms(1'000);
  const auto both = webhook_signature({first, second, Secret{"other"}}, "id", at, "{}");
  EXPECT_EQ(both,
            webhook_signature({first}, "id", at, "{}") + " " + webhook_signature({second}, "id", at, "{}"));
  EXPECT_NE(webhook_signature({first}, "id", at, "{}"), webhook_signature({second}, "id", at, "{}"));
}

}  // namespace
}  // namespace voxanne::notify
