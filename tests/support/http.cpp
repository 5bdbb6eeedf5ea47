#include "support/http.h"

#include "support/patience.h"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <memory>

namespace voxanne::test {
namespace {

std::size_t take_body(char* data, std::size_t, std::size_t size, void* to) {
  static_cast<std::string*>(to)->append(data, size);
  return size;
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* to) {
  const std::string line{data, size};
  if (const auto colon = line.find(':'); colon != std::string::npos) {
    std::string name = line.substr(0, colon), value = line.substr(colon + 1);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return char(std::tolower(c)); });
    value.erase(0, value.find_first_not_of(' '));
    value.erase(value.find_last_not_of("\r\n ") + 1);
    (*static_cast<std::map<std::string, std::string>*>(to))[name] = value;
  }
  return size;
}

std::atomic<HttpWitness> witness_of_all = nullptr;

}  // namespace

void show_answers_to(HttpWitness witness) { witness_of_all = witness; }

boost::json::value HttpAnswer::json() const { return boost::json::parse(body); }

HttpAnswer http(const HttpAsk& ask) {
  HttpAnswer answer;
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{curl_easy_init(), curl_easy_cleanup};
  curl_slist* list = nullptr;
  for (const std::string& header : ask.headers) list = curl_slist_append(list, header.c_str());
  list = curl_slist_append(list, "Expect:");
  const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers{list, curl_slist_free_all};
  curl_easy_setopt(curl.get(), CURLOPT_URL, ask.url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_CUSTOMREQUEST, ask.method.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, long(patient(ask.limit).count()));
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &answer.headers);
  if (!ask.trusted.empty()) curl_easy_setopt(curl.get(), CURLOPT_CAINFO, ask.trusted.c_str());
  if (ask.method == "HEAD") curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  if (!ask.body.empty() || ask.method == "POST" || ask.method == "PUT" || ask.method == "PATCH") {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE, long(ask.body.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, ask.body.data());
  }
  if (const CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK) {
    answer.error = curl_easy_strerror(code);
    return answer;
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  answer.status = int(status);
  if (const HttpWitness witness = witness_of_all) witness(ask, answer);
  return answer;
}

HttpAnswer http_get(const std::string& url, std::vector<std::string> headers) {
  return http({.url = url, .headers = std::move(headers), .body = {}});
}

HttpAnswer http_post_json(const std::string& url, const boost::json::value& body,
                          std::vector<std::string> headers) {
  headers.push_back("Content-Type: application/json");
  return http(
      {.method = "POST", .url = url, .headers = std::move(headers), .body = boost::json::serialize(body)});
}

}  // namespace voxanne::test
