#include "api/token.h"

#include "base/secret.h"

#include <gtest/gtest.h>

#include <thread>

namespace voxanne::api {
namespace {

const Secret secret{"a-secret-of-at-least-thirty-two-bytes"};
const UtcTime now = from_unix_ms(1'800'000'000'000);

std::string forged(std::string_view header, std::string_view payload,
                   std::string_view key = secret.reveal()) {
  const std::string input = to_base64url(header) + "." + to_base64url(payload);
  return input + "." + to_base64url(hmac_sha256(key, input));
}

std::string token_of(std::string_view payload) { return forged(R"({"alg":"HS256","typ":"JWT"})", payload); }

Result<Identity> verify(std::string_view token, const TokenRules& rules = {}) {
  return TokenKey::make(secret).value().verify(token, rules, now);
}

TEST(TokenTest, signs_what_it_verifies) {
  const auto key = TokenKey::make(secret).value();
  const auto token = key.sign({.org = OrgId{"org_1"},
                               .role = Role::manager,
                               .subject = "me",
                               .issuer = "us",
                               .audience = "them",
                               .issued_at = now,
                               .expires_at = now + 1h});
  const auto identity = key.verify(token, {.audience = "them", .issuer = "us"}, now);
  ASSERT_TRUE(identity) << identity.error().message;
  EXPECT_EQ(identity->org.str(), "org_1");
  EXPECT_EQ(identity->role, Role::manager);
  EXPECT_EQ(identity->subject, "me");
  EXPECT_EQ(identity->expires_at, now + 1h);
  EXPECT_FALSE(identity->development);
}

TEST(TokenTest, a_short_secret_is_refused) {
  EXPECT_EQ(TokenKey::make(Secret{std::string(31, 'x')}).error().code, "short_secret");
  EXPECT_TRUE(TokenKey::make(Secret{std::string(32, 'x')}));
}

struct Row {
  const char* name;
  std::string token;
  const char* code;  // "" = accepted
  TokenRules rules{};
};

class TokenTableTest : public testing::TestWithParam<Row> {};

TEST_P(TokenTableTest, is_judged) {
  const auto identity = verify(GetParam().token, GetParam().rules);
  const std::string code = identity ? "" : identity.error().code;
  EXPECT_EQ(code, GetParam().code) << (identity ? "" : identity.error().message);
  if (!identity) {
    EXPECT_EQ(identity.error().kind, code == "no_organization" ? Fault::forbidden : Fault::unauthenticated);
  }
}

const std::string good = R"({"org_id":"o","exp":1800003600})";
const std::string hs256 = R"({"alg":"HS256"})";

INSTANTIATE_TEST_SUITE_P(
    Forms, TokenTableTest,
    testing::Values(Row{"plain", token_of(good), ""}, Row{"without_typ", forged(hs256, good), ""},
                    Row{"typ_in_lower_case", forged(R"({"alg":"HS256","typ":"jwt"})", good), ""},
                    Row{"with_kid", forged(R"({"alg":"HS256","kid":"../../etc/passwd"})", good), ""},
                    Row{"empty", "", "invalid_token"}, Row{"word", "token", "invalid_token"},
                    Row{"dots", "..", "invalid_token"}, Row{"two_parts", "a.b", "invalid_token"},
                    Row{"four_parts", token_of(good) + ".x", "invalid_token"},
                    Row{"five_parts_jwe", "a.b.c.d.e", "invalid_token"},
                    Row{"over_8_kib",
                        token_of(R"({"org_id":"o","exp":1800003600,"x":")" + std::string(9000, 'x') + "\"}"),
                        "invalid_token"},
                    Row{"padded", token_of(good) + "=", "invalid_token"},
                    Row{"trailing_newline", token_of(good) + "\n", "invalid_token"},
                    Row{"leading_space", " " + token_of(good), "invalid_token"},
                    Row{"header_not_json", forged("HS256", good), "invalid_token"},
                    Row{"header_array", forged(R"(["HS256"])", good), "invalid_token"},
                    Row{"payload_not_json", token_of("org_id=o"), "invalid_token"},
                    Row{"payload_array", token_of("[]"), "invalid_token"},
                    Row{"payload_trailing", token_of(good + "{}"), "invalid_token"},
                    Row{"payload_deep", token_of(std::string(2000, '[')), "invalid_token"},
                    Row{"payload_not_utf8", token_of("{\"org_id\":\"\xff\",\"exp\":1800003600}"),
                        "invalid_token"}),
    [](const auto& info) { return std::string{info.param.name}; });

std::string unsigned_token(std::string_view header) {
  return to_base64url(header) + "." + to_base64url(good) + ".";
}

std::string altered_signature() {
  auto token = token_of(good);
  token.back() = token.back() == 'A' ? 'E' : 'A';
  return token;
}

// The last base64url character carries two spare bits: setting them must not make a second token.
std::string spare_bits_set() {
  auto token = token_of(good);
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  token.back() = alphabet[alphabet.find(token.back()) + 1];
  return token;
}

INSTANTIATE_TEST_SUITE_P(
    Algorithms, TokenTableTest,
    testing::Values(
        Row{"none", unsigned_token(R"({"alg":"none"})"), "invalid_token"},
        Row{"None", unsigned_token(R"({"alg":"None"})"), "invalid_token"},
        Row{"none_with_signature", forged(R"({"alg":"none"})", good), "invalid_token"},
        Row{"empty_alg", forged(R"({"alg":""})", good), "invalid_token"},
        Row{"no_alg", forged(R"({"typ":"JWT"})", good), "invalid_token"},
        Row{"alg_number", forged(R"({"alg":256})", good), "invalid_token"},
        Row{"alg_array", forged(R"({"alg":["HS256"]})", good), "invalid_token"},
        Row{"alg_lower_case", forged(R"({"alg":"hs256"})", good), "invalid_token"},
        Row{"HS384", forged(R"({"alg":"HS384"})", good), "invalid_token"},
        Row{"HS512", forged(R"({"alg":"HS512"})", good), "invalid_token"},
        Row{"RS256_with_our_hmac", forged(R"({"alg":"RS256"})", good), "invalid_token"},
        Row{"ES256_with_our_hmac", forged(R"({"alg":"ES256"})", good), "invalid_token"},
        Row{"HS256_then_none", forged(R"({"alg":"HS256","alg":"none"})", good), "invalid_token"},
        Row{"crit", forged(R"({"alg":"HS256","crit":["b64"]})", good), "invalid_token"},
        Row{"b64_false", forged(R"({"alg":"HS256","b64":false})", good), "invalid_token"},
        Row{"nested", forged(R"({"alg":"HS256","cty":"JWT"})", good), "invalid_token"},
        Row{"zipped", forged(R"({"alg":"HS256","zip":"DEF"})", good), "invalid_token"},
        Row{"other_type", forged(R"({"alg":"HS256","typ":"refresh+jwt"})", good), "invalid_token"},
        Row{"type_number", forged(R"({"alg":"HS256","typ":1})", good), "invalid_token"},
        Row{"own_key_in_header",
            forged(R"({"alg":"HS256","jwk":{"kty":"oct","k":"YXR0YWNrZXI"}})", good, "attacker"),
            "invalid_token"},
        Row{"other_key", forged(hs256, good, "another-secret-of-thirty-two-bytes!"), "invalid_token"},
        Row{"empty_key", forged(hs256, good, ""), "invalid_token"},
        Row{"no_signature", unsigned_token(hs256), "invalid_token"},
        Row{"short_signature", unsigned_token(hs256) + "AAAA", "invalid_token"},
        Row{"altered_signature", altered_signature(), "invalid_token"},
        Row{"spare_bits_in_signature", spare_bits_set(), "invalid_token"},
        Row{"signature_of_another_payload",
            to_base64url(hs256) + "." + to_base64url(R"({"org_id":"victim","exp":1800003600})") +
                token_of(good).substr(token_of(good).rfind('.')),
            "invalid_token"}),
    [](const auto& info) { return std::string{info.param.name}; });

INSTANTIATE_TEST_SUITE_P(
    Claims, TokenTableTest,
    testing::Values(
        Row{"no_exp", token_of(R"({"org_id":"o"})"), "invalid_token"},
        Row{"exp_null", token_of(R"({"org_id":"o","exp":null})"), "invalid_token"},
        Row{"exp_text", token_of(R"({"org_id":"o","exp":"1800003600"})"), "invalid_token"},
        Row{"exp_negative", token_of(R"({"org_id":"o","exp":-1})"), "invalid_token"},
        Row{"exp_absurd", token_of(R"({"org_id":"o","exp":1e300})"), "invalid_token"},
        Row{"exp_in_milliseconds", token_of(R"({"org_id":"o","exp":1800003600000})"), "invalid_token"},
        Row{"exp_unsigned_overflow", token_of(R"({"org_id":"o","exp":18446744073709551615})"),
            "invalid_token"},
        Row{"exp_fraction", token_of(R"({"org_id":"o","exp":1800003600.5})"), ""},
        Row{"expired", token_of(R"({"org_id":"o","exp":1799990000})"), "expired_token"},
        Row{"expires_in_a_second", token_of(R"({"org_id":"o","exp":1800000001})"), ""},
        Row{"expires_now", token_of(R"({"org_id":"o","exp":1800000000})"), "expired_token"},
        Row{"expired_a_second_ago", token_of(R"({"org_id":"o","exp":1799999999})"), "expired_token"},
        Row{"not_yet", token_of(R"({"org_id":"o","exp":1800003600,"nbf":1800000011})"), "invalid_token"},
        Row{"not_yet_within_skew", token_of(R"({"org_id":"o","exp":1800003600,"nbf":1800000010})"), ""},
        Row{"exp_twice", token_of(R"({"org_id":"o","exp":1,"exp":1800003600})"), "invalid_token"},
        Row{"exp_twice_by_escape", token_of(R"({"org_id":"o","exp":1800003600,"\u0065xp":1800003600})"),
            "invalid_token"},
        Row{"org_twice_inside", token_of(R"({"app_metadata":{"org_id":"a","org_id":"b"},"exp":1800003600})"),
            "invalid_token"},
        Row{"nbf_text", token_of(R"({"org_id":"o","exp":1800003600,"nbf":"0"})"), "invalid_token"},
        Row{"from_the_future", token_of(R"({"org_id":"o","exp":1800003600,"iat":1800000011})"),
            "invalid_token"},
        Row{"no_org", token_of(R"({"exp":1800003600})"), "no_organization"},
        Row{"empty_org", token_of(R"({"org_id":"","exp":1800003600})"), "no_organization"},
        Row{"org_number", token_of(R"({"org_id":1,"exp":1800003600})"), "invalid_token"},
        Row{"org_with_slash", token_of(R"({"org_id":"a/b","exp":1800003600})"), "invalid_token"},
        Row{"org_with_nul", token_of(R"({"org_id":"a\u0000b","exp":1800003600})"), "invalid_token"},
        Row{"org_in_user_metadata", token_of(R"({"user_metadata":{"org_id":"o"},"exp":1800003600})"),
            "no_organization"},
        Row{"app_metadata_text", token_of(R"({"app_metadata":"o","org_id":"o","exp":1800003600})"),
            "invalid_token"},
        Row{"org_list", token_of(R"({"app_metadata":{"org_id":["o"]},"exp":1800003600})"), "invalid_token"},
        Row{"role_object", token_of(R"({"app_metadata":{"org_id":"o","role":{}},"exp":1800003600})"),
            "invalid_token"},
        Row{"expired_without_org", token_of(R"({"exp":1})"), "expired_token"},
        Row{"audience",
            token_of(R"({"org_id":"o","exp":1800003600,"aud":"us"})"),
            "",
            {.audience = "us", .issuer = ""}},
        Row{"audience_in_list",
            token_of(R"({"org_id":"o","exp":1800003600,"aud":["x","us"]})"),
            "",
            {.audience = "us", .issuer = ""}},
        Row{"audience_missing", token_of(good), "invalid_token", {.audience = "us", .issuer = ""}},
        Row{"audience_other",
            token_of(R"({"org_id":"o","exp":1800003600,"aud":"them"})"),
            "invalid_token",
            {.audience = "us", .issuer = ""}},
        Row{"audience_prefix",
            token_of(R"({"org_id":"o","exp":1800003600,"aud":"us2"})"),
            "invalid_token",
            {.audience = "us", .issuer = ""}},
        Row{"audience_object",
            token_of(R"({"org_id":"o","exp":1800003600,"aud":{"us":1}})"),
            "invalid_token",
            {.audience = "us", .issuer = ""}},
        Row{"issuer",
            token_of(R"({"org_id":"o","exp":1800003600,"iss":"us"})"),
            "",
            {.audience = "", .issuer = "us"}},
        Row{"issuer_missing", token_of(good), "invalid_token", {.audience = "", .issuer = "us"}},
        Row{"issuer_other",
            token_of(R"({"org_id":"o","exp":1800003600,"iss":"US"})"),
            "invalid_token",
            {.audience = "", .issuer = "us"}},
        Row{"issuer_list",
            token_of(R"({"org_id":"o","exp":1800003600,"iss":["us"]})"),
            "invalid_token",
            {.audience = "", .issuer = "us"}}),
    [](const auto& info) { return std::string{info.param.name}; });

TEST(TokenTest, organization_and_role_come_from_app_metadata_first) {
  const auto supabase = verify(token_of(
      R"({"sub":"u1","role":"authenticated","org_id":"claim","app_metadata":{"org_id":"meta","role":"owner"},)"
      R"("user_metadata":{"org_id":"evil","role":"owner"},"exp":1800003600})"));
  EXPECT_EQ(supabase.value().org.str(), "meta");
  EXPECT_EQ(supabase.value().role, Role::owner);
  EXPECT_EQ(supabase.value().subject, "u1");
  EXPECT_TRUE(supabase.value().role_is_stated);
  const auto database_role = verify(token_of(R"({"org_id":"o","role":"owner","exp":1800003600})")).value();
  EXPECT_EQ(database_role.role, Role::viewer) << "a role outside app_metadata is not ours";
  EXPECT_FALSE(database_role.role_is_stated);
  const auto unknown =
      verify(token_of(R"({"app_metadata":{"org_id":"o","role":"OWNER"},"exp":1800003600})")).value();
  EXPECT_EQ(unknown.role, Role::viewer);
  EXPECT_FALSE(unknown.role_is_stated);
  EXPECT_EQ(verify(token_of(good)).value().role, Role::viewer);
}

TEST(TokenTest, errors_never_quote_the_token) {
  const std::string token = forged(hs256, R"({"org_id":"private-org","exp":1})");
  const auto message = verify(token).error().message;
  EXPECT_EQ(message.find("private"), std::string::npos);
  EXPECT_EQ(message.find(token.substr(0, 8)), std::string::npos);
}

TEST(TokenTest, one_key_verifies_on_many_threads) {
  const auto key = TokenKey::make(secret).value();
  const auto token = token_of(good);
  std::atomic<int> accepted = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i) accepted += key.verify(token, {}, now).has_value();
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(accepted, 2000);
}

}  // namespace
}  // namespace voxanne::api
