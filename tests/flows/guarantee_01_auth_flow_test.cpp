// Guarantee 1, from outside, with tokens: the built program in production and in development, an identity
// provider that can be made to fail, and every token that anybody has thought of, tried against HTTP and
// both WebSockets.
#include "base/secret.h"
#include "support/http.h"
#include "support/raw_client.h"
#include "support/server.h"
#include "support/temp_dir.h"
#include "support/tokens/forge.h"
#include "support/tokens/jwks_imposter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using testing::HasSubstr;

const std::string secret = "the-secret-of-an-identity-provider-abc";
const std::string operator_token = "the-operator-s-own-token-123";
constexpr const char* issuer = "https://id.example/";
constexpr const char* audience = "voxanne";

std::int64_t now() { return std::time(nullptr); }
std::string in_quotes(std::string_view text) { return "\"" + std::string{text} + "\""; }

// A payload that would be let in, with some members in place of its own.
std::string claims(std::vector<std::pair<std::string, std::string>> changed = {}) {
  std::vector<std::pair<std::string, std::string>> all{
      {"iss", in_quotes(issuer)},
      {"aud", in_quotes(audience)},
      {"sub", in_quotes("user-1")},
      {"app_metadata", R"({"org_id":"acme","role":"manager"})"},
      {"exp", std::to_string(now() + 600)}};
  for (auto& [name, value] : changed) {
    const auto found = std::ranges::find(all, name, &std::pair<std::string, std::string>::first);
    if (found == all.end())
      all.emplace_back(name, value);
    else
      found->second = value;
  }
  std::string text = "{";
  for (const auto& [name, value] : all)
    if (!value.empty())
      text.append(text.size() > 1 ? "," : "").append(in_quotes(name)).append(":").append(value);
  return text + "}";
}

struct Keys {
  SigningKey rsa = SigningKey::rsa(), rotated_out = SigningKey::rsa(), attacker = SigningKey::rsa(),
             weak = SigningKey::rsa(1024), for_encryption = SigningKey::rsa(), ec = SigningKey::ec(),
             attacker_ec = SigningKey::ec();
  std::string published() const {
    return jwks({rsa.jwk("rsa-1", R"("use":"sig","alg":"RS256")"),
                 ec.jwk("ec-1", R"("use":"sig","alg":"ES256")"), weak.jwk("weak-1"),
                 for_encryption.jwk("enc-1", R"("use":"enc")"),
                 R"({"kty":"oct","kid":"oct-1","k":"c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA"})"});
  }
};

const Keys& keys() {
  static const Keys made;
  return made;
}

constexpr const char* hs256 = R"({"alg":"HS256","typ":"JWT"})";
constexpr const char* rs256 = R"({"alg":"RS256","typ":"JWT","kid":"rsa-1"})";
constexpr const char* es256 = R"({"alg":"ES256","typ":"JWT","kid":"ec-1"})";

struct Attack {
  std::string name, token;
  int status = 401;  // 200: let in; 403: known, but without an organization
};

std::string by_hs(std::string_view payload) { return forged_hs256(hs256, payload, secret); }
std::string by_rs(std::string_view payload) { return forged(rs256, payload, keys().rsa); }
std::string by_es(std::string_view payload) { return forged(es256, payload, keys().ec); }

// A header that asks for what it should not, on a token that is good otherwise.
std::string rs_header(std::string_view more) {
  return forged(R"({"alg":"RS256","kid":"rsa-1",)" + std::string{more} + "}", claims(), keys().rsa);
}
// A token by the attacker's key, whose header says where that key is to be found.
std::string believe_me(std::string_view more) {
  return forged(R"({"alg":"RS256",)" + std::string{more} + "}", claims(), keys().attacker);
}

std::string with_signature(const std::string& token, std::string_view signature) {
  return token.substr(0, token.rfind('.') + 1) + std::string{signature};
}

