#include "net/smtp_client.h"

#include "net/curl_loop.h"
#include "net/network.h"
#include "net/url.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <optional>

namespace voxanne::net {
namespace {

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* handle) const {
    Release(handle);
  }
};
using Easy = std::unique_ptr<CURL, Releaser<curl_easy_cleanup>>;
using Lines = std::unique_ptr<curl_slist, Releaser<curl_slist_free_all>>;

int close_on_exec(void*, curl_socket_t socket, curlsocktype) {
  ::fcntl(socket, F_SETFD, FD_CLOEXEC);
  return CURL_SOCKOPT_OK;
}

// What the server answered last, where that was a refusal.
struct Refusal {
  std::string codes;     // "550 5.1.1"; empty: it refused nothing
  bool of_mail = false;  // of this recipient or this mail, not of who sends
};

// "550 5.1.1 <ann@example.com> is not here" → "550 5.1.1" (RFC 5321 §4.2, RFC 2034 §4): the words may name
// people.
std::string codes_of(std::string_view line) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (line.size() < 4 || !std::ranges::all_of(line.substr(0, 3), is_digit)) return {};
  std::string codes{line.substr(0, 3)};
  line.remove_prefix(4);
  const auto more = line.substr(0, line.find_first_of(" \r\n"));
  const auto is_code = [&](char c) { return is_digit(c) || c == '.'; };
  if (more.size() <= 9 && std::ranges::count(more, '.') == 2 && std::ranges::all_of(more, is_code))
    codes.append(" ").append(more);
  return codes;
}

Error error_of(CURLcode code, const Refusal& refusal) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return unavailable("connect_failed",
                         "the mail server cannot be reached: check SMTP_URL's host and port");
    case CURLE_OPERATION_TIMEDOUT:
      return timed_out("smtp_timed_out", "the mail server did not answer in time");
    case CURLE_USE_SSL_FAILED:
      return unavailable("tls_failed",
                         "the mail server offers no STARTTLS: use smtps://, or a server that encrypts");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
      return unavailable("tls_failed",
                         std::string{"the mail server's TLS was refused: "} + curl_easy_strerror(code));
    case CURLE_LOGIN_DENIED:
      return unavailable("smtp_login_refused", "the mail server refused the user and password of SMTP_URL");
    default:
      break;
  }
  if (refusal.codes.starts_with('4'))
    return unavailable("smtp_refused_for_now",
                       "the mail server refused the mail for now (" + refusal.codes + ")");
  if (refusal.codes.starts_with('5') && !refusal.of_mail)
    return unavailable("smtp_sender_refused", "the mail server refused who sends (" + refusal.codes +
                                                  "): check MAIL_FROM, and what this server may send there");
  if (refusal.codes.starts_with('5'))
    return {Fault::impossible, "smtp_refused",
            "the mail server refused the mail for good (" + refusal.codes + ")"};
  return unavailable("smtp_failed", curl_easy_strerror(code));
}

}  // namespace

Result<SmtpUrl> parse_smtp_url(std::string_view text) {
  const Error bad = malformed("bad_smtp_url",
                              "allowed is smtp://[USER:PASSWORD@]HOST[:PORT] (with STARTTLS) or smtps://…; "
                              "write @ and : within user and password as %40 and %3A");
  const auto url = parse_url(text);
  if (!url || (url->scheme != "smtp" && url->scheme != "smtps") || url->path != "/" || !url->query.empty())
    return bad;
  const bool secure = url->scheme == "smtps";
  const std::string host = url->host.find(':') == std::string::npos ? url->host : "[" + url->host + "]";
  SmtpUrl out;
  out.url = url->scheme + "://" + host + ":" +
            std::to_string(url->port != 0 ? url->port : std::uint16_t(secure ? 465 : 587));
  out.user = url->user;
  out.password = Secret{url->password};
  const auto address = IpAddress::parse(url->host);
  out.here = url->host == "localhost" || (address && address->is_loopback());
  return out;
}

struct SmtpClient::Impl {
  Impl(async::Executor executor, Options chosen)
      : options(std::move(chosen)), loop(std::make_shared<CurlLoop>(executor)) {}
  ~Impl() { loop->close(); }

  async::Task<Result<>> run(std::string from, std::string to, std::string text, bool only_check);

  const Options options;
  std::shared_ptr<CurlLoop> loop;
};

namespace {

struct Sending {
  std::shared_ptr<CurlLoop> loop;
  std::string text;
  std::size_t sent = 0;
  Refusal refusal;
  bool leaving = false;
  Easy easy{curl_easy_init()};  // may call back until it is gone
  Lines recipients;
  async::SteadyTimer wake;
  std::optional<CURLcode> outcome;

