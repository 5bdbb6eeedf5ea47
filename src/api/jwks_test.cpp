#include "api/jwks.h"

#include "api/auth.h"
#include "async/thread.h"
#include "support/tokens/forge.h"
#include "support/tokens/jwks_imposter.h"

#include <gtest/gtest.h>

#include <functional>

namespace voxanne::api {
namespace {

using test::forged;
using test::JwksImposter;
using test::SigningKey;
using Verdict = KeySet::Verdict;

const SigningKey rsa = SigningKey::rsa(), other_rsa = SigningKey::rsa(), ec = SigningKey::ec();

constexpr const char* rs256 = R"({"alg":"RS256","kid":"r"})";
constexpr const char* es256 = R"({"alg":"ES256","kid":"e"})";

Verdict verdict(const std::string& set, const std::string& token) {
  return KeySet::parse(set).value().verify(Jws::parse(token).value());
}

TEST(KeySetTest, a_key_verifies_its_own_algorithm_and_no_other) {
  const auto set = test::jwks({rsa.jwk("r"), ec.jwk("e")});
  EXPECT_EQ(verdict(set, forged(rs256, "{}", rsa)), Verdict::good);
  EXPECT_EQ(verdict(set, forged(es256, "{}", ec)), Verdict::good);
  EXPECT_EQ(verdict(set, forged(rs256, "{}", other_rsa)), Verdict::bad);
  EXPECT_EQ(verdict(set, forged(R"({"alg":"RS256","kid":"e"})", "{}", rsa)), Verdict::unknown_key);
  EXPECT_EQ(verdict(set, forged(R"({"alg":"ES256","kid":"r"})", "{}", ec)), Verdict::unknown_key);
  EXPECT_EQ(verdict(set, test::forged_hs256(R"({"alg":"HS256","kid":"r"})", "{}", rsa.public_pem())),
            Verdict::unknown_key);
  EXPECT_EQ(verdict(set, test::unsigned_jws(rs256, "{}") + to_base64url(std::string(256, '\0'))),
            Verdict::bad);
  EXPECT_EQ(verdict(set, test::unsigned_jws(es256, "{}") + to_base64url(std::string(64, '\0'))),
            Verdict::bad);
}

TEST(KeySetTest, without_a_kid_only_when_one_key_can_be_meant) {
  const char* bare = R"({"alg":"RS256"})";
  EXPECT_EQ(verdict(test::jwks({rsa.jwk("r"), ec.jwk("e")}), forged(bare, "{}", rsa)), Verdict::good);
  EXPECT_EQ(verdict(test::jwks({rsa.jwk("r"), other_rsa.jwk("o")}), forged(bare, "{}", rsa)),
            Verdict::unknown_key);
  EXPECT_EQ(verdict(test::jwks({rsa.jwk("r"), other_rsa.jwk("r")}), forged(rs256, "{}", other_rsa)),
            Verdict::good)
      << "an overlap of two keys under one name";
}

TEST(KeySetTest, keys_for_something_else_are_left_out) {
  const auto refused = [](const std::string& key) { return KeySet::parse(test::jwks({key})).has_error(); };
  EXPECT_FALSE(refused(rsa.jwk("r", R"("use":"sig","alg":"RS256","key_ops":["verify"],"x5u":"http://x")")));
  EXPECT_TRUE(refused(rsa.jwk("r", R"("use":"enc")")));
  EXPECT_TRUE(refused(rsa.jwk("r", R"("alg":"RS512")")));
  EXPECT_TRUE(refused(rsa.jwk("r", R"("alg":"ES256")")));
  EXPECT_TRUE(refused(rsa.jwk("r", R"("key_ops":["encrypt"])")));
  EXPECT_TRUE(refused(rsa.jwk("r", R"("d":"AQAB")"))) << "a private key";
  EXPECT_TRUE(refused(ec.jwk("e", R"("alg":"RS256")")));
  EXPECT_TRUE(refused(SigningKey::rsa(1024).jwk("weak")));
  EXPECT_TRUE(refused(R"({"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})"));
  EXPECT_TRUE(refused(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"));
  const std::string zero(43, 'A');
  EXPECT_TRUE(refused(R"({"kty":"EC","crv":"P-256","x":")" + zero + R"(","y":")" + zero + "\"}"))
      << "a point off the curve";
  const auto some =
      KeySet::parse(test::jwks({rsa.jwk("r"), R"({"kty":"oct"})", ec.jwk("e", R"("use":"enc")")}));
  EXPECT_EQ(some.value().size(), 1u);
  EXPECT_EQ(some.value().left_out(), 2u);
}

TEST(KeySetTest, small_exponents_are_refused) {
  const std::string n = to_base64url("\xc1" + std::string(254, '\x5a') + "\x5b");
  for (const char* e : {"Aw", "AQ", "EQ", "AQAA", ""})
    EXPECT_TRUE(KeySet::parse(R"({"keys":[{"kty":"RSA","n":")" + n + R"(","e":")" + e + "\"}]}").has_error())
        << e;
  EXPECT_FALSE(KeySet::parse(R"({"keys":[{"kty":"RSA","n":")" + n + R"(","e":"AQAB"}]})").has_error());
}

TEST(KeySetTest, what_is_no_key_set_is_said) {
  for (const std::string& bad : {"", "{}", "[]", R"({"keys":{}})", R"({"keys":[]})", "<html>",
                                 R"({"keys":[1,"a"]})", R"({"keys":[],"keys":[]})"})
    EXPECT_EQ(KeySet::parse(bad).error().code, "bad_jwks") << bad;
  EXPECT_TRUE(KeySet::parse(std::string(300'000, ' ')).has_error());
}

// The whole way, with a provider that can be made to fail.
class JwksSourceTest : public testing::Test {
 protected:
  void start(JwksSource::Options options) {
    options.url = imposter_.url();
    options.retry_first = options.retry_last = 50ms;
    source_ = std::make_unique<JwksSource>(options, clock_, house_.executor());
    source_->start();
    authenticator_ = std::make_unique<Authenticator>(
        Authenticator::Options{
            .keys = {}, .rules = {.audience = "us", .issuer = "them"}, .published = source_.get()},
        clock_);
  }
  ~JwksSourceTest() override {
    if (source_) async::run_on(house_.executor(), source_->stop());
  }

  std::string payload() const {
    const auto now = std::chrono::floor<seconds>(clock_.utc()).time_since_epoch().count();
    return R"({"iss":"them","aud":"us","app_metadata":{"org_id":"o"},"exp":)" + std::to_string(now + 600) +
           "}";
  }
  std::string code(const std::string& token) {
    const auto identity = async::run_on(web_.executor(), authenticator_->authenticate_token(0, token, {}));
    return identity ? "" : identity.error().code;
  }
  // Bounded waiting for what the source does by itself.
  bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 500; ++i) {
      if (holds()) return true;
      async::run_on(web_.executor(), clock_.sleep_for(10ms));
    }
    return false;
  }

  async::SystemClock clock_;
  async::LoopThread house_{"house"}, web_{"web"};
  JwksImposter imposter_{test::jwks({rsa.jwk("r")})};
  std::unique_ptr<JwksSource> source_;
  std::unique_ptr<Authenticator> authenticator_;
};

TEST_F(JwksSourceTest, the_first_token_waits_for_the_first_keys) {
  start({.url = {}});
  EXPECT_EQ(code(forged(rs256, payload(), rsa)), "");
  EXPECT_EQ(code(forged(rs256, payload(), other_rsa)), "invalid_token");
  EXPECT_EQ(imposter_.asked(), 1);
}

TEST_F(JwksSourceTest, an_unknown_kid_fetches_the_new_keys_and_the_old_are_out) {
  start({.url = {}, .between_requests = seconds{0}});
  const auto old_token = forged(rs256, payload(), rsa);
  EXPECT_EQ(code(old_token), "");
  imposter_.publish(test::jwks({ec.jwk("e")}));
  EXPECT_EQ(code(forged(es256, payload(), ec)), "");
  EXPECT_EQ(code(old_token), "invalid_token") << "remembered, but by a key that is out";
}

TEST_F(JwksSourceTest, made_up_kids_do_not_make_us_ask_again_and_again) {
  start({.url = {}, .between_requests = seconds{600}});
  EXPECT_EQ(code(forged(rs256, payload(), rsa)), "");
  for (int i = 0; i < 200; ++i)
    EXPECT_EQ(code(forged(R"({"alg":"RS256","kid":"k)" + std::to_string(i) + "\"}", payload(), rsa)),
              "invalid_token");
  EXPECT_EQ(imposter_.asked(), 1);
}

TEST_F(JwksSourceTest, a_provider_that_is_away_or_talks_nonsense_changes_nothing) {
  start({.url = {}, .min_refresh = seconds{0}, .between_requests = seconds{0}});
  EXPECT_EQ(code(forged(rs256, payload(), rsa)), "");
  using Fault = JwksImposter::Fault;
  for (const Fault fault : {Fault::server_error, Fault::redirect, Fault::broken_connection}) {
    imposter_.fail(fault);
    EXPECT_EQ(code(forged(R"({"alg":"RS256","kid":"new"})", payload(), rsa)), "invalid_token");
    EXPECT_TRUE(soon([&] { return !source_->healthy(); }));
    EXPECT_EQ(code(forged(rs256, payload(), rsa)), "") << "stale keys are keys";
  }
  imposter_.fail(Fault::none);
  for (const char* garbage : {"<html>", R"({"keys":[]})", "{\"keys\":[{\"kty\":\"RSA\"}]}"}) {
    imposter_.publish(garbage);
    EXPECT_EQ(code(forged(R"({"alg":"RS256","kid":"new"})", payload(), rsa)), "invalid_token");
    EXPECT_EQ(code(forged(rs256, payload(), rsa)), "");
  }
  imposter_.publish(test::jwks({rsa.jwk("r"), rsa.jwk("new")}));
  EXPECT_TRUE(soon([&] { return code(forged(R"({"alg":"RS256","kid":"new"})", payload(), rsa)).empty(); }));
}

TEST_F(JwksSourceTest, keys_that_nobody_confirms_end_one_day) {
  start({.url = {}, .stale_for = seconds{1}, .retry_first = 50ms});
  EXPECT_EQ(code(forged(rs256, payload(), rsa)), "");
  imposter_.fail(JwksImposter::Fault::server_error);
  EXPECT_TRUE(soon([&] { return source_->current() == nullptr; }));
  EXPECT_EQ(code(forged(rs256, payload() + " ", rsa)), "keys_unavailable");
  imposter_.fail(JwksImposter::Fault::none);
}

TEST_F(JwksSourceTest, before_the_first_answer_nobody_is_let_in_and_nobody_is_called_a_liar) {
  imposter_.fail(JwksImposter::Fault::server_error);
  start({.url = {}});
  EXPECT_EQ(code(forged(rs256, payload(), rsa)), "keys_unavailable");
  imposter_.fail(JwksImposter::Fault::none);
  EXPECT_TRUE(soon([&] { return code(forged(rs256, payload(), rsa)).empty(); }));
}

}  // namespace
}  // namespace voxanne::api
