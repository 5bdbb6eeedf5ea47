#include "net/request_parser.h"

#include <gtest/gtest.h>

namespace voxanne::net {
namespace {

using State = RequestParser::State;
constexpr std::size_t max_header = 1024, max_body = 100;

// Feeds the text in pieces of `piece` bytes, as a connection does.
State parse(RequestParser& parser, std::string_view text, std::size_t piece) {
  std::string buffer;
  bool accepted = false;
  for (std::size_t at = 0; at < text.size();) {
    const auto size = std::min(piece, text.size() - at);
    buffer.append(text.substr(at, size));
    at += size;
    for (;;) {
      const auto used = parser.feed(buffer);
      buffer.erase(0, used);
      if (parser.state() == State::body && !accepted) {
        accepted = true;
        parser.accept_body(max_body);
        continue;
      }
      if (used == 0 || buffer.empty()) break;
    }
    if (parser.state() == State::failed || parser.state() == State::done) break;
  }
  return parser.state();
}

TEST(RequestParserTest, reads_a_request_however_it_is_cut) {
  const std::string text =
      "\r\nPOST /a%20b?x=1&y=%2F HTTP/1.1\r\nHost: example.com:80\r\nX-A:  v \r\nContent-Length: "
      "5\r\n\r\nhello";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    RequestParser parser{max_header};
    ASSERT_EQ(parse(parser, text, piece), State::done) << piece;
    const Request& request = parser.request();
    EXPECT_EQ(request.method, Method::post);
    EXPECT_EQ(request.path, "/a%20b");
    EXPECT_EQ(request.query.get("y"), "/");
    EXPECT_EQ(request.headers.get("x-a"), "v");
    EXPECT_EQ(request.body, "hello");
    EXPECT_TRUE(parser.keep_alive());
  }
}

TEST(RequestParserTest, reads_chunks_and_ignores_trailers) {
  const std::string text =
      "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\nA;ext=\"q\"\r\n0123456789\r\n0\r\nHost: evil\r\nX-Trailer: 1\r\n\r\n";
  for (const std::size_t piece : {1, 2, 3, 7, 1000}) {
    RequestParser parser{max_header};
    ASSERT_EQ(parse(parser, text, piece), State::done) << piece;
    EXPECT_EQ(parser.request().body, "abc0123456789");
    EXPECT_EQ(parser.request().headers.count("Host"), 1u);
    EXPECT_FALSE(parser.request().headers.has("X-Trailer"));
  }
}

TEST(RequestParserTest, an_empty_body_of_chunks_may_come_in_any_pieces) {
  for (const std::string last : {"0\r\n\r\n", "0\r\nX-Trailer: 1\r\n\r\n", "00;a=b\r\n\r\n"}) {
    const std::string text = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + last;
    for (std::size_t piece = 1; piece <= text.size(); ++piece) {
      RequestParser parser{max_header};
      ASSERT_EQ(parse(parser, text, piece), State::done) << piece;
      EXPECT_EQ(parser.request().body, "");
    }
  }
}

TEST(RequestParserTest, takes_the_other_target_forms) {
  RequestParser absolute{max_header};
  ASSERT_EQ(parse(absolute, "GET http://example.com/x?y=1 HTTP/1.1\r\nHost: example.com\r\n\r\n", 1000),
            State::done);
  EXPECT_EQ(absolute.request().path, "/x");
  EXPECT_EQ(absolute.request().target, "/x?y=1");
  RequestParser bare{max_header};
  ASSERT_EQ(parse(bare, "GET http://example.com HTTP/1.1\r\nHost: example.com\r\n\r\n", 1000), State::done);
  EXPECT_EQ(bare.request().path, "/");
  RequestParser star{max_header};
  ASSERT_EQ(parse(star, "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 1000), State::done);
  EXPECT_EQ(star.request().path, "*");
}

TEST(RequestParserTest, leaves_what_follows_the_message) {
  RequestParser parser{max_header};
  const std::string_view two = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
  const auto used = parser.feed(two);
  EXPECT_EQ(two.substr(used), "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(parser.state(), State::done);
}

struct Refused {
  const char* name;
  std::string text;
  int status;
  const char* code;
};

std::string with(std::string_view fields, std::string_view body = "") {
  return "POST / HTTP/1.1\r\nHost: h\r\n" + std::string{fields} + "\r\n" + std::string{body};
}

class RefusedTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedTest, is_answered_precisely) {
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
    RequestParser parser{max_header};
    ASSERT_EQ(parse(parser, GetParam().text, piece), State::failed) << piece;
    EXPECT_EQ(parser.status(), GetParam().status) << piece;
    EXPECT_EQ(parser.error().code, GetParam().code) << piece << ": " << parser.error().message;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Malformed, RefusedTest,
    testing::Values(
        // Request smuggling (RFC 9112 §6.3, §11.2).
        Refused{"length_and_chunked",
                with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400,
                "ambiguous_length"},
        Refused{"chunked_and_length",
                with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "0\r\n\r\n"), 400,
                "ambiguous_length"},
        Refused{"two_lengths", with("Content-Length: 3\r\nContent-Length: 4\r\n"), 400, "ambiguous_length"},
        Refused{"two_equal_lengths", with("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"), 400,
                "ambiguous_length"},
        Refused{"length_list", with("Content-Length: 3, 3\r\n", "abc"), 400, "ambiguous_length"},
        Refused{"length_sign", with("Content-Length: +3\r\n", "abc"), 400, "ambiguous_length"},
        Refused{"length_negative", with("Content-Length: -1\r\n"), 400, "ambiguous_length"},
        Refused{"length_hex", with("Content-Length: 0x3\r\n", "abc"), 400, "ambiguous_length"},
        Refused{"length_empty", with("Content-Length:\r\n"), 400, "ambiguous_length"},
        Refused{"length_huge", with("Content-Length: 99999999999999999999999\r\n"), 400, "ambiguous_length"},
        Refused{"coding_gzip_chunked", with("Transfer-Encoding: gzip, chunked\r\n"), 400,
                "unsupported_transfer_encoding"},
        Refused{"coding_chunked_gzip", with("Transfer-Encoding: chunked, gzip\r\n"), 400,
                "unsupported_transfer_encoding"},
        Refused{"coding_identity", with("Transfer-Encoding: identity\r\n"), 400,
                "unsupported_transfer_encoding"},
        Refused{"coding_xchunked", with("Transfer-Encoding: xchunked\r\n"), 400,
                "unsupported_transfer_encoding"},
        Refused{"coding_twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400,
                "ambiguous_length"},
        Refused{"coding_in_1_0", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
                "unsupported_transfer_encoding"},
        Refused{"space_before_colon", with("Content-Length : 3\r\n", "abc"), 400, "bad_request"},
        Refused{"bare_lf", "GET / HTTP/1.1\nHost: h\n\n", 400, "bad_request"},
        Refused{"bare_cr", with("X: a\rb\r\n"), 400, "bad_request"},
        Refused{"nul_in_field", with(std::string("X: a\0b\r\n", 8)), 400, "bad_request"},
        Refused{"chunk_size_broken", with("Transfer-Encoding: chunked\r\n", "zz\r\n"), 400, "bad_request"},
        Refused{"chunk_too_long_by_two", with("Transfer-Encoding: chunked\r\n", "3\r\nabcde\r\n0\r\n\r\n"),
                400, "bad_request"},
        Refused{"chunk_size_overflows", with("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"), 400,
                "bad_request"},
        // Request line and Host.
        Refused{"garbage", "\x01\x02\x03", 400, "bad_request"},
        Refused{"tls_hello", "\x16\x03\x01\x02", 400, "tls_on_plain_port"},
        Refused{"http2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"},
        Refused{"no_version", "GET /\r\n\r\n", 400, "bad_request"},
        Refused{"target_not_rooted", "GET x HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"},
        Refused{"target_star_of_get", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"},
        Refused{"target_fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"},
        Refused{"target_broken_escape", "GET /a%2 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"},
        Refused{"target_nul", "GET /a%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"},
        Refused{"target_high_byte", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_target"},
        Refused{"query_broken_escape", "GET /?a=%g1 HTTP/1.1\r\nHost: h\r\n\r\n", 400, "bad_query"},
        Refused{"no_host", "GET / HTTP/1.1\r\nX: y\r\n\r\n", 400, "bad_host"},
        Refused{"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_host"},
        Refused{"host_with_path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad_host"},
        Refused{"host_with_user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "bad_host"},
        Refused{"unknown_method", "TRACE / HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method_not_allowed"},
        Refused{"lower_case_method", "get / HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method_not_allowed"},
        Refused{"connect", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 405, "method_not_allowed"},
        Refused{"unknown_expectation", with("Expect: tea\r\n"), 417, "expectation_failed"},
        // Limits.
        Refused{"one_long_field", with("X: " + std::string(2000, 'a') + "\r\n"), 431, "header_too_large"},
        Refused{"long_target", "GET /" + std::string(2000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431,
                "header_too_large"},
        Refused{"many_fields", with([] {
                  std::string fields;
                  for (int i = 0; i < 200; ++i) fields += "X: a\r\nY: b\r\n";
                  return fields;
                }()),
                431, "header_too_large"},
        Refused{"body_announced_too_large", with("Content-Length: 101\r\n"), 413, "body_too_large"},
        Refused{"body_chunked_too_large",
                with("Transfer-Encoding: chunked\r\n", "40\r\n" + std::string(64, 'a') + "\r\n40\r\n"), 413,
                "body_too_large"}),
    [](const auto& info) { return std::string{info.param.name}; });

}  // namespace
}  // namespace voxanne::net
