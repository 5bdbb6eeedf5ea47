// The signatures that AWS publishes: "Authenticating Requests" of the S3 API reference and the examples
// of Signature Version 4 in the general one.
#include "recordings/s3/sigv4.h"

#include <gtest/gtest.h>

namespace voxanne::recordings::s3 {
namespace {

const std::string empty_sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string host = "examplebucket.s3.amazonaws.com";
constexpr UtcTime then{std::chrono::sys_days{std::chrono::year{2013} / 5 / 24}};

Signer example(std::string region = "us-east-1", std::string service = "s3") {
  return {Secret{"AKIAIOSFODNN7EXAMPLE"}, Secret{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
          std::move(region), std::move(service)};
}

std::string signature(const SigningRequest& request) {
  const std::string header = authorization(request, example(), then);
  return header.substr(header.rfind('=') + 1);
}

TEST(SigV4, get_of_a_range_is_signed_as_aws_publishes_it) {
  const SigningRequest request{.method = "GET",
                               .path = "/test.txt",
                               .headers = {{"host", host},
                                           {"range", "bytes=0-9"},
                                           {"x-amz-content-sha256", empty_sha256},
                                           {"x-amz-date", "20130524T000000Z"}},
                               .payload_sha256 = empty_sha256};
  EXPECT_EQ(to_hex(sha256(canonical_request(request))),
            "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972");
  EXPECT_EQ(authorization(request, example(), then),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
            "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

TEST(SigV4, put_is_signed_as_aws_publishes_it) {
  const std::string payload = to_hex(sha256("Welcome to Amazon S3."));
  EXPECT_EQ(signature({.method = "PUT",
                       .path = encode_path("/test$file.text"),
                       .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                   {"host", host},
                                   {"x-amz-content-sha256", payload},
                                   {"x-amz-date", "20130524T000000Z"},
                                   {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                       .payload_sha256 = payload}),
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
}

TEST(SigV4, a_subresource_and_a_list_are_signed_as_aws_publishes_them) {
  SigningRequest request{
      .method = "GET",
      .path = "/",
      .query = {{"lifecycle", ""}},
      .headers = {{"x-amz-date", "20130524T000000Z"}, {"x-amz-content-sha256", empty_sha256}, {"host", host}},
      .payload_sha256 = empty_sha256};
  EXPECT_EQ(signature(request), "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  request.query = {{"prefix", "J"}, {"max-keys", "2"}};
  EXPECT_EQ(signature(request), "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(SigV4, an_address_is_presigned_as_aws_publishes_it) {
  EXPECT_EQ(
      presigned_query(
          {.method = "GET", .path = "/test.txt", .headers = {{"host", host}}, .payload_sha256 = {}},
          example(), then, seconds{86'400}),
      "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%"
      "2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
      "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

TEST(SigV4, another_service_is_signed_as_aws_publishes_it) {
  const Signer signer{Secret{"AKIDEXAMPLE"}, Secret{"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}, "us-east-1",
                      "iam"};
  const UtcTime at{std::chrono::sys_days{std::chrono::year{2015} / 8 / 30} + 12h + 36min};
  const auto header =
      authorization({.method = "GET",
                     .path = "/",
                     .query = {{"Action", "ListUsers"}, {"Version", "2010-05-08"}},
                     .headers = {{"content-type", "application/x-www-form-urlencoded; charset=utf-8"},
                                 {"host", "iam.amazonaws.com"},
                                 {"x-amz-date", "20150830T123600Z"}},
                     .payload_sha256 = empty_sha256},
                    signer, at);
  EXPECT_TRUE(header.ends_with("Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"))
      << header;
}

TEST(SigV4, what_is_signed_is_sorted_encoded_and_trimmed) {
  EXPECT_EQ(canonical_query({{"b", "2"}, {"a", "x y/z"}, {"a", "1"}, {"uploads", ""}}),
            "a=1&a=x%20y%2Fz&b=2&uploads=");
  EXPECT_EQ(encode_path("/bucket/org@1/a+b:c~d e.ogg"), "/bucket/org%401/a%2Bb%3Ac~d%20e.ogg");
  const auto text = canonical_request({.method = "GET",
                                       .path = "/",
                                       .headers = {{"x-b", "  two   words "}, {"host", "h"}},
                                       .payload_sha256 = "p"});
  EXPECT_EQ(text, "GET\n/\n\nhost:h\nx-b:two words\n\nhost;x-b\np");
}

}  // namespace
}  // namespace voxanne::recordings::s3