  Sending(std::shared_ptr<CurlLoop> on, std::string what)
      : loop(std::move(on)), text(std::move(what)), wake(loop->executor()) {
    if (!easy) throw std::bad_alloc();
  }
  ~Sending() { loop->remove(easy.get()); }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;

  static std::size_t read(char* into, std::size_t size, std::size_t count, void* self) {
    auto& sending = *static_cast<Sending*>(self);
    const std::size_t length = std::min(size * count, sending.text.size() - sending.sent);
    std::memcpy(into, sending.text.data() + sending.sent, length);
    sending.sent += length;
    return length;
  }
  // Each command and each line of its answer; what is said to QUIT decides nothing.
  static int overhear(CURL*, curl_infotype kind, char* text, std::size_t size, void* self) {
    auto& sending = *static_cast<Sending*>(self);
    const std::string_view line{text, size};
    if (kind == CURLINFO_HEADER_OUT) sending.leaving = sending.leaving || line.starts_with("QUIT");
    if (sending.leaving) return 0;
    if (kind == CURLINFO_HEADER_OUT)
      sending.refusal = {.codes = {}, .of_mail = line.starts_with("RCPT TO:") || line == "DATA\r\n"};
    if (kind == CURLINFO_HEADER_IN && (line.starts_with('4') || line.starts_with('5')))
      sending.refusal.codes = codes_of(line);
    return 0;
  }
  static std::size_t drop(char*, std::size_t size, std::size_t count, void*) { return size * count; }
};

}  // namespace

async::Task<Result<>> SmtpClient::Impl::run(std::string from, std::string to, std::string text,
                                            bool only_check) {
  Sending sending{loop, std::move(text)};
  const auto set = [handle = sending.easy.get()](CURLoption option, auto value) {
    curl_easy_setopt(handle, option, value);
  };
  // The path is what we say HELO with.
  const std::string url = options.url.url + "/" + percent_encode(options.hello);
  const std::string user = options.url.user, password{options.url.password.reveal()};
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_USE_SSL,
      static_cast<long>(options.url.here && user.empty() ? CURLUSESSL_NONE : CURLUSESSL_ALL));
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (!user.empty()) {
    set(CURLOPT_USERNAME, user.c_str());
    set(CURLOPT_PASSWORD, password.c_str());
  }
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  set(CURLOPT_SOCKOPTFUNCTION, &close_on_exec);
  set(CURLOPT_WRITEFUNCTION, &Sending::drop);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_VERBOSE, 1L);
  set(CURLOPT_DEBUGFUNCTION, &Sending::overhear);
  set(CURLOPT_DEBUGDATA, &sending);
  if (only_check) {
    set(CURLOPT_CUSTOMREQUEST, "NOOP");
    set(CURLOPT_NOBODY, 1L);
  } else {
    sending.recipients.reset(curl_slist_append(nullptr, ("<" + to + ">").c_str()));
    if (!sending.recipients) throw std::bad_alloc();
    set(CURLOPT_MAIL_RCPT, sending.recipients.get());
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Sending::read);
    set(CURLOPT_READDATA, &sending);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(sending.text.size()));
  }
  const std::string sender = "<" + from + ">";
  if (!only_check) set(CURLOPT_MAIL_FROM, sender.c_str());
  sending.wake.expires_at(async::SteadyTimer::time_point::max());
  const bool added = loop->add(sending.easy.get(), [&sending](CURLcode outcome) {
    sending.outcome = outcome;
    sending.wake.cancel();
  });
  if (!added) co_return internal("smtp_failed", "libcurl does not take the mail");
  while (!sending.outcome) {
    static_cast<void>(co_await sending.wake.async_wait(as_result));
    co_await async::throw_if_cancelled();
  }
  if (*sending.outcome == CURLE_OK) co_return Result<>{};
  co_return error_of(*sending.outcome, sending.refusal);
}

SmtpClient::SmtpClient(async::Executor executor, Options options)
    : impl_(std::make_shared<Impl>(executor, std::move(options))) {}
SmtpClient::~SmtpClient() = default;

async::Task<Result<>> SmtpClient::send(std::string from, std::string to, std::string text) {
  const auto impl = impl_;
  co_return co_await impl->run(std::move(from), std::move(to), std::move(text), false);
}

async::Task<Result<>> SmtpClient::check() {
  const auto impl = impl_;
  co_return co_await impl->run({}, {}, {}, true);
}

}  // namespace voxanne::net
