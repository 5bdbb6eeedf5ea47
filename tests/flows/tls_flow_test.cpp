// HTTPS and WSS on the listener itself, judged by curl, OpenSSL's own client and npm's ws: what is spoken,
// what is refused, a certificate renewed while the server runs, and files that cannot work.
#include "support/http.h"
#include "support/raw_client.h"
#include "support/server.h"
#include "support/spoken.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>

#include <fstream>
#include <thread>

namespace voxanne::test {
namespace {

using namespace std::chrono_literals;
using testing::AnyOf;
using testing::HasSubstr;

std::string shell(const std::string& command, int expected = 0) {
  Process process{{.command = {"sh", "-c", command}, .environment = {}, .directory = {}}};
  EXPECT_EQ(process.wait(30s), expected) << command << "\n" << process.output();
  return process.output();
}

// A certificate of its own for localhost, and its key.
struct Pair {
  explicit Pair(const std::filesystem::path& directory, const std::string& name, const std::string& algorithm)
      : certificate((directory / (name + ".crt")).string()), key((directory / (name + ".key")).string()) {
    shell("openssl req -x509 -newkey " + algorithm + " -nodes -days 30 -subj /CN=" + name +
          " -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout " + key + " -out " + certificate);
  }
  std::string certificate, key;
};

class Tls : public testing::Test {
 protected:
  TempDir files_;
  const Pair first_{files_.path(), "first", "rsa:2048"};
  const Pair second_{files_.path(), "second", "ec -pkeyopt ec_paramgen_curve:prime256v1"};

  std::map<std::string, std::string> environment(std::map<std::string, std::string> more = {}) const {
    more.insert({{"TLS_CERT", first_.certificate}, {"TLS_KEY", first_.key}, {"SPEECH_WORKERS", "1"}});
    return more;
  }
  static std::string at(const Server& server, const std::string& scheme, const std::string& path) {
    return scheme + "://localhost:" + std::to_string(server.port()) + path;
  }
  // 0: not trusted or not spoken.
  static int status(const Server& server, const std::string& trusted) {
    return http({.url = at(server, "https", "/health/live"), .headers = {}, .body = {}, .trusted = trusted})
        .status;
  }
  static std::string s_client(const Server& server, const std::string& options) {
    return shell("openssl s_client -connect localhost:" + std::to_string(server.port()) + " " + options +
                 " </dev/null 2>&1 || true");
  }
};

TEST_F(Tls, curl_and_ws_speak_with_it_and_know_who_it_is) {
  Server server{environment()};
  const auto answer = http(
      {.url = at(server, "https", "/health/live"), .headers = {}, .body = {}, .trusted = first_.certificate});
  EXPECT_EQ(answer.status, 200) << answer.error;
  EXPECT_TRUE(answer.headers.contains("strict-transport-security"));
  EXPECT_EQ(status(server, second_.certificate), 0) << "another's certificate";
  // A page that does not fit one record, and a body that takes several.
  EXPECT_EQ(http({.url = at(server, "https", "/openapi.json"),
                  .headers = {},
                  .body = {},
                  .trusted = first_.certificate})
                .json()
                .at("openapi")
                .as_string(),
            "3.1.0");
  const auto large = http({.method = "POST",
                           .url = at(server, "https", "/api/knowledge-base/search"),
                           .headers = {"Content-Type: application/json"},
                           .body = R"({"query":")" + std::string(300'000, 'x') + "\"}",
                           .trusted = first_.certificate});
  EXPECT_GE(large.status, 400) << large.error;
  EXPECT_LT(large.status, 500) << large.body;

