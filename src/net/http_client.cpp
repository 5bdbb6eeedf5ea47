#include "net/http_client.h"

#include "net/curl_loop.h"
#include "net/url.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <algorithm>

namespace voxanne::net {

namespace {

constexpr std::size_t max_header = 64 * 1024;

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* handle) const {
    Release(handle);
  }
};
using Easy = std::unique_ptr<CURL, Releaser<curl_easy_cleanup>>;
using Lines = std::unique_ptr<curl_slist, Releaser<curl_slist_free_all>>;

Error error_of(CURLcode code) {
  const std::string words = curl_easy_strerror(code);
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return malformed("bad_url", words);
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return unavailable("connect_failed", words);
    case CURLE_OPERATION_TIMEDOUT:
      return timed_out("request_timed_out", "no complete answer came in time");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return unavailable("tls_failed", words);
    default:
      return unavailable("transfer_failed", words);
  }
}

// Child processes must not inherit connections.
int close_on_exec(void*, curl_socket_t socket, curlsocktype) {
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}

// Errors of a socket address that is neither IPv4 nor IPv6: none is made of it.
std::optional<IpAddress> address_of(const curl_sockaddr& target) {
  char text[INET6_ADDRSTRLEN] = "";
  const void* address =
      target.family == AF_INET
          ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(&target.addr)->sin_addr)
          : &reinterpret_cast<const sockaddr_in6*>(&target.addr)->sin6_addr;
  if (target.family != AF_INET && target.family != AF_INET6) return std::nullopt;
  if (!inet_ntop(target.family, address, text, sizeof text)) return std::nullopt;
  return IpAddress::parse(text);
}

// One request from send() to its answer; lives in send()'s frame.
struct Transfer {
  Transfer(CurlLoop& loop_, const HttpClient::Request& request_, bool secure_)
      : loop(loop_), request(request_), secure(secure_), easy(curl_easy_init()), wake(loop_.executor()) {
    if (!easy) throw std::bad_alloc();
  }
  ~Transfer() { loop.remove(easy.get()); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  void set_up(const HttpClient::Options& options);
  void heard() { last_progress = std::chrono::steady_clock::now(); }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self);
  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* target);
  static int on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up);

  CurlLoop& loop;
  const HttpClient::Request& request;
  const bool secure;
  const HttpClient::Options* options = nullptr;  // from set_up() on; the client's
  HttpClient::Response response;
  Easy easy;
  Lines lines;
  async::SteadyTimer wake;
  std::optional<CURLcode> outcome;
  std::optional<Error> refused;  // by us, in a callback
  std::size_t header_bytes = 0, body_bytes = 0;
  curl_off_t moved = 0;
  SteadyTime last_progress = std::chrono::steady_clock::now();
};

void Transfer::set_up(const HttpClient::Options& chosen) {
  options = &chosen;
  const auto set = [handle = easy.get()](CURLoption option, auto value) {
    curl_easy_setopt(handle, option, value);
  };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!chosen.ca_file.empty()) set(CURLOPT_CAINFO, chosen.ca_file.c_str());
  set(CURLOPT_USERAGENT, chosen.user_agent.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  set(CURLOPT_SOCKOPTFUNCTION, &close_on_exec);
  if (chosen.may_connect) {
    set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_open);
    set(CURLOPT_OPENSOCKETDATA, this);
  }
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
  set(CURLOPT_XFERINFODATA, this);

  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET" || !request.body.empty()) {
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    if (!request.body.empty() || request.method == "POST" || request.method == "PUT" ||
        request.method == "PATCH") {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
      set(CURLOPT_POSTFIELDS, request.body.data());
    }
  }
  const auto add = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(lines.get(), line.c_str());
    if (!longer) throw std::bad_alloc();
    static_cast<void>(lines.release());
    lines.reset(longer);
  };
  add("Expect:");  // waiting for 100 Continue costs a second where it is not answered
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    const auto [name, value] = request.headers[i];
    // curl's spelling for a field with an empty value.
    add(value.empty() ? std::string{name} + ";" : std::string{name} + ": " + std::string{value});
  }
  set(CURLOPT_HTTPHEADER, lines.get());
}

