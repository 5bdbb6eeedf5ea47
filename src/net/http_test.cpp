#include "net/http.h"

#include "net/response_text.h"
#include "net/url.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace voxanne::net {
namespace {

TEST(HeadersTest, names_compare_without_case_and_keep_their_order) {
  Headers headers;
  headers.add("Content-Type", "text/plain");
  headers.add("X-A", "1");
  headers.add("x-a", "2");
  EXPECT_EQ(headers.get("content-TYPE"), "text/plain");
  EXPECT_EQ(headers.count("X-A"), 2u);
  EXPECT_EQ(headers.get("X-A"), "1");
  headers.set("X-A", "3");
  EXPECT_EQ(headers.count("x-a"), 1u);
  EXPECT_EQ(headers.get("x-a"), "3");
  EXPECT_FALSE(headers.find("absent").has_value());
}

TEST(HeadersTest, a_response_cannot_be_split) {
  Headers headers;
  EXPECT_THROW(headers.add("Location", "/x\r\nSet-Cookie: a=b"), std::invalid_argument);
  EXPECT_THROW(headers.add("Location", "a\nb"), std::invalid_argument);
  EXPECT_THROW(headers.add("Location", std::string_view("a\0b", 3)), std::invalid_argument);
  EXPECT_THROW(headers.add("Bad Name", "x"), std::invalid_argument);
  EXPECT_THROW(headers.add("Bad:", "x"), std::invalid_argument);
  EXPECT_THROW(headers.add("", "x"), std::invalid_argument);
  EXPECT_EQ(headers.size(), 0u);
}

TEST(HeadersTest, tokens_are_found_in_lists) {
  Headers headers;
  headers.add("Connection", "keep-alive, Upgrade");
  headers.add("Connection", " x ,y");
  EXPECT_TRUE(headers.has_token("connection", "upgrade"));
  EXPECT_TRUE(headers.has_token("connection", "Y"));
  EXPECT_TRUE(headers.has_token("connection", "x"));
  EXPECT_FALSE(headers.has_token("connection", "keep"));
}

TEST(QueryTest, decodes_pairs) {
  Query query;
  ASSERT_TRUE(query.parse("a=1&b=two+words&c=%C3%A9&flag&&empty=&a=2"));
  EXPECT_EQ(query.get("a"), "1");
  EXPECT_EQ(query.get("b"), "two words");
  EXPECT_EQ(query.get("c"), "é");
  ASSERT_TRUE(query.find("flag"));
  EXPECT_EQ(*query.find("flag"), "");
  EXPECT_EQ(query.get("empty", "x"), "");
  EXPECT_EQ(query.get("absent", "x"), "x");
  EXPECT_EQ(query.all().size(), 6u);
}

TEST(QueryTest, refuses_what_is_broken) {
  Query query;
  for (const char* bad : {"a=%", "a=%4", "a=%zz", "%0=1", "a=%00", "a=%-1"})
    EXPECT_FALSE(query.parse(bad)) << bad;
  std::string many;
  for (int i = 0; i < 257; ++i) many += "a&";
  EXPECT_FALSE(query.parse(many));
}

TEST(HeadersTest, a_wait_is_asked_for_in_seconds_or_until_a_date) {
  const UtcTime now = from_unix_ms(784'111'777'500);  // Sun, 06 Nov 1994 08:49:37.5
  const auto wait = [&](std::string_view text) {
    Headers headers;
    headers.add("Retry-After", text);
    return retry_after(headers, now);
  };
  EXPECT_EQ(retry_after({}, now), std::nullopt);
  EXPECT_EQ(wait("0"), 0s);
  EXPECT_EQ(wait("120"), 120s);
  EXPECT_EQ(wait("4294967295"), 24h);
  for (const char* date :
       {"Sun, 06 Nov 1994 08:51:37 GMT", "Sunday, 06-Nov-94 08:51:37 GMT", "Sun Nov  6 08:51:37 1994"})
    EXPECT_EQ(wait(date), 120s) << date;
  EXPECT_EQ(wait("Sun, 06 Nov 1994 08:49:37 GMT"), 0s);
  EXPECT_EQ(wait("Sat, 05 Nov 1994 08:49:37 GMT"), 0s);
  EXPECT_EQ(wait("Fri, 31 Dec 9999 23:59:59 GMT"), 24h);
  for (const char* none :
       {"", "-1", "1.5", "soon", "120 s", "Sun, 06 Nov 1994", "Sun, 06 Nov 1994 08:51:37 CET",
        "Sun, 06 Nov 1994 08:51:37 GMT, 7", "Sun, 32 Nov 1994 08:51:37 GMT"})
    EXPECT_EQ(wait(none), std::nullopt) << none;
}

TEST(ResponseTextTest, framing_is_the_servers) {
  Response response = Response::json(404, "{}");
  response.headers.add("Content-Length", "99");
  response.headers.add("Transfer-Encoding", "chunked");
  response.headers.add("X-Mine", "1");
  std::string text;
  append_response_head(
      text, response,
      {.date = "D", .common_headers = "X-All: 1\r\n", .connection = ResponseFraming::Connection::close});
  EXPECT_EQ(text,
            "HTTP/1.1 404 Not Found\r\nDate: D\r\nContent-Length: 2\r\nConnection: close\r\nX-All: 1\r\n"
            "Content-Type: application/json\r\nX-Mine: 1\r\n\r\n");
  EXPECT_EQ(http_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
}

TEST(UrlTest, parses_absolute_urls) {
  const auto url = parse_url("WSS://User:p%40ss@Example.COM:8443/a%20b/c?x=1&y#f").value();
  EXPECT_EQ(url.scheme, "wss");
  EXPECT_EQ(url.host, "example.com");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.path, "/a%20b/c");
  EXPECT_EQ(url.target(), "/a%20b/c?x=1&y");
  EXPECT_EQ(url.user, "User");
  EXPECT_EQ(url.password, "p@ss");
  EXPECT_EQ(url.origin(), "wss://example.com:8443");
  EXPECT_TRUE(url.secure());

  EXPECT_EQ(parse_url("http://localhost").value().port, 80);
  EXPECT_EQ(parse_url("http://localhost").value().path, "/");
  EXPECT_EQ(parse_url("https://h:443/").value().authority(), "h");
  EXPECT_EQ(parse_url("http://[::1]:3001/x").value().host, "::1");
  EXPECT_EQ(parse_url("http://[::1]:3001/x").value().authority(), "[::1]:3001");
}

TEST(UrlTest, refuses_what_is_none) {
  for (const char* bad :
       {"", "http://a%60b", "http://a%2eb%2f", "http://a!b", "http://[v1.x]", "localhost", "/path",
        "http:", "http://", "http:///x", "mailto:a@b", "http://h:0/", "http://h:65536/", "http://h:84436/",
        "http://h:80a/b", "http://h:99999999999/", "http://h o/", "http://h/%zz", "://h"}) {
    const auto url = parse_url(bad);
    ASSERT_FALSE(url) << bad;
    EXPECT_EQ(url.error().code, "bad_url");
  }
  EXPECT_EQ(percent_encode("a b/ü~"), "a%20b%2F%C3%BC~");
}

}  // namespace
}  // namespace voxanne::net
