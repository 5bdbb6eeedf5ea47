// A blocking HTTP client for tests, on libcurl: an implementation that is not ours judges our server.
#pragma once

#include <boost/json.hpp>

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace voxanne::test {

struct HttpAnswer {
  int status = 0;  // 0: no answer; `error` says why
  std::string error;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  boost::json::value json() const;  // fails the test's assumption loudly by throwing
};

struct HttpAsk {
  std::string method = "GET";
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  std::chrono::milliseconds limit{10'000};
  std::string trusted{};  // a file of certificates, instead of those this machine trusts
};

HttpAnswer http(const HttpAsk& ask);
// Is shown every answer from now on, on the thread that asked: for who judges them all (support/server.h).
using HttpWitness = void (*)(const HttpAsk& ask, const HttpAnswer& answer);
void show_answers_to(HttpWitness witness);
HttpAnswer http_get(const std::string& url, std::vector<std::string> headers = {});
HttpAnswer http_post_json(const std::string& url, const boost::json::value& body,
                          std::vector<std::string> headers = {});

}  // namespace voxanne::test