std::vector<Attack> attacks() {
  const Keys& k = keys();
  const std::string good = by_rs(claims()), good_hs = by_hs(claims());
  const std::string t = std::to_string(now());
  std::vector<Attack> rows{
      // What is let in, so that the rest is refused for its own sake.
      {"good_hs256", good_hs, 200},
      {"good_rs256", good, 200},
      {"good_es256", by_es(claims()), 200},
      {"good_without_kid", forged(R"({"alg":"RS256"})", claims(), k.rsa), 200},
      {"good_audience_list", by_rs(claims({{"aud", R"(["other","voxanne"])"}})), 200},
      {"jku_is_ignored", rs_header(R"("jku":"https://evil.example/keys")"), 200},
      // Unsigned.
      {"none", unsigned_jws(R"({"alg":"none"})", claims())},
      {"None", unsigned_jws(R"({"alg":"None"})", claims())},
      {"nOnE", unsigned_jws(R"({"alg":"nOnE"})", claims())},
      {"NONE", unsigned_jws(R"({"alg":"NONE"})", claims())},
      {"none_with_blank", unsigned_jws(R"({"alg":"none "})", claims())},
      {"none_with_our_signature", forged_hs256(R"({"alg":"none"})", claims(), secret)},
      {"no_algorithm", forged_hs256(R"({"typ":"JWT"})", claims(), secret)},
      {"algorithm_null", forged_hs256(R"({"alg":null})", claims(), secret)},
      {"algorithm_list", forged_hs256(R"({"alg":["HS256"]})", claims(), secret)},
      {"empty_signature_hs", with_signature(good_hs, "")},
      {"empty_signature_rs", with_signature(good, "")},
      {"zero_signature_rs", with_signature(good, to_base64url(std::string(256, '\0')))},
      {"zero_signature_es", with_signature(by_es(claims()), to_base64url(std::string(64, '\0')))},
      {"one_signature_es", with_signature(by_es(claims()), to_base64url(std::string(31, '\0') + "\1" +
                                                                        std::string(31, '\0') + "\1"))},
      {"signature_removed_with_its_dot", good.substr(0, good.rfind('.'))},
      // Confused algorithms.
      {"hs256_with_rsa_public_pem",
       forged_hs256(R"({"alg":"HS256","kid":"rsa-1"})", claims(), k.rsa.public_pem())},
      {"hs256_with_rsa_pem_trimmed",
       forged_hs256(R"({"alg":"HS256","kid":"rsa-1"})", claims(),
                    k.rsa.public_pem().substr(0, k.rsa.public_pem().size() - 1))},
      {"hs256_with_rsa_jwk", forged_hs256(R"({"alg":"HS256","kid":"rsa-1"})", claims(), k.rsa.jwk("rsa-1"))},
      {"hs256_with_ec_public_pem",
       forged_hs256(R"({"alg":"HS256","kid":"ec-1"})", claims(), k.ec.public_pem())},
      {"hs256_with_the_jwks_itself", forged_hs256(R"({"alg":"HS256"})", claims(), k.published())},
      {"hs256_with_published_oct",
       forged_hs256(R"({"alg":"HS256","kid":"oct-1"})", claims(), "secret-secret-secret-secret-secret")},
      {"hs256_empty_key", forged_hs256(hs256, claims(), "")},
      {"hs256_guessed_key", forged_hs256(hs256, claims(), "secret")},
      {"hs384_name", forged_hs256(R"({"alg":"HS384"})", claims(), secret)},
      {"hs512_name", forged_hs256(R"({"alg":"HS512"})", claims(), secret)},
      {"rs256_signed_by_hmac", forged_hs256(rs256, claims(), secret)},
      {"rs512_name", forged(R"({"alg":"RS512","kid":"rsa-1"})", claims(), k.rsa)},
      {"ps256_name", forged(R"({"alg":"PS256","kid":"rsa-1"})", claims(), k.rsa)},
      {"rs256_in_lower_case", forged(R"({"alg":"rs256","kid":"rsa-1"})", claims(), k.rsa)},
      {"es256_with_rsa_kid", forged(R"({"alg":"ES256","kid":"rsa-1"})", claims(), k.ec)},
      {"rs256_with_ec_kid", forged(R"({"alg":"RS256","kid":"ec-1"})", claims(), k.rsa)},
      {"es256_header_rsa_signature", forged(es256, claims(), k.rsa)},
      // Keys that are not ours.
      {"attacker_s_rsa_key", forged(rs256, claims(), k.attacker)},
      {"attacker_s_ec_key", forged(es256, claims(), k.attacker_ec)},
      {"weak_rsa_key", forged(R"({"alg":"RS256","kid":"weak-1"})", claims(), k.weak)},
      {"key_for_encryption", forged(R"({"alg":"RS256","kid":"enc-1"})", claims(), k.for_encryption)},
      {"key_rotated_out", forged(R"({"alg":"RS256","kid":"rsa-0"})", claims(), k.rotated_out)},
      {"key_rotated_out_without_kid", forged(R"({"alg":"RS256"})", claims(), k.rotated_out)},
      {"jku", believe_me(R"("kid":"x","jku":"https://evil.example/keys")")},
      {"jku_with_our_kid", believe_me(R"("kid":"rsa-1","jku":"https://evil.example/keys")")},
      {"x5u", believe_me(R"("kid":"rsa-1","x5u":"https://evil.example/cert")")},
      {"jwk_in_header", believe_me(R"("kid":"rsa-1","jwk":)" + k.attacker.jwk("rsa-1"))},
      {"x5c_in_header", believe_me(R"("kid":"rsa-1","x5c":["MIIB"])")},
      {"kid_traversal", believe_me(R"("kid":"../../../../dev/null")")},
      {"kid_traversal_hs_empty", forged_hs256(R"({"alg":"HS256","kid":"/dev/null"})", claims(), "")},
      {"kid_sql", believe_me(R"("kid":"x' UNION SELECT 'secret'--")")},
      {"kid_command", believe_me(R"("kid":"rsa-1|/bin/id")")},
      {"kid_nul", believe_me(R"("kid":"rsa-1\u0000")")},
      {"kid_newline", believe_me(R"("kid":"rsa-1\r\nX-Evil: 1")")},
      {"kid_number", believe_me(R"("kid":1)")},
      {"kid_object", believe_me(R"("kid":{"$ne":null})")},
      {"kid_endless", believe_me(R"("kid":")" + std::string(2'000, 'k') + "\"")},
      // Extensions.
      {"crit_b64", rs_header(R"("b64":false,"crit":["b64"])")},
      {"b64_false", rs_header(R"("b64":false)")},
      {"crit_empty", rs_header(R"("crit":[])")},
      {"crit_unknown", rs_header(R"("crit":["exp"],"exp":1)")},
      {"zip", rs_header(R"("zip":"DEF")")},
      {"nested", rs_header(R"("cty":"JWT")")},
      {"typ_of_something_else", rs_header(R"("typ":"logout+jwt")")},
      // Said twice.
      {"alg_twice", forged(R"({"alg":"RS256","alg":"none","kid":"rsa-1"})", claims(), k.rsa)},
      {"alg_twice_by_escape", forged(R"({"alg":"RS256","\u0061lg":"RS256","kid":"rsa-1"})", claims(), k.rsa)},
      {"exp_twice", by_rs(claims({{"x", "1,\"exp\":" + t}}))},
      {"org_twice", by_rs(claims({{"app_metadata", R"({"org_id":"acme","org_id":"victim"})"}}))},
      {"iss_twice_by_escape", by_rs(claims({{"x", R"(1,"is\u0073":"https://id.example/")"}}))},
      // Times.
      {"expired_by_a_second", by_rs(claims({{"exp", std::to_string(now() - 1)}}))},
      {"expired_hs_by_a_second", by_hs(claims({{"exp", std::to_string(now() - 1)}}))},
      {"expired_long_ago", by_rs(claims({{"exp", "1"}}))},
      {"without_expiry", by_rs(claims({{"exp", ""}}))},
      {"expiry_as_text", by_rs(claims({{"exp", in_quotes("4102444800")}}))},
      {"expiry_absurd", by_rs(claims({{"exp", "1e300"}}))},
      {"expiry_negative", by_rs(claims({{"exp", "-1"}}))},
      {"not_valid_yet", by_rs(claims({{"nbf", std::to_string(now() + 120)}}))},
      {"issued_in_the_future", by_rs(claims({{"iat", std::to_string(now() + 3'600)}}))},
      // For somebody else, by somebody else.
      {"wrong_audience", by_rs(claims({{"aud", in_quotes("another-service")}}))},
      {"wrong_audience_hs", by_hs(claims({{"aud", in_quotes("another-service")}}))},
      {"audience_prefix", by_rs(claims({{"aud", in_quotes("voxanne-staging")}}))},
      {"audience_missing", by_rs(claims({{"aud", ""}}))},
      {"audience_object", by_rs(claims({{"aud", R"({"voxanne":true})"}}))},
      {"wrong_issuer", by_rs(claims({{"iss", in_quotes("https://evil.example/")}}))},
      {"issuer_without_slash", by_rs(claims({{"iss", in_quotes("https://id.example")}}))},
      {"issuer_missing", by_rs(claims({{"iss", ""}}))},
      {"issuer_homoglyph", by_rs(claims({{"iss", in_quotes("https://іd.example/")}}))},
      // Organizations.
      {"no_organization", by_rs(claims({{"app_metadata", "{}"}})), 403},
      {"organization_in_user_metadata",
       by_rs(claims({{"app_metadata", "{}"}, {"user_metadata", R"({"org_id":"acme"})"}})), 403},
      {"organization_traversal", by_rs(claims({{"app_metadata", R"({"org_id":"../acme"})"}}))},
      {"organization_number", by_rs(claims({{"app_metadata", R"({"org_id":1})"}}))},
      {"organization_wildcard", by_rs(claims({{"app_metadata", R"({"org_id":"%"})"}}))},
      {"organization_fullwidth", by_rs(claims({{"app_metadata", R"({"org_id":"ａcme"})"}}))},
      {"organization_zero_width", by_rs(claims({{"app_metadata", "{\"org_id\":\"acme\u200b\"}"}}))},
      {"app_metadata_text", by_rs(claims({{"app_metadata", in_quotes("acme")}}))},
      // Form.
      {"empty_segments", ".."},
      {"word", "admin"},
      {"null", "null"},
      {"undefined", "undefined"},
      {"two_segments", "e30.e30"},
      {"four_segments", good + ".e30"},
      {"five_segments_jwe", "e30.e30.e30.e30.e30"},
      {"truncated_by_one", good.substr(0, good.size() - 1)},
      {"truncated_in_payload", good.substr(0, good.find('.') + 20)},
      {"padded", good + "=="},
      {"standard_alphabet", with_signature(good, "++//++//")},
      {"trailing_dot", good + "."},
      {"inner_blank", good.substr(0, 30) + " " + good.substr(30)},
      {"percent_encoded_dot", good.substr(0, good.find('.')) + "%2E" + good.substr(good.find('.') + 1)},
      {"oversized", by_rs(claims({{"x", in_quotes(std::string(9'000, 'x'))}}))},
      {"deep", by_rs(claims({{"x", std::string(64, '[') + std::string(64, ']')}}))},
      {"payload_list", by_rs("[" + claims() + "]")},
      {"payload_trailing", by_rs(claims() + "{}")},
      {"payload_not_utf8", by_rs(claims({{"x", "\"\xff\""}}))},
      {"header_with_bom", forged("\xef\xbb\xbf" + std::string{rs256}, claims(), k.rsa)},
      {"payload_swapped", good.substr(0, good.find('.') + 1) +
                              to_base64url(claims({{"sub", in_quotes("victim")}})) +
                              good.substr(good.rfind('.'))},
      {"api_key_made_up", "vx_" + std::string(43, 'A')},
      {"api_key_short", "vx_1"},
      {"operator_s_token", operator_token},
  };
  return rows;
}

std::map<std::string, std::string> environment(const char* name, const JwksImposter& provider) {
  return {{"VOXANNE_ENV", name},
          {"JWT_SECRET", secret},
          {"JWT_JWKS_URL", provider.url()},
          {"JWT_ISSUER", issuer},
          {"JWT_AUDIENCE", audience},
          {"OPERATOR_TOKEN", operator_token},
          {"ALLOWED_ORIGINS", "https://app.example.com"},
          {"SPEECH_WORKERS", "1"}};
}

class Auth : public testing::TestWithParam<const char*> {
 protected:
  RawResponse ask(const std::string& fields, const std::string& target = "/api/calls") {
    RawClient client{std::uint16_t(server_.port())};
    client.send("GET " + target + " HTTP/1.1\r\nHost: localhost:" + std::to_string(server_.port()) + "\r\n" +
                fields + "Connection: close\r\n\r\n");
    return client.read_response();
  }
  static std::string bearer(const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; }

  // What the socket says to a token in its first message.
  int close_code(const std::string& target, const std::string& token, const std::string& fields = {}) {
    RawClient client{std::uint16_t(server_.port())};
    if (client.open_websocket(target, fields).status != 101) return 0;
    client.send_frame(1, json::serialize(json::object{{"type", "subscribe"}, {"token", token}}));
    const auto frame = client.read_frame();
    if (frame.opcode == 1) return frame.payload.find("subscribed") != std::string::npos ? 1 : -1;
    return frame.close_code();
  }

  bool health_shows_keys(bool good, const std::function<void()>& meanwhile) {
    for (int i = 0; i < 300; ++i) {
      const auto services = http_get(server_.url("/health")).json().at("services").as_object();
      if (const auto* shown = services.if_contains("signing_keys"); shown && shown->as_bool() == good)
        return true;
      meanwhile();
      std::this_thread::sleep_for(std::chrono::milliseconds{100});
    }
    return false;
  }

  JwksImposter provider_{keys().published()};
  Server server_{environment(GetParam(), provider_)};
};

INSTANTIATE_TEST_SUITE_P(Environments, Auth, testing::Values("production", "development"),
                         [](const auto& info) { return std::string{info.param}; });

TEST_P(Auth, no_attack_comes_in_by_http_or_by_either_socket) {
  const auto rows = attacks();
  EXPECT_GE(rows.size(), 100u);
  // Keys that were out before the server came up are asked for once more at most.
  for (const Attack& attack : rows) {
    SCOPED_TRACE(attack.name);
    auto answer = ask(bearer(attack.token));
    // A blank inside is no header of ours, but the server may find it malformed first.
    EXPECT_EQ(answer.status, attack.status) << answer.body;
    if (attack.status == 401) {
      EXPECT_THAT(answer.headers["www-authenticate"], HasSubstr("Bearer")) << attack.name;
      EXPECT_EQ(answer.body.find(attack.token.substr(0, 24)), std::string::npos) << "tokens are not quoted";
    }
    for (const char* socket : {"/ws/live-calls", "/ws/web-call?assistantId=test-assistant-123"}) {
      SCOPED_TRACE(socket);
      EXPECT_EQ(RawClient{std::uint16_t(server_.port())}.open_websocket(socket, bearer(attack.token)).status,
                attack.status == 200 ? 101 : attack.status);
      EXPECT_EQ(close_code(socket, attack.token), attack.status == 200 ? 1 : 1008);
    }
  }
  EXPECT_LE(provider_.asked(), 12) << "made-up kids are not passed on to the provider";
  EXPECT_EQ(server_.process().output().find(secret), std::string::npos);
  EXPECT_EQ(server_.process().output().find(by_hs("{").substr(0, 20)), std::string::npos)
      << "no token in the log";
}

TEST_P(Auth, credentials_come_in_one_header_and_nowhere_else) {
  const std::string good = by_rs(claims());
  const bool development = std::string_view{GetParam()} == "development";
  struct Row {
    const char* name;
    std::string fields, target;
    int status;
  };
  const std::string path = "/api/calls";
  const int nobody = development ? 200 : 401;  // who shows nothing is the demo's owner, on this machine
  const std::vector<Row> rows{
      {"one", bearer(good), path, 200},
      {"lower_case_scheme", "authorization: bearer " + good + "\r\n", path, 200},
      {"two_headers", bearer(good) + bearer(good), path, 401},
      {"good_then_bad", bearer(good) + bearer("x"), path, 401},
      {"bad_then_good", bearer("x") + bearer(good), path, 401},
      {"comma_list", "Authorization: Bearer " + good + ", Bearer " + good + "\r\n", path, 401},
      {"two_blanks", "Authorization: Bearer  " + good + "\r\n", path, 401},
      {"tab", "Authorization: Bearer\t" + good + "\r\n", path, 401},
      {"no_scheme", "Authorization: " + good + "\r\n", path, 401},
      {"basic", "Authorization: Basic " + to_base64url("user:" + good) + "\r\n", path, 401},
      {"token_scheme", "Authorization: Token " + good + "\r\n", path, 401},
      {"empty", "Authorization:\r\n", path, 401},
      {"bearer_alone", "Authorization: Bearer\r\n", path, 401},
      {"bad_header_good_query", bearer("x"), path + "?access_token=" + good + "&token=" + good, 401},
      {"query_only", "X-Forwarded-For: 203.0.113.9\r\n", path + "?access_token=" + good, 401},
      {"cookie_only",
       "X-Forwarded-For: 203.0.113.9\r\nCookie: token=" + good + "; access_token=" + good + "\r\n", path,
       401},
      {"x_header", "X-Forwarded-For: 203.0.113.9\r\nX-Access-Token: " + good + "\r\n", path, 401},
      {"proxy_header", "X-Forwarded-For: 203.0.113.9\r\nProxy-Authorization: Bearer " + good + "\r\n", path,
       401},
      {"nothing", "", path, nobody},
      {"nothing_by_proxy", "X-Forwarded-For: 127.0.0.1\r\n", path, 401},
      {"nothing_by_forwarded", "Forwarded: for=127.0.0.1\r\n", path, 401},
      {"nothing_by_real_ip", "X-Real-IP: 127.0.0.1\r\n", path, 401},
      {"nothing_by_via", "Via: 1.1 proxy\r\n", path, 401},
      {"nothing_from_a_page", "Origin: https://evil.example\r\n", path, 401},
      {"nothing_from_null", "Origin: null\r\n", path, 401},
      {"nothing_from_an_image", "Sec-Fetch-Site: cross-site\r\n", path, 401},
      {"operator_s_token_is_no_organization_s", bearer(operator_token), path, 401},
      {"token_is_not_the_operator_s", bearer(good), "/api/admin/jobs", 401},
      {"operator_s_token_is_the_operator_s", bearer(operator_token), "/api/admin/jobs", 200},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(ask(row.fields, row.target).status, row.status);
  }
  EXPECT_EQ(
      http_post_json(server_.url("/api/admin/organizations"),
                     {{"name", "Mine"}, {"ownerEmail", "me@example.com"}}, {"Authorization: Bearer " + good})
          .status,
      401);
  RawClient rebound{std::uint16_t(server_.port())};
  rebound.send("GET /api/calls HTTP/1.1\r\nHost: rebound.example\r\n\r\n");
  EXPECT_EQ(rebound.read_response().status, 401) << "a name that somebody else gave our address";
}

TEST_P(Auth, sockets_look_at_where_they_come_from) {
  const std::string good = bearer(by_rs(claims()));
  for (const char* socket : {"/ws/live-calls", "/ws/web-call?assistantId=test-assistant-123"}) {
    SCOPED_TRACE(socket);
    const auto answer = [&](const std::string& fields) {
      return RawClient{std::uint16_t(server_.port())}.open_websocket(socket, fields).status;
    };
    EXPECT_EQ(answer(good), 101);
    EXPECT_EQ(answer(good + "Origin: https://app.example.com\r\n"), 101);
    EXPECT_EQ(answer(good + "Origin: https://evil.example\r\n"), 403);
    EXPECT_EQ(answer(good + "Origin: null\r\n"), 403);
    EXPECT_EQ(answer(good + "Origin: https://app.example.com.evil.example\r\n"), 403);
    EXPECT_EQ(answer("Origin: https://evil.example\r\n"), 403) << "before any token is asked for";
    // Query strings end in logs.
    EXPECT_NE(close_code(std::string{socket} +
                             (std::string_view{socket}.find('?') == std::string::npos ? "?" : "&") +
                             "token=" + by_rs(claims()),
                         "x"),
              1);
  }
}

TEST_P(Auth, an_expired_token_ends_its_live_connection) {
  const auto created = http_post_json(server_.url("/api/assistants"), {{"name", "a"}, {"greeting", "Hello."}},
                                      {"Authorization: Bearer " + by_rs(claims())});
  ASSERT_EQ(created.status, 200) << created.body;
  const std::string soon = bearer(by_rs(claims({{"exp", std::to_string(now() + 5)}})));
  RawClient live{std::uint16_t(server_.port()), seconds{30}},
      call{std::uint16_t(server_.port()), seconds{30}};
  ASSERT_EQ(live.open_websocket("/ws/live-calls", soon).status, 101);
  EXPECT_THAT(live.read_frame().payload, HasSubstr("subscribed"));
  const std::string to = "/ws/web-call?assistantId=" + std::string{created.json().at("id").as_string()};
  ASSERT_EQ(call.open_websocket(to, soon).status, 101);
  call.send_frame(1, R"({"type":"start"})");
  ASSERT_THAT(call.read_frame().payload, HasSubstr("ready"));
  auto last = live.read_frame();
  while (last.opcode == 1) last = live.read_frame();  // what the call tells
  EXPECT_EQ(last.close_code(), 1008);
  EXPECT_THAT(last.payload, HasSubstr("expired"));
  last = call.read_frame();
  while (last.opcode == 1 || last.opcode == 2) last = call.read_frame();
  EXPECT_EQ(last.close_code(), 1008) << "which had begun before";
  EXPECT_THAT(last.payload, HasSubstr("expired"));
  EXPECT_EQ(RawClient{std::uint16_t(server_.port())}.open_websocket(to, soon).status, 401);
}

TEST_P(Auth, keys_that_rotate_are_followed_and_a_provider_that_is_down_is_no_outage) {
  ASSERT_EQ(ask(bearer(by_rs(claims()))).status, 200);
  provider_.fail(JwksImposter::Fault::server_error);
  EXPECT_EQ(ask(bearer(by_rs(claims({{"sub", in_quotes("while-down")}})))).status, 200)
      << "stale keys are keys";
  EXPECT_EQ(ask(bearer(forged(rs256, claims(), keys().attacker))).status, 401);
  // A kid that nobody has heard of has the provider asked, at most every ten seconds.
  const std::string unheard = forged(R"({"alg":"RS256","kid":"unheard-of"})", claims(), keys().attacker);
  EXPECT_TRUE(health_shows_keys(false, [&] { EXPECT_EQ(ask(bearer(unheard)).status, 401); }))
      << "the operator has a day to mend it";
  provider_.fail(JwksImposter::Fault::none);
  EXPECT_TRUE(health_shows_keys(true, [] {}));
  const SigningKey next = SigningKey::rsa();
  provider_.publish(jwks({next.jwk("rsa-2")}));
  const std::string fresh = forged(R"({"alg":"RS256","kid":"rsa-2"})", claims(), next);
  // A new kid is asked for at most every ten seconds.
  int status = 0;
  for (int i = 0; i < 60 && status != 200; ++i) {
    status = ask(bearer(fresh)).status;
    if (status != 200) std::this_thread::sleep_for(std::chrono::milliseconds{500});
  }
  EXPECT_EQ(status, 200);
  EXPECT_EQ(ask(bearer(by_rs(claims()))).status, 401) << "the old key is out, at once";
  EXPECT_EQ(ask(bearer(by_hs(claims()))).status, 200);
}

TEST(AuthStart, a_key_set_without_issuer_and_audience_is_refused) {
  const auto refused = [](std::map<std::string, std::string> more) {
    TempDir data;
    more.insert({{"DATA_DIR", data.path().string()}, {"PORT", "0"}, {"HOST", "127.0.0.1"}});
    Process process{{.command = {voxanne_program(), "serve"}, .environment = more, .directory = {}}};
    const auto code = process.wait(std::chrono::seconds{20});
    EXPECT_EQ(code, 2) << process.output();
    return process.output();
  };
  EXPECT_THAT(refused({{"JWT_JWKS_URL", "https://id.example/keys"}}), HasSubstr("JWT_ISSUER"));
  EXPECT_THAT(refused({{"JWT_JWKS_URL", "https://id.example/keys"}, {"JWT_ISSUER", "x"}}),
              HasSubstr("JWT_AUDIENCE"));
  EXPECT_THAT(
      refused({{"JWT_JWKS_URL", "http://id.example/keys"}, {"JWT_ISSUER", "x"}, {"JWT_AUDIENCE", "y"}}),
      HasSubstr("https"));
  EXPECT_THAT(refused({{"OPERATOR_TOKEN", "short"}}), HasSubstr("OPERATOR_TOKEN"));
  EXPECT_THAT(refused({{"TRUSTED_PROXIES", "proxy.example"}}), HasSubstr("TRUSTED_PROXIES"));
}

}  // namespace
}  // namespace voxanne::test
