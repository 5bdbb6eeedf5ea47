#include "recordings/s3/s3_client.h"

#include "recordings/s3/s3_xml.h"

#include <algorithm>
#include <stdexcept>

namespace voxanne::recordings::s3 {
namespace {

net::Url endpoint_of(const Options& options) {
  auto url = net::parse_url(options.endpoint);
  if (!url) throw std::invalid_argument("the S3 endpoint is no URL");
  if (url->path == "/") url->path.clear();
  return std::move(*url);
}

Error away(const std::string& why) {
  return unavailable("object_store_unavailable", "the S3 service " + why);
}

Error misconfigured(const std::string& why) { return unavailable("object_store_misconfigured", why); }

// Codes are the service's own text.
bool is_word(std::string_view code) {
  return !code.empty() && code.size() <= 64 && std::ranges::all_of(code, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
  });
}

}  // namespace

Error refusal(int status, const net::Headers& headers, std::string_view body, const Options& options,
              UtcTime now) {
  const Refusal said = parse_error(body);
  const auto& code = said.code;
  if (code == "NoSuchBucket")
    return misconfigured("there is no bucket " + options.bucket +
                         " at S3_ENDPOINT: create it, or correct STORAGE_URL");
  if (code == "NoSuchUpload")
    return unavailable("object_upload_unknown", "the S3 service has no such upload");
  if (status == 404) return not_found("object_missing", "there is no such object");
  if (status == 301 || status == 307 || code == "AuthorizationHeaderMalformed" || code == "PermanentRedirect")
    return misconfigured("S3_REGION or S3_ENDPOINT is not the bucket's" +
                         (is_word(said.region) ? ": its region is " + said.region : "; correct them"));
  if (code == "InvalidAccessKeyId" || code == "SignatureDoesNotMatch" || status == 401)
    return misconfigured(code == "InvalidAccessKeyId"
                             ? "S3_ACCESS_KEY_ID is not known there"
                             : "the signature is not accepted: S3_SECRET_ACCESS_KEY or S3_REGION is wrong");
  if (code == "RequestTimeTooSkewed")
    return misconfigured("this machine's clock is wrong by more than 15 minutes: set it (NTP)");
  if (status == 403)
    return misconfigured(
        "the S3 keys may not do this: allow s3:PutObject, s3:GetObject, s3:DeleteObject, "
        "s3:AbortMultipartUpload on the bucket's objects and s3:ListBucket, "
        "s3:ListBucketMultipartUploads on the bucket");
  if (status == 405 || status == 501)
    return {Fault::impossible, "object_store_unsupported", "the S3 service does not offer this"};
  if (status == 416) return {Fault::impossible, "object_range_empty", "the object has no such bytes"};
  if (code == "BadDigest" || code == "XAmzContentSHA256Mismatch" || code == "InvalidDigest")
    return unavailable("object_not_verified", "the S3 service received other bytes than were sent");
  Error error = away("answered " + std::to_string(status) + (is_word(code) ? " " + code : ""));
  if (const auto asked = net::retry_after(headers, now)) error.retry_after = std::min(*asked, seconds{3'600});
  return error;
}

Client::Client(async::Executor executor, async::Clock& clock, Options options)
    : clock_(clock),
      options_(std::move(options)),
      endpoint_(endpoint_of(options_)),
      signer_{.access_key_id = options_.access_key_id,
              .secret_access_key = options_.secret_access_key,
              .region = options_.region},
      http_(executor, {.ca_file = options_.ca_file}) {}

std::string Client::path_of(const std::string& name) const {
  const std::string path = endpoint_.path + "/" + encode_path(options_.bucket);
  return name.empty() ? path : path + "/" + encode_path(name);
}

async::Task<Result<net::HttpClient::Response>> Client::send(Ask ask) {
  const UtcTime now = clock_.utc();
  SigningRequest signing{.method = ask.method,
                         .path = path_of(ask.name),
                         .query = std::move(ask.query),
                         .headers = std::move(ask.headers),
                         .payload_sha256 = ask.payload_sha256.empty() ? to_hex(sha256(ask.body))
                                                                      : std::move(ask.payload_sha256)};
  signing.headers.emplace_back("host", endpoint_.authority());
  signing.headers.emplace_back("x-amz-content-sha256", signing.payload_sha256);
  signing.headers.emplace_back("x-amz-date", amz_date(now));

  net::HttpClient::Request request{.method = ask.method};
  const std::string query = canonical_query(signing.query);
  request.url = endpoint_.origin() + signing.path + (query.empty() ? "" : "?" + query);
  for (const auto& [name, value] : signing.headers)
    if (name != "host") request.headers.add(name, value);
  request.headers.add("authorization", authorization(signing, signer_, now));
  request.body = std::move(ask.body);
  request.timeout = ask.timeout.value_or(options_.quick);
  request.connect_timeout = std::min(options_.connect_timeout, request.timeout);
  request.idle_timeout = std::min(options_.idle, request.timeout);
  request.max_body = ask.max_body;
  auto answer = co_await http_.send(std::move(request));
  if (!answer) {
    if (answer.error().kind == Fault::cancelled) co_return answer.error();
    co_return away("at S3_ENDPOINT does not answer: " + answer.error().message);
  }
  if (answer->status / 100 != 2)
    co_return refusal(answer->status, answer->headers, answer->body, options_, clock_.utc());
  co_return std::move(*answer);
}

std::string Client::presign(const std::string& name, Pairs query, seconds valid_for) const {
  SigningRequest signing{.method = "GET",
                         .path = path_of(name),
                         .query = std::move(query),
                         .headers = {{"host", endpoint_.authority()}},
                         .payload_sha256 = {}};
  const std::string path = endpoint_.origin() + signing.path;
  return path + "?" + presigned_query(std::move(signing), signer_, clock_.utc(), valid_for);
}

}  // namespace voxanne::recordings::s3