  Process client{{.command = {"node", SOCKETS_SCRIPTS "/wss.mjs", at(server, "wss", "/ws/live-calls"),
                              first_.certificate},
                  .environment = {},
                  .directory = {}}};
  EXPECT_EQ(client.wait(20s), 0) << client.output();
  EXPECT_THAT(client.out(), HasSubstr("TLSv1.3 {\"type\":\"subscribed\""));
  EXPECT_THAT(client.out(), HasSubstr("closed 1000"));
}

TEST_F(Tls, a_call_goes_over_wss_and_only_to_whom_is_trusted) {
  Server server{environment()};
  const auto question = files_.path() / "question.wav";
  write_spoken(question, "What are your opening hours?", 16'000, 3, 4);
  const auto call = [&](const std::string& trusted) {
    Process caller{{.command = {voxanne_program(), "call", "--to",
                                at(server, "wss", "/ws/web-call?assistantId=test-assistant-123"), "--audio",
                                question.string()},
                    .environment = {{"SSL_CERT_FILE", trusted}},
                    .directory = {}}};
    const auto code = caller.wait(60s);
    return std::pair{code, caller.output()};
  };
  const auto [code, said] = call(first_.certificate);
  EXPECT_EQ(code, 0) << said;
  EXPECT_THAT(said, HasSubstr("Harbour Dental"));
  const auto [refused, why] = call(second_.certificate);
  EXPECT_EQ(refused, 1);
  EXPECT_THAT(why, HasSubstr("no secure connection"));
}

TEST_F(Tls, old_protocols_and_weak_ciphers_are_refused) {
  Server server{environment({{"HEADER_SECONDS", "1"}})};
  EXPECT_THAT(s_client(server, "-tls1_3 -alpn h2,http/1.1"),
              testing::AllOf(HasSubstr("TLSv1.3"), HasSubstr("ALPN protocol: http/1.1")));
  EXPECT_THAT(s_client(server, "-tls1_2"), HasSubstr("ECDHE-RSA-"));
  for (const char* refused : {"-tls1_1 -cipher DEFAULT@SECLEVEL=0", "-tls1 -cipher DEFAULT@SECLEVEL=0",
                              "-tls1_2 -cipher AES128-SHA", "-tls1_2 -cipher AES256-GCM-SHA384",
                              "-tls1_2 -cipher ECDHE-RSA-AES128-SHA", "-alpn h2"}) {
    const auto output = s_client(server, refused);
    EXPECT_THAT(output, HasSubstr("alert")) << refused;
    EXPECT_EQ(output.find("Cipher    : ECDHE"), output.npos) << refused;
  }
  RawClient plain{std::uint16_t(server.port())};
  plain.send("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
  const auto told = plain.read_response();
  EXPECT_EQ(told.status, 400);
  EXPECT_THAT(told.body, HasSubstr("https://"));
  // A handshake that is never finished, never begun, or nonsense.
  RawClient silent{std::uint16_t(server.port())}, half{std::uint16_t(server.port())},
      nonsense{std::uint16_t(server.port())};
  half.send(std::string{"\x16\x03\x01\x02\x00\x01\x00", 7});
  nonsense.send(std::string{"\x16\x03\x01\x00\x05hello", 10});
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(silent.closed_by_peer());
  EXPECT_TRUE(half.closed_by_peer());
  EXPECT_TRUE(nonsense.closed_by_peer());
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 8s);
  EXPECT_EQ(status(server, first_.certificate), 200);
}

TEST_F(Tls, who_is_one_too_many_is_told_nothing_in_the_clear) {
  Server server{environment({{"MAX_CONNECTIONS_PER_ADDRESS", "2"}, {"HEADER_SECONDS", "60"}})};
  {
    const RawClient first{std::uint16_t(server.port())}, second{std::uint16_t(server.port())};
    RawClient refused{std::uint16_t(server.port())};
    ASSERT_TRUE(refused.connected());
    EXPECT_EQ(refused.read_to_end(), "");
    EXPECT_TRUE(refused.closed_by_peer());
  }
  int seen = 0;
  for (int i = 0; i < 200 && seen == 0; ++i) {
    seen = status(server, first_.certificate);
    if (seen == 0) std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(seen, 200) << "once there is room";
}

TEST_F(Tls, a_renewed_certificate_is_shown_without_a_restart_and_a_bad_one_changes_nothing) {
  const auto certificate = files_.path() / "served.crt", key = files_.path() / "served.key";
  const auto serve = [&](const Pair& pair) {
    std::filesystem::copy_file(pair.certificate, certificate,
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::copy_file(pair.key, key, std::filesystem::copy_options::overwrite_existing);
  };
  serve(first_);
  Server server{environment({{"TLS_CERT", certificate.string()}, {"TLS_KEY", key.string()}})};
  ASSERT_EQ(status(server, first_.certificate), 200);

  serve(second_);
  int seen = 0;
  for (int i = 0; i < 200 && seen == 0; ++i) {
    seen = status(server, second_.certificate);
    if (seen == 0) std::this_thread::sleep_for(50ms);
  }
  EXPECT_EQ(seen, 200) << "noticed by itself";

  std::ofstream{certificate} << "not a certificate";
  EXPECT_TRUE(server.process().wait_for_line("tls.reload_failed", 10s)) << server.process().output();
  EXPECT_EQ(status(server, second_.certificate), 200) << "the former goes on serving";

  const auto lines = server.process().line_count();
  serve(first_);
  server.process().signal(SIGHUP);
  EXPECT_TRUE(server.process().wait_for_line("tls.certificate", 5s, lines));
  EXPECT_EQ(status(server, first_.certificate), 200);
}

TEST_F(Tls, files_that_cannot_work_end_the_start_and_are_named) {
  const auto refused = [&](std::map<std::string, std::string> more) {
    TempDir data;
    more.insert(
        {{"DATA_DIR", data.path().string()}, {"PORT", "0"}, {"HOST", "127.0.0.1"}, {"SPEECH_WORKERS", "1"}});
    Process process{{.command = {voxanne_program(), "serve"}, .environment = more, .directory = {}}};
    EXPECT_EQ(process.wait(30s), 2) << process.output();
    return process.output();
  };
  const auto garbage = (files_.path() / "garbage.pem").string(),
             locked = (files_.path() / "locked.key").string();
  std::ofstream{garbage} << "garbage";
  shell("openssl pkey -in " + first_.key + " -aes256 -passout pass:secret -out " + locked);
  const auto& [certificate, key] = first_;
  EXPECT_THAT(refused({{"TLS_CERT", certificate}}), HasSubstr("TLS_CERT needs TLS_KEY"));
  EXPECT_THAT(refused({{"TLS_KEY", key}}), HasSubstr("TLS_KEY needs TLS_CERT"));
  EXPECT_THAT(refused({{"TLS_CERT", "/nowhere.crt"}, {"TLS_KEY", key}}),
              HasSubstr("TLS_CERT /nowhere.crt cannot be read: No such file"));
  EXPECT_THAT(refused({{"TLS_CERT", garbage}, {"TLS_KEY", key}}), HasSubstr("holds no certificate in PEM"));
  EXPECT_THAT(refused({{"TLS_CERT", certificate}, {"TLS_KEY", garbage}}),
              HasSubstr("holds no private key in PEM"));
  EXPECT_THAT(refused({{"TLS_CERT", certificate}, {"TLS_KEY", locked}}), HasSubstr("without a passphrase"));
  EXPECT_THAT(refused({{"TLS_CERT", certificate}, {"TLS_KEY", second_.key}}), HasSubstr("is not the key of"));
}

}  // namespace
}  // namespace voxanne::test
