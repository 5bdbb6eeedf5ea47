#include "base/e164.h"
#include "base/ids.h"
#include "base/json_text.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <set>

namespace voxanne {
namespace {

TEST(Ids, are_unique_and_sorted_by_creation) {
  std::string last;
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = CallId::make().str();
    EXPECT_TRUE(id.starts_with("call_"));
    EXPECT_EQ(id.size(), 31u);
    EXPECT_LT(last, id);
    EXPECT_TRUE(seen.insert(id).second);
    last = id;
  }
}

TEST(Ids, foreign_ids_are_sane_within_limits) {
  EXPECT_TRUE(is_sane_id("test-assistant-123"));
  EXPECT_TRUE(is_sane_id("6f1f0b6e-4d0f-4f0e-9d0a-8a7d6b5c4d3e"));
  EXPECT_FALSE(is_sane_id(""));
  EXPECT_FALSE(is_sane_id("../etc/passwd"));
  EXPECT_FALSE(is_sane_id(std::string(129, 'a')));
}

TEST(Time, round_trips_and_rejects_what_is_not_rfc3339) {
  const auto time = parse_rfc3339("2026-11-23T01:48:43.5+01:00");
  ASSERT_TRUE(time);
  EXPECT_EQ(to_rfc3339(*time), "2026-11-23T00:48:43.500Z");
  for (const char* text :
       {"1969-12-31T23:59:59.999Z", "2024-02-29T10:00:00.010Z", "9999-12-31T23:59:59.999Z"})
    EXPECT_EQ(to_rfc3339(*parse_rfc3339(text)), text);
  for (const char* bad :
       {"", "2026-11-23", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-23T00:48:43",
        "2026-11-23T00:48:43.Z", "2026-11-23T24:00:00Z", "2026-11-23T00:48:43Zx", "2026-11-23T00:48:43+0100",
        "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
}

TEST(Secrets, match_published_vectors) {
  // RFC 4231 test case 2.
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  Sha256 pieces;  // FIPS 180-2, appendix B.1
  pieces.update("a");
  pieces.update("bc");
  EXPECT_EQ(to_hex(pieces.finish()), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
  std::string out;
  EXPECT_TRUE(from_base64url("-_8", out));
  EXPECT_EQ(out, "\xfb\xff");
  EXPECT_FALSE(from_base64url("-_8=", out));
  EXPECT_FALSE(from_base64url("+/8", out));
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abcd"));
}

TEST(Secrets, purposes_have_different_keys) {
  const Secret root{"root"};
  EXPECT_NE(derive_key(root, "tokens").reveal(), derive_key(root, "urls").reveal());
}

TEST(JsonText, escapes_and_repairs) {
  std::string out;
  append_json_string(out,
                     "plain text that is longer than one block \"quoted\" \\ \n\t\x01 caf\xc3\xa9 \xff!");
  EXPECT_EQ(out,
            "\"plain text that is longer than one block \\\"quoted\\\" \\\\ \\n\\t\\u0001 "
            "caf\xc3\xa9 \xEF\xBF\xBD!\"");
  EXPECT_FALSE(is_valid_utf8("\xed\xa0\x80"));  // a surrogate
  EXPECT_FALSE(is_valid_utf8("\xc0\xaf"));      // overlong
  EXPECT_TRUE(is_valid_utf8("\xf0\x9f\x99\x82"));
}

TEST(JsonText, finds_what_is_special_wherever_it_is) {
  for (std::size_t size = 1; size <= 40; ++size)
    for (std::size_t at = 0; at < size; ++at)
      for (const char special : {'"', '\\', '\n'}) {
        std::string text(size, '~');
        text[at] = special;
        std::string out;
        append_json_string(out, text);
        std::string expected = '"' + text + '"';
        expected.replace(at + 1, 1, special == '\n' ? "\\n" : std::string{'\\', special});
        EXPECT_EQ(out, expected);
      }
}

TEST(JsonText, numbers_are_read_back_as_they_were) {
  const auto written = [](double value) {
    std::string out;
    append_json_double(out, value);
    return out;
  };
  EXPECT_EQ(written(0), "0");
  EXPECT_EQ(written(63.46), "63.46");
  EXPECT_EQ(written(-0.5), "-0.5");
  EXPECT_EQ(written(0.001), "0.001");
  EXPECT_EQ(written(100'000), "100000");
  EXPECT_EQ(written(0.0004), "4e-04");
  EXPECT_EQ(written(std::nan("")), "null");
  std::mt19937_64 random{1};
  for (int i = 0; i < 100'000; ++i) {
    const auto whole = static_cast<std::int64_t>(random()) >> (random() % 64);
    for (const double value : {double(whole) / 1000, double(whole) / 7, double(whole)})
      ASSERT_EQ(std::strtod(written(value).c_str(), nullptr), value) << written(value);
  }
}

TEST(E164, what_a_carrier_says_was_dialled_may_lack_its_plus) {
  EXPECT_EQ(dialled_number("+442079460000"), "+442079460000");
  EXPECT_EQ(dialled_number("442079460000"), "+442079460000");
  EXPECT_EQ(dialled_number("00442079460000"), "+442079460000");
  for (const char* none : {"02079460000", "demo", "", "44-demo"}) EXPECT_FALSE(dialled_number(none)) << none;
}

TEST(E164, normalises_or_says_what_is_wrong) {
  EXPECT_EQ(to_e164("+44 7700 900000").value(), "+447700900000");
  EXPECT_EQ(to_e164("+44 (0)7700-900000").value(), "+447700900000");
  EXPECT_EQ(to_e164("0044 7700 900000").value(), "+447700900000");
  for (const char* bad : {"", "07700 900000", "+0123456789", "+44 77", "+44x7700900000", "+12345678901234567",
                          "44+7700900000"}) {
    const auto number = to_e164(bad);
    ASSERT_TRUE(number.has_error()) << bad;
    EXPECT_EQ(number.error().code, "invalid_phone_number");
  }
}

TEST(Log, keeps_nothing_personal) {
  EXPECT_EQ(log::personal("+447700900123"), "…23");
  EXPECT_EQ(log::personal("my name is Ann"), "[redacted]");
}

TEST(Result, value_of_an_error_throws_it) {
  const Result<int> bad = malformed("x", "y");
  EXPECT_THROW(static_cast<void>(bad.value()), BadResult);
}

}  // namespace
}  // namespace voxanne
