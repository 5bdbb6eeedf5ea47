// AWS Signature Version 4: how a request says who sends it (a header), or an address says who may open
// it (a presigned URL). Pure: the caller passes the time.
//
//   request = {.method = "GET", .path = "/bucket/key", .query = …, .headers = {{"host", …}, …},
//              .payload_sha256 = …};
//   headers += {"authorization", authorization(request, signer)};
#pragma once

#include "base/secret.h"
#include "base/time.h"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace voxanne::recordings::s3 {

using Pairs = std::vector<std::pair<std::string, std::string>>;

inline constexpr std::string_view unsigned_payload = "UNSIGNED-PAYLOAD";

struct SigningRequest {
  std::string method;
  std::string path;            // percent-encoded, as it is sent (encode_path)
  Pairs query{};               // decoded
  Pairs headers{};             // all of them are signed; names in lower case, "host" among them
  std::string payload_sha256;  // hex, or unsigned_payload
};

struct Signer {
  Secret access_key_id, secret_access_key;
  std::string region;
  std::string service = "s3";
};

// Percent-encodes all but unreserved characters and "/" (S3 encodes a path once).
std::string encode_path(std::string_view path);
// As it is signed and as it must be sent: encoded, sorted.
std::string canonical_query(Pairs query);
std::string canonical_request(const SigningRequest& request);

std::string amz_date(UtcTime at);  // 20130524T000000Z

// The value of the header Authorization. `at` is also the request's x-amz-date.
std::string authorization(const SigningRequest& request, const Signer& signer, UtcTime at);

// The query of an address that anybody may open for so long; its headers are those that the opener must
// send ("host").
std::string presigned_query(SigningRequest request, const Signer& signer, UtcTime at, seconds valid_for);

}  // namespace voxanne::recordings::s3