std::size_t Transfer::on_header(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.heard();
  std::string_view line{data, size};
  transfer.header_bytes += size;
  if (transfer.header_bytes > max_header) {
    transfer.refused = Error{Fault::too_large, "response_too_large", "the answer's header is over 64 KiB"};
    return 0;
  }
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    transfer.response.headers.clear();  // of a 100 Continue before
    return size;
  }
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) return size;
  auto value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  try {
    transfer.response.headers.add(line.substr(0, colon), value);
  } catch (const std::invalid_argument&) {
    // A field that no HTTP allows is not passed on.
  }
  return size;
}

std::size_t Transfer::on_body(char* data, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.heard();
  long status = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  transfer.body_bytes += size;
  if (transfer.body_bytes > transfer.request.max_body) {
    transfer.refused = Error{Fault::too_large, "response_too_large",
                             "the answer is over " + std::to_string(transfer.request.max_body) + " bytes"};
    return 0;
  }
  if (transfer.request.on_data && status / 100 == 2) {
    if (transfer.request.on_data({data, size})) return size;
    transfer.refused = Error{Fault::cancelled, "stopped_by_reader", "the reader had enough"};
    return 0;
  }
  transfer.response.body.append(data, size);
  return size;
}

curl_socket_t Transfer::on_open(void* self, curlsocktype, curl_sockaddr* target) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto address = address_of(*target);
  if (!address || !transfer.options->may_connect(*address, transfer.secure)) {
    transfer.refused = Error{Fault::forbidden, "target_refused", "the address may not be connected to"};
    return CURL_SOCKET_BAD;
  }
  return ::socket(target->family, target->socktype | SOCK_CLOEXEC, target->protocol);
}

int Transfer::on_progress(void* self, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (down + up != transfer.moved) transfer.heard();
  transfer.moved = down + up;
  return 0;
}

}  // namespace

struct HttpClient::Impl {
  Impl(async::Executor executor, Options o)
      : options(std::move(o)), loop(std::make_shared<CurlLoop>(executor)) {
    curl_multi_setopt(loop->multi(), CURLMOPT_MAX_TOTAL_CONNECTIONS,
                      static_cast<long>(options.max_connections));
    curl_multi_setopt(loop->multi(), CURLMOPT_MAX_HOST_CONNECTIONS,
                      static_cast<long>(options.max_connections_per_host));
    curl_multi_setopt(loop->multi(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_connections));
  }
  ~Impl() { loop->close(); }

  const Options options;
  std::shared_ptr<CurlLoop> loop;
  std::size_t requests = 0;
};

HttpClient::HttpClient(async::Executor executor, Options options)
    : impl_(std::make_shared<Impl>(executor, std::move(options))) {}
HttpClient::~HttpClient() = default;

async::Task<Result<HttpClient::Response>> HttpClient::send(Request request) {
  const auto impl = impl_;  // a cancelled task may outlive the client by a moment
  const auto url = parse_url(request.url);
  if (!url) co_return url.error();
  if (impl->requests >= impl->options.max_requests)
    co_return unavailable("client_busy", "too many requests are under way");
  struct Count {
    std::size_t& requests;
    explicit Count(std::size_t& r) : requests(++r) {}
    ~Count() { --requests; }
  } const count{impl->requests};

  Transfer transfer{*impl->loop, request, url->secure()};
  transfer.set_up(impl->options);
  const bool added = impl->loop->add(transfer.easy.get(), [&transfer](CURLcode outcome) {
    transfer.outcome = outcome;
    transfer.wake.cancel();
  });
  if (!added) co_return internal("transfer_failed", "libcurl does not take the request");
  while (!transfer.outcome) {
    const auto idle_at = transfer.last_progress + request.idle_timeout;
    if (std::chrono::steady_clock::now() >= idle_at)
      co_return timed_out("request_timed_out",
                          "nothing came for " + std::to_string(request.idle_timeout.count()) + " ms");
    transfer.wake.expires_at(idle_at);
    static_cast<void>(co_await transfer.wake.async_wait(as_result));
    co_await async::throw_if_cancelled();
  }
  const bool connected = *transfer.outcome == CURLE_OK;
  // Of several addresses one may have been refused and the next one taken.
  if (transfer.refused && !(connected && transfer.refused->code == "target_refused"))
    co_return *transfer.refused;
  if (!connected) co_return error_of(*transfer.outcome);
  long status = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  transfer.response.status = static_cast<int>(status);
  co_return std::move(transfer.response);
}

}  // namespace voxanne::net
