// An HTTP(S) client on libcurl's multi interface and Asio: pooled connections, HTTP/2 where offered,
// deadlines and bounds on everything. For providers, webhooks, the doctor and tests.
//
//   HttpClient client{loop.get_executor(), {}};
//   auto answer = co_await client.send({.method = "POST", .url = "https://…", .body = json});
//   if (!answer) …                       // no answer; a 4xx or 5xx is an answer
//
// Owner: whoever asks; outlives its requests. Executor: the one given, always. Cancelling the awaiting
// task ends the request at once. Redirects are not followed and the environment's proxies are not
// used. Errors: malformed (bad_url), unavailable (connect_failed, tls_failed, transfer_failed,
// client_busy), timed_out (request_timed_out), too_large (response_too_large), cancelled
// (stopped_by_reader), forbidden (target_refused).
#pragma once

#include "net/http.h"
#include "net/network.h"

#include <memory>
#include <string>

namespace voxanne::net {

class HttpClient {
 public:
  struct Options {
    int max_connections = 64;
    int max_connections_per_host = 16;
    std::size_t max_requests = 1024;  // under way or waiting for a connection; over: client_busy
    std::string user_agent = "voxanne";
    std::string ca_file{};  // in place of the system's
    // Asked with the very address that a socket is about to be connected to, whatever its name resolved
    // to before; false ends the request (target_refused). Empty: any.
    std::function<bool(const IpAddress& address, bool secure)> may_connect{};
  };

  struct Request {
    std::string method = "GET";
    std::string url{};
    Headers headers{};
    std::string body{};
    milliseconds connect_timeout{5'000};
    milliseconds timeout{30'000};       // the whole of it
    milliseconds idle_timeout{15'000};  // without a byte either way
    std::size_t max_body = 1024 * 1024;
    // Is given the body of a 2xx as it comes (and Response::body stays empty); false ends the request.
    // Runs inside the client: it may not start or end requests of it.
    std::function<bool(std::string_view)> on_data{};
  };

  struct Response {
    int status = 0;
    Headers headers{};  // of the final answer; values are as they came
    std::string body{};
  };

  HttpClient(async::Executor executor, Options options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  async::Task<Result<Response>> send(Request request);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace voxanne::net
