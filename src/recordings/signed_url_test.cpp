#include "recordings/signed_url.h"

#include "recordings/key.h"

#include <gtest/gtest.h>

#include <map>

namespace voxanne::recordings {
namespace {

using Check = UrlSigner::Check;

const UtcTime now{seconds{1'780'000'000}};
const Secret root{"0123456789abcdef0123456789abcdef"};

struct Parts {
  std::string key, expires, signature, format;
};

Parts split(const std::string& url) {
  const auto question = url.find('?');
  Parts parts{url.substr(std::string{"/storage/"}.size(), question - std::string{"/storage/"}.size()), "", "",
              ""};
  std::map<std::string, std::string> query;
  for (std::size_t at = question + 1; at < url.size();) {
    const auto end = std::min(url.find('&', at), url.size());
    const auto equals = url.find('=', at);
    query[url.substr(at, equals - at)] = url.substr(equals + 1, end - equals - 1);
    at = end + 1;
  }
  parts.expires = query["expires"];
  parts.signature = query["signature"];
  parts.format = query["format"];
  return parts;
}

Check check(const Parts& p, UtcTime at, const Secret& secret = root) {
  return UrlSigner{secret}.verify(p.key, p.expires, p.signature, p.format, at);
}

TEST(SignedUrl, is_valid_until_it_expires) {
  const auto parts = split(UrlSigner{root}.sign("demo/call_1.ogg", now + 1h));
  EXPECT_EQ(parts.key, "demo/call_1.ogg");
  EXPECT_EQ(parts.expires, "1780003600");
  EXPECT_EQ(check(parts, now), Check::valid);
  EXPECT_EQ(check(parts, now + 1h - 1ms), Check::valid);
  EXPECT_EQ(check(parts, now + 1h), Check::expired);
  EXPECT_EQ(check(parts, now + 24h), Check::expired);
}

TEST(SignedUrl, any_change_is_tampering_expired_or_not) {
  const auto good = split(UrlSigner{root}.sign("demo/call_1.ogg", now + 1h, "wav"));
  ASSERT_EQ(check(good, now), Check::valid);
  const auto changed = [&](auto change) {
    Parts parts = good;
    change(parts);
    return parts;
  };
  const Parts table[] = {
      changed([](Parts& p) { p.key = "demo/call_2.ogg"; }),
      changed([](Parts& p) { p.key = "other/call_1.ogg"; }),
      changed([](Parts& p) { p.key += "\n"; }),
      changed([](Parts& p) { p.key.clear(); }),
      changed([](Parts& p) { p.expires = "1780003601"; }),
      changed([](Parts& p) { p.expires = "01780003600"; }),
      changed([](Parts& p) { p.expires = "never"; }),
      changed([](Parts& p) { p.expires.clear(); }),
      changed([](Parts& p) { p.format.clear(); }),
      changed([](Parts& p) { p.format = "mp3"; }),
      changed([](Parts& p) { p.signature.clear(); }),
      changed([](Parts& p) { p.signature.back() = p.signature.back() == 'A' ? 'B' : 'A'; }),
      changed([](Parts& p) { p.signature += "="; }),
      changed([](Parts& p) { p.signature.pop_back(); }),
  };
  for (const auto& parts : table) {
    EXPECT_EQ(check(parts, now), Check::tampered) << parts.key << parts.expires << parts.signature;
    EXPECT_EQ(check(parts, now + 24h), Check::tampered);
  }
  EXPECT_EQ(check(good, now, Secret{"another root"}), Check::tampered);
}

TEST(SignedUrl, an_expiry_that_was_signed_but_is_no_number_is_tampering) {
  // Only our own key could make one; it must still not be taken for a time.
  const Secret key = derive_key(root, "recordings/signed-url/v1");
  const auto signature = to_base64url(hmac_sha256(key.reveal(), "demo/call_1.ogg\n99999999999999999999\n"));
  EXPECT_EQ(UrlSigner{root}.verify("demo/call_1.ogg", "99999999999999999999", signature, "", now),
            Check::tampered);
}

TEST(Key, names_a_recording_and_leads_nowhere_else) {
  EXPECT_EQ(recording_key(OrgId{"demo"}, CallId{"call_1"}), "demo/call_1.ogg");
  const auto name = parse_recording_key("demo/call_1.ogg");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->org, OrgId{"demo"});
  EXPECT_EQ(name->call, CallId{"call_1"});
  for (const char* bad : {"", "demo", "demo/", "/call.ogg", "demo/.ogg", "demo/call.wav", "../call.ogg",
                          "demo/../x.ogg", "demo/a/b.ogg", "./a.ogg", "de mo/a.ogg"})
    EXPECT_FALSE(parse_recording_key(bad)) << bad;
  for (const char* good : {"a", "a/b", "demo/call_1.ogg", "a.b/c-d@e:f+g"})
    EXPECT_TRUE(is_object_key(good)) << good;
  for (const char* bad : {"", "/", "a/", "/a", "a//b", ".", "..", "a/../b", "a/./b", ".tmp/a", "a/.b", "a\\b",
                          "a b", "a/b/c/d/e/f/g/h/i", "a\n"})
    EXPECT_FALSE(is_object_key(bad)) << bad;
  EXPECT_FALSE(is_object_key(std::string(129, 'a')));
}

}  // namespace
}  // namespace voxanne::recordings
