// What a listener on the internet is sent: half requests, slow ones, too many, two in one, and ten
// thousand that are nearly right. Against the built program; each answer is precise, nothing crashes, is
// a 5xx that is not a deliberate 503, or makes it hold memory.
//
// MALFORMED_REQUESTS sets how many mutations are tried: 2,000 unless told otherwise.
#include "support/http.h"
#include "support/raw_client.h"
#include "support/server.h"
#include "support/sockets/swarm.h"
#include "support/tokens/forge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <future>
#include <iostream>
#include <random>
#include <thread>

namespace voxanne::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const std::string secret = "the-secret-of-the-malformed-requests";

std::string token() {
  return forged_hs256(R"({"alg":"HS256","typ":"JWT"})",
                      R"({"sub":"user-1","app_metadata":{"org_id":"acme","role":"owner"},"exp":)" +
                          std::to_string(std::time(nullptr) + 3'600) + "}",
                      secret);
}

std::map<std::string, std::string> environment(std::map<std::string, std::string> more = {}) {
  more.insert({{"VOXANNE_ENV", "production"},
               {"JWT_SECRET", secret},
               {"REQUESTS_PER_MINUTE", "0"},
               {"SPEECH_WORKERS", "1"}});
  return more;
}

class MalformedRequests : public testing::Test {
 protected:
  RawClient connect(milliseconds patience = 10s) {
    return RawClient{std::uint16_t(server_->port()), patience};
  }
  void start(std::map<std::string, std::string> more = {}) {
    server_ = std::make_unique<Server>(environment(std::move(more)));
  }
  void TearDown() override {
    const auto alive = [&] { return http_get(server_->url("/health/live")).status == 200; };
    const auto until = std::chrono::steady_clock::now() + 5s;  // its clients may still be on their way out
    while (!alive() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(10ms);
    EXPECT_TRUE(alive()) << server_->process().output();
    EXPECT_EQ(server_->process().output().find("\"level\":\"error\""), std::string::npos)
        << server_->process().output();
  }
  // A refusal that says why, carries what every answer carries, and is the last word.
  void expect_refused(RawClient& client, int status, const std::string& code, const std::string& of = {}) {
    const auto answer = client.read_response();
    EXPECT_EQ(answer.status, status) << of;
    EXPECT_THAT(answer.body, HasSubstr("\"code\":\"" + code + "\"")) << of;
    EXPECT_TRUE(answer.headers.contains("x-request-id")) << of;
    EXPECT_TRUE(answer.headers.contains("x-content-type-options")) << of;
    EXPECT_TRUE(client.closed_by_peer()) << of;
  }
  std::unique_ptr<Server> server_;
};

TEST_F(MalformedRequests, two_readings_of_one_request_are_refused_and_nothing_is_smuggled) {
  start();
  const std::string smuggled = "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: smuggled\r\n\r\n";
  const std::string chunk = "0\r\n\r\n";
  struct Row {
    std::string name, fields, body;
  };
  const std::string length = "Content-Length: " + std::to_string(chunk.size() + smuggled.size()) + "\r\n";
  const std::vector<Row> rows{
      {"length and chunks", length + "Transfer-Encoding: chunked\r\n", chunk + smuggled},
      {"chunks and length", "Transfer-Encoding: chunked\r\n" + length, chunk + smuggled},
      {"two lengths", "Content-Length: 0\r\n" + length, chunk + smuggled},
      {"the same length twice", "Content-Length: 5\r\nContent-Length: 5\r\n", "hello" + smuggled},
      {"a list of lengths", "Content-Length: 5, 5\r\n", "hello" + smuggled},
      {"signed length", "Content-Length: +5\r\n", "hello" + smuggled},
      {"hexadecimal length", "Content-Length: 0x5\r\n", "hello" + smuggled},
      {"length with blank inside", "Content-Length: 5 5\r\n", "hello" + smuggled},
      {"endless length", "Content-Length: 99999999999999999999\r\n", smuggled},
      {"unknown coding", "Transfer-Encoding: xchunked\r\n", chunk + smuggled},
      {"coding under another", "Transfer-Encoding: gzip, chunked\r\n", chunk + smuggled},
      {"chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunk + smuggled},
      {"chunked, then identity", "Transfer-Encoding: chunked, identity\r\n", chunk + smuggled},
      {"coding behind a tab", "Transfer-Encoding:\vchunked\r\n", chunk + smuggled},
      {"blank before the colon", "Content-Length : 5\r\n", "hello" + smuggled},
      {"folded length",
       "X-Fold: a\r\n Content-Length: 5\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n",
       chunk + smuggled},
      {"bare line feed", "X-A: b\nTransfer-Encoding: chunked\r\n", chunk + smuggled},
      {"NUL in a value", std::string{"X-A: b\0c\r\n", 10}, smuggled},
      {"bad chunk size", "Transfer-Encoding: chunked\r\n", "0x0\r\n\r\n" + smuggled},
      {"negative chunk size", "Transfer-Encoding: chunked\r\n", "-1\r\n\r\n" + smuggled},
      {"chunk size that wraps", "Transfer-Encoding: chunked\r\n", "10000000000000000\r\n\r\n" + smuggled},
      {"two hosts", "Host: elsewhere\r\n", smuggled},
  };
  for (const auto& [name, fields, body] : rows) {
    auto client = connect();
    client.send("POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: outer\r\n" + fields +
                "\r\n" + body);
    const auto all = client.read_to_end();
    EXPECT_THAT(all, testing::StartsWith("HTTP/1.1 400 ")) << name;
    EXPECT_EQ(all.find("HTTP/1.1 ", 1), std::string::npos) << name << ": a second answer\n" << all;
    EXPECT_EQ(all.find("smuggled"), std::string::npos) << name << "\n" << all;
    EXPECT_THAT(all, HasSubstr("X-Request-Id: ")) << name;
    EXPECT_THAT(all, HasSubstr("X-Frame-Options: DENY")) << name;
  }
}

TEST_F(MalformedRequests, pipelined_requests_are_answered_in_order_and_by_their_ids) {
  start();
  auto client = connect();
  std::string all;
  for (int i = 0; i < 100; ++i)
    all +=
        "GET /health/live HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: id-" + std::to_string(i) + "\r\n\r\n";
  ASSERT_TRUE(client.send(all + "BREW /pot HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: last\r\n\r\n"));
  for (int i = 0; i < 100; ++i) {
    const auto answer = client.read_response();
    ASSERT_EQ(answer.status, 200) << i;
    EXPECT_EQ(answer.headers.at("x-request-id"), "id-" + std::to_string(i));
  }
  const auto refused = client.read_response();
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.headers.at("x-request-id"), "last") << "errors below the router carry it, too";
}

TEST_F(MalformedRequests, each_limit_is_kept_and_says_so) {
  start({{"MAX_HEADER_BYTES", "4096"}, {"MAX_CONNECTIONS_PER_ADDRESS", "8"}, {"MAX_CONNECTIONS", "50"}});
  {
    auto client = connect();
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\nX-Long: " + std::string(5'000, 'x') + "\r\n\r\n");
    expect_refused(client, 431, "header_too_large");
  }
  {
    auto client = connect();
    client.send("GET /" + std::string(5'000, 'x'));
    expect_refused(client, 431, "header_too_large", "before its end");
  }
  {
    auto client = connect();
    client.send("POST /api/calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99000000\r\n\r\n");
    expect_refused(client, 413, "body_too_large", "announced");
  }
  {
    auto client = connect();
    client.send("POST /api/calls HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string piece = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    for (int i = 0; i < 64 && client.send(piece); ++i) {
    }
    expect_refused(client, 413, "body_too_large", "in pieces");
  }
  const auto ask = [&](RawClient& client) {
    client.send("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return client.read_response();
  };
  std::vector<RawClient> open;
  // The clients above may still be on their way out.
  for (const auto until = std::chrono::steady_clock::now() + 5s;
       open.size() < 8 && std::chrono::steady_clock::now() < until;) {
    open.push_back(connect());
    if (ask(open.back()).status != 200) open.pop_back();
  }
  ASSERT_EQ(open.size(), 8);
  for (int i = 0; i < 4; ++i) {
    open.push_back(connect());
    const auto answer = ask(open.back());
    EXPECT_EQ(answer.status, 503);
    EXPECT_TRUE(answer.headers.contains("retry-after"));
    EXPECT_TRUE(answer.headers.contains("x-request-id"));
    EXPECT_THAT(answer.body, HasSubstr("too_many_connections"));
  }
}

TEST_F(MalformedRequests, who_is_slow_is_let_go_while_others_are_served) {
  start({{"HEADER_SECONDS", "1"}, {"BODY_SECONDS", "1"}, {"IDLE_SECONDS", "1"}, {"WRITE_SECONDS", "1"}});
  enum Kind { silent, header, body, idle, unread };
  struct Slow {
    Kind kind;
    RawClient client;
  };
  std::vector<Slow> crowd;
  for (int i = 0; i < 200; ++i) {
    const auto kind = Kind(i % 5);
    crowd.push_back({kind, connect(15s)});
    auto& client = crowd.back().client;
    if (kind == header) client.send("GET /health HTTP/1.1\r\nHo");
    if (kind == body)
      client.send("POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{");
    if (kind == idle) client.send("GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    if (kind == unread) {
      client.set_receive_buffer(4'096);
      std::string many;
      for (int n = 0; n < 60; ++n) many += "GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
      client.send(many);
    }
  }
  // A byte now and then is no progress.
  const auto begun = std::chrono::steady_clock::now();
  std::chrono::steady_clock::duration slowest{};
  for (int drop = 0; drop < 12; ++drop) {
    for (auto& [kind, client] : crowd) {
      if (kind == header) client.send("s");
      if (kind == body) client.send(" ");
    }
    const auto asked = std::chrono::steady_clock::now();
    EXPECT_EQ(http_get(server_->url("/health/live")).status, 200);
    slowest = std::max(slowest, std::chrono::steady_clock::now() - asked);
    std::this_thread::sleep_for(150ms);  // the slowness that is tested
  }
  EXPECT_LT(slowest, 1s) << "others are not kept waiting";
  for (auto& [kind, client] : crowd) {
    if (kind == header || kind == body)
      expect_refused(client, 408, kind == header ? "header_timeout" : "body_timeout");
    else if (kind != unread)
      EXPECT_TRUE(client.closed_by_peer()) << kind;
  }
  // What the kernel holds for who does not read it may take long to come; the server has let go of it.
  int open = 1'000;
  for (int i = 0; i < 100 && open > 1; ++i) {
    const auto text = http_get(server_->url("/metrics")).body;
    open = std::stoi(text.substr(text.find("\nvoxanne_http_connections ") + 26));
    if (open > 1) std::this_thread::sleep_for(50ms);
  }
  EXPECT_LE(open, 1) << "only who asks this";
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 15s);
}

// Real requests, as clients send them.
std::vector<std::string> originals() {
  const std::string auth = "Authorization: Bearer " + token() + "\r\n";
  const auto with_body = [&](const std::string& line, const std::string& type, const std::string& body) {
    return line + " HTTP/1.1\r\nHost: localhost\r\n" + auth + "Content-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  };
  const std::string upload =
      "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.md\"\r\nContent-Type: "
      "text/markdown\r\n\r\n# Parking\r\nBehind the house.\r\n--x--\r\n";
  const std::string json = "application/json";
  return {
      "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /api/calls-dashboard?limit=20&page=1&search=caf%C3%A9 HTTP/1.1\r\nHost: localhost\r\n" + auth +
          "\r\n",
      "GET /api/calls?limit=5&cursor=abc HTTP/1.1\r\nHost: localhost\r\n" + auth +
          "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n",
      "GET /storage/a/b.ogg?expires=1&signature=abc HTTP/1.1\r\nHost: localhost\r\nRange: "
      "bytes=0-9,5-\r\n\r\n",
      with_body(
          "POST /api/calls", json,
          R"({"assistantId":"a","phoneNumberId":"p","customer":{"number":"+447700900000"},"metadata":{"a":[1]}})"),
      with_body("POST /api/auth/login", json, R"({"email":"ann@example.com","password":"not the password"})"),
      with_body("POST /api/knowledge-base/search", json, R"({"query":"opening hours","limit":5})"),
      with_body("POST /api/knowledge-base/upload", "multipart/form-data; boundary=x", upload),
      with_body("POST /api/api-keys", json, R"({"name":"k","scopes":["read"]})"),
      "POST /api/knowledge-base/search HTTP/1.1\r\nHost: localhost\r\n" + auth +
          "Content-Type: application/json\r\nTransfer-Encoding: "
          "chunked\r\n\r\n10\r\n{\"query\":\"hours\"\r\n1\r\n}\r\n"
          "0\r\n\r\n",
      "GET /ws/live-calls HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
          raw_frame(0x81, R"({"type":"subscribe","token":")" + token() + R"("})") +
          raw_frame(0x88, "\x03\xe8"),
      "OPTIONS /api/calls HTTP/1.1\r\nHost: localhost\r\nOrigin: https://a.example\r\n"
      "Access-Control-Request-Method: POST\r\n\r\nHEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "DELETE /api/calls/call_1 HTTP/1.1\r\nHost: localhost\r\n" + auth + "Idempotency-Key: k\r\n\r\n",
  };
}

// One to eight small changes, as a broken client or a curious one would make them.
std::string mutated(std::string text, std::mt19937& random) {
  static const std::vector<std::string> words{"\r\n",
                                              "\n",
                                              "\r",
                                              std::string(1, '\0'),
                                              "%00",
                                              "%",
                                              "..",
                                              "/",
                                              "?",
                                              "&",
                                              "\"",
                                              "{",
                                              "[",
                                              "\\u0000",
                                              "Content-Length: 1\r\n",
                                              "Transfer-Encoding: chunked\r\n",
                                              "Expect: 100-continue\r\n",
                                              "HTTP/1.0",
                                              "HTTP/9.9",
                                              "-1",
                                              "99999999999999999999",
                                              "\xff\xfe",
                                              "\xf0\x9f\x98\x80",
                                              "Connection: close\r\n",
                                              std::string(300, 'A')};
  const auto below = [&](std::size_t n) { return std::size_t(random()) % std::max<std::size_t>(1, n); };
  for (auto changes = 1 + below(8); changes > 0; --changes) {
    const auto at = below(text.size() + 1);
    switch (below(7)) {
      case 0:
        if (at < text.size()) text[at] = char(random());
        break;
      case 1:
        if (at < text.size()) text[at] = char(text[at] ^ (1 << below(8)));
        break;
      case 2:
        text.insert(at, words[below(words.size())]);
        break;
      case 3:
        text.erase(at, 1 + below(20));
        break;
      case 4:
        text.insert(below(text.size() + 1), text.substr(at, 1 + below(60)));
        break;
      case 5:
        text.resize(at);
        break;
      default:
        text.insert(at, 1, char(random()));
    }
  }
  return text;
}

struct Tally {
  std::map<int, int> statuses;
  std::vector<std::string> wrong;
};

Tally send_mutations(const Server& server, int from, int to) {
  const auto all = originals();
  Tally tally;
  for (int i = from; i < to; ++i) {
    std::mt19937 random{std::uint32_t(i)};
    const auto request = mutated(all[std::size_t(i) % all.size()], random);
    RawClient client{std::uint16_t(server.port()), 20s};
    if (!client.connected()) {
      tally.wrong.push_back(std::to_string(i) + ": no connection");
      break;
    }
    client.send(request);
    client.finish_sending();
    int answers = 0;
    for (;; ++answers) {
      const auto answer = client.read_response();
      if (answer.status == 0) break;
      ++tally.statuses[answer.status];
      const bool deliberate = answer.status == 503 && answer.headers.contains("retry-after");
      if (answer.status >= 500 && !deliberate)
        tally.wrong.push_back(std::to_string(i) + ": " + std::to_string(answer.status) + " " + answer.body);
      if (answer.status >= 400 && !answer.headers.contains("x-request-id"))
        tally.wrong.push_back(std::to_string(i) + ": no X-Request-Id in a " + std::to_string(answer.status));
      if (answer.status == 101 || answers > 20) break;
    }
    if (answers == 0) ++tally.statuses[0];
    if (!client.closed_by_peer()) tally.wrong.push_back(std::to_string(i) + ": still open");
  }
  return tally;
}

TEST_F(MalformedRequests, mutations_of_real_requests_get_an_answer_and_leave_nothing) {
  start({{"MAX_CONNECTIONS_PER_ADDRESS", "1000"}});
  const char* asked = std::getenv("MALFORMED_REQUESTS");
  const int count = asked ? std::atoi(asked) : 2'000;
  const int pid = server_->process().pid();
  std::size_t settled = 0;
  Tally total;
  for (int part = 0; part < 4; ++part) {
    std::vector<std::future<Tally>> senders;
    for (int s = 0; s < 4; ++s) {
      const int step = count / 16, from = (part * 4 + s) * step;
      senders.push_back(std::async(std::launch::async,
                                   [&, from, step] { return send_mutations(*server_, from, from + step); }));
    }
    for (auto& each : senders) {
      auto tally = each.get();
      for (const auto& [status, times] : tally.statuses) total.statuses[status] += times;
      total.wrong.insert(total.wrong.end(), tally.wrong.begin(), tally.wrong.end());
    }
    if (part == 1) settled = resident_bytes_of(pid);
  }
  EXPECT_THAT(total.wrong, testing::IsEmpty());
  std::cout << count << " mutations:";
  for (const auto& [status, times] : total.statuses) std::cout << " " << status << " × " << times;
  const auto after = resident_bytes_of(pid);
  std::cout << "; resident " << settled / 1'000'000 << " MB half-way, " << after / 1'000'000
            << " MB at the end\n";
  EXPECT_GT(total.statuses[400], count / 20);
  if (memory_is_measurable) {
    EXPECT_LE(after, settled + 8'000'000);
  }
}

}  // namespace
}  // namespace voxanne::test
