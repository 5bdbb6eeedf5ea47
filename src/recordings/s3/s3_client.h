// Signed requests to one bucket of an S3-compatible service, path-style, and what its refusals mean.
//
//   Client client{loop, clock, options};
//   auto answer = co_await client.send({.method = "PUT", .name = "voxanne/a.ogg", .body = bytes});
//
// Owner: S3Store, or the doctor; outlives its requests. Executor: the one given. Errors: those of
// ObjectStore; a 2xx is the only answer that is none. Every message says how to mend it and holds
// neither keys nor what the service said about them.
#pragma once

#include "async/clock.h"
#include "net/http_client.h"
#include "net/url.h"
#include "recordings/s3/sigv4.h"

#include <optional>

namespace voxanne::recordings::s3 {

struct Options {
  std::string endpoint;  // "https://s3.eu-west-1.amazonaws.com", or with a path; no slash at its end
  std::string region;
  std::string bucket;
  std::string prefix;  // before every key: "voxanne/"
  Secret access_key_id, secret_access_key;
  std::string ca_file{};                     // in place of the system's
  std::size_t part_bytes = 8 * 1024 * 1024;  // an object over it goes up in parts of it
  milliseconds connect_timeout{3'000};
  milliseconds quick{5'000};       // for what should be answered at once
  milliseconds idle{20'000};       // without a byte either way
  milliseconds transfer{900'000};  // an object of part_bytes
  milliseconds probe{1'800};       // below the deadline of a health check
};

// What a status and a body that are no success mean.
Error refusal(int status, const net::Headers& headers, std::string_view body, const Options& options,
              UtcTime now);

class Client {
 public:
  // Throws std::invalid_argument when the endpoint is no URL.
  Client(async::Executor executor, async::Clock& clock, Options options);

  struct Ask {
    std::string method = "GET";
    std::string name{};  // of the object, prefix included; empty: the bucket
    Pairs query{};
    Pairs headers{};
    std::string body{};
    std::string payload_sha256{};  // hex, of a body whose hash is known
    std::optional<milliseconds> timeout{};
    std::size_t max_body = 1024 * 1024;  // of the answer
  };
  async::Task<Result<net::HttpClient::Response>> send(Ask ask);

  // A GET that anybody may make until then.
  std::string presign(const std::string& name, Pairs query, seconds valid_for) const;

  const Options& options() const noexcept { return options_; }

 private:
  std::string path_of(const std::string& name) const;

  async::Clock& clock_;
  const Options options_;
  const net::Url endpoint_;
  const Signer signer_;
  net::HttpClient http_;
};

}  // namespace voxanne::recordings::s3
