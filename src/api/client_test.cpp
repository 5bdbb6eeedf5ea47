#include "api/client.h"

#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

const std::vector<net::Network> proxies =
    net::parse_networks({"127.0.0.1", "10.0.0.0/8", "2001:db8::/32"}).value();

Client client(std::string peer, std::vector<std::pair<std::string, std::string>> headers,
              const std::vector<net::Network>& trusted = proxies) {
  net::Request request;
  request.peer = {.address = peer, .port = 1, .loopback = peer == "127.0.0.1"};
  for (const auto& [name, value] : headers) request.headers.add(name, value);
  return client_of(request, trusted);
}

TEST(ClientTest, forwarding_headers_of_strangers_do_not_count) {
  const auto stranger =
      client("203.0.113.9", {{"X-Forwarded-For", "198.51.100.1"}, {"X-Forwarded-Proto", "https"}});
  EXPECT_EQ(stranger.address, "203.0.113.9");
  EXPECT_FALSE(stranger.secure);
  EXPECT_EQ(client("127.0.0.1", {{"X-Forwarded-For", "198.51.100.1"}}, {}).address, "127.0.0.1");
}

TEST(ClientTest, a_trusted_proxy_says_who_came_and_how) {
  const auto seen =
      client("127.0.0.1", {{"X-Forwarded-For", "198.51.100.1"}, {"X-Forwarded-Proto", "https"}});
  EXPECT_EQ(seen.address, "198.51.100.1");
  EXPECT_TRUE(seen.secure);
  EXPECT_FALSE(seen.local);
  EXPECT_FALSE(client("127.0.0.1", {{"X-Forwarded-Proto", "https, http"}}).secure);
  EXPECT_EQ(client("127.0.0.1", {{"X-Forwarded-For", "198.51.100.1:4711"}}).address, "198.51.100.1");
  EXPECT_EQ(client("127.0.0.1", {{"X-Forwarded-For", "[2001:db9:1:2:3::4]:9"}}).address, "2001:db9:1:2::/64");
}

TEST(ClientTest, what_the_client_claims_left_of_our_proxies_is_not_believed) {
  EXPECT_EQ(client("127.0.0.1", {{"X-Forwarded-For", "127.0.0.1, 198.51.100.1, 10.1.2.3"}}).address,
            "198.51.100.1");
  EXPECT_EQ(
      client("10.0.0.1", {{"X-Forwarded-For", "1.1.1.1"}, {"X-Forwarded-For", "198.51.100.1, 10.9.9.9"}})
          .address,
      "198.51.100.1");
  EXPECT_EQ(client("127.0.0.1", {{"X-Forwarded-For", "198.51.100.1, nonsense, 10.1.2.3"}}).address,
            "10.1.2.3");
  EXPECT_EQ(client("127.0.0.1", {{"X-Forwarded-For", ""}}).address, "127.0.0.1");
  std::string long_list = "198.51.100.1";
  for (int i = 0; i < 1'000; ++i) long_list += ",10.0.0.1";
  EXPECT_EQ(client("127.0.0.1", {{"X-Forwarded-For", long_list}}).address, "10.0.0.1");
}

TEST(ClientTest, local_is_this_machine_and_nobody_through_it) {
  const auto local = [](std::string peer, std::vector<std::pair<std::string, std::string>> headers) {
    return client(std::move(peer), std::move(headers), {}).local;
  };
  EXPECT_TRUE(local("127.0.0.1", {{"Host", "localhost:3001"}}));
  EXPECT_TRUE(local("127.0.0.1", {{"Host", "127.0.0.1"}, {"Origin", "http://127.0.0.1"}}));
  EXPECT_FALSE(local("203.0.113.9", {{"Host", "localhost"}}));
  EXPECT_FALSE(local("127.0.0.1", {{"Host", "rebound.example"}}));
  EXPECT_FALSE(local("127.0.0.1", {{"Host", "localhost"}, {"X-Forwarded-For", "127.0.0.1"}}));
  EXPECT_FALSE(local("127.0.0.1", {{"Host", "localhost"}, {"Origin", "https://evil.example"}}));
}

TEST(ClientTest, with_a_trusted_proxy_on_this_machine_a_peer_from_here_may_be_anybody) {
  const auto local = [](const char* proxy) {
    return client("127.0.0.1", {{"Host", "127.0.0.1:3001"}}, net::parse_networks({proxy}).value()).local;
  };
  EXPECT_FALSE(local("127.0.0.1"));
  EXPECT_FALSE(local("127.0.0.0/8"));
  EXPECT_FALSE(local("::1")) << "the proxy's name for this machine may be either";
  EXPECT_TRUE(local("10.0.0.0/8")) << "that one is elsewhere";
}

}  // namespace
}  // namespace voxanne::api
