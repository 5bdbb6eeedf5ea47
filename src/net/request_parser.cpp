#include "net/request_parser.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <limits>

namespace voxanne::net {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;

constexpr std::string_view last_chunk = "0\r\n\r\n";

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

struct Failure {
  int status;
  Error error;
};

Failure bad_request(std::string code, std::string message) {
  return {400, malformed(std::move(code), std::move(message))};
}

Failure too_large(std::size_t limit) {
  return {413,
          {Fault::too_large, "body_too_large",
           "the body is larger than the " + std::to_string(limit) + " bytes that this address takes"}};
}

Failure failure_of(error_code code, std::size_t max_header, std::size_t max_body) {
  if (code == http::error::header_limit)
    return {431,
            {Fault::too_large, "header_too_large",
             "request line and headers together may have " + std::to_string(max_header) + " bytes"}};
  if (code == http::error::body_limit || code == http::error::buffer_overflow) return too_large(max_body);
  if (code == http::error::bad_content_length || code == http::error::multiple_content_length ||
      code == http::error::bad_transfer_encoding)
    return bad_request("ambiguous_length", "Content-Length and Transfer-Encoding contradict each other");
  return bad_request("bad_request", "this is not HTTP/1.1: " + code.message());
}

// RFC 3986 allows fewer; but what is visible and no fragment cannot confuse a router or a log.
bool is_target_char(char c) { return c > ' ' && c < '\x7f' && c != '#'; }

bool is_host(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '[' || c == ']' || c == '%';
  });
}

// Fills path and query from the target (RFC 9112 §3.2): origin form, absolute form, "*".
std::optional<Failure> read_target(Request& request) {
  std::string_view target = request.target;
  if (!std::all_of(target.begin(), target.end(), is_target_char))
    return bad_request("bad_target", "the request target holds a character that must be percent-encoded");
  if (target == "*" && request.method == Method::options) {
    request.path = "*";
    return std::nullopt;
  }
  for (const std::string_view scheme : {"http://", "https://"})
    if (equal_ignoring_case(target.substr(0, scheme.size()), scheme)) {
      target.remove_prefix(std::min(target.find_first_of("/?", scheme.size()), target.size()));
      request.target = target.starts_with('/') ? std::string{target} : "/" + std::string{target};
      target = request.target;
      break;
    }
  if (!target.starts_with('/'))
    return bad_request("bad_target", "the request target must begin with a slash");
  const auto question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  std::string decoded;
  if (request.path.find('%') != std::string::npos && !percent_decode(request.path, decoded))
    return bad_request("bad_target", "the path holds a broken percent escape or an encoded NUL");
  if (question < target.size() && !request.query.parse(target.substr(question + 1)))
    return bad_request("bad_query", "the query holds a broken percent escape, a NUL or over 256 parameters");
  return std::nullopt;
}

// RFC 6455 §4.2.1.
bool is_websocket_handshake(const Request& request, int version) {
  if (request.method != Method::get || version != 11) return false;
  const Headers& headers = request.headers;
  if (!headers.has_token("Upgrade", "websocket") || !headers.has_token("Connection", "upgrade")) return false;
  const auto key = headers.get("Sec-WebSocket-Key");
  return headers.get("Sec-WebSocket-Version") == "13" && headers.count("Sec-WebSocket-Key") == 1 &&
         key.size() == 24 && key.ends_with("==");
}

bool has_bare_line_feed(std::string_view text) {
  for (auto at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
    if (at > 0 && text[at - 1] != '\r') return true;
  return false;
}

class Parser final : public http::basic_parser<true> {
 public:
  explicit Parser(Request& request) : request_(request) {}
  int version() const noexcept { return version_; }
  bool header_done() const noexcept { return header_done_; }

 private:
  void on_request_impl(http::verb, boost::beast::string_view method, boost::beast::string_view target,
                       int version, error_code&) override {
    request_.method = net::parse_method(view(method));
    request_.target = view(target);
    version_ = version;
  }
  void on_response_impl(int, boost::beast::string_view, int, error_code&) override {}
  void on_field_impl(http::field, boost::beast::string_view name, boost::beast::string_view value,
                     error_code&) override {
    if (header_done_) return;  // trailers are not merged into the header (RFC 9110 §6.5.1)
    request_.headers.add(view(name), view(value));
  }
  void on_header_impl(error_code&) override { header_done_ = true; }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(boost::beast::string_view body, error_code&) override {
    request_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, boost::beast::string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, boost::beast::string_view body, error_code&) override {
    request_.body.append(body.data(), body.size());
    return body.size();
  }
  void on_finish_impl(error_code&) override {}

  Request& request_;
  int version_ = 0;
  bool header_done_ = false;
};

}  // namespace

struct RequestParser::Impl {
  explicit Impl(std::size_t header) : max_header(header) { restart(); }

  void restart() {
    request.method = Method::get;
    request.target.clear();
    request.path.clear();
    request.query.clear();
    request.headers.clear();
    request.body.clear();
    request.websocket = false;
    request.ids = {};
    started = false;
    header_bytes = 0;
    body_accepted = false;
    failure.reset();
    parser.emplace(request);
    parser->header_limit(static_cast<std::uint32_t>(
        std::min<std::size_t>(max_header, std::numeric_limits<std::uint32_t>::max())));
    parser->body_limit(boost::none);  // decided by accept_body(), when the route is known
    parser->eager(false);
  }

  // What one recipient could read otherwise than another is refused, not interpreted.
  std::optional<Failure> check_header() {
    const Headers& headers = request.headers;
    if (request.method == Method::other)
      return Failure{405, {Fault::malformed, "method_not_allowed", "this server does not know the method"}};
    const auto lengths = headers.count("Content-Length"), codings = headers.count("Transfer-Encoding");
    if (lengths > 1 || codings > 1 || (lengths > 0 && codings > 0))
      return bad_request("ambiguous_length", "send one Content-Length or one Transfer-Encoding");
    if (lengths == 1) {
      const auto text = headers.get("Content-Length");
      if (text.empty() || text.size() > 19 ||
          !std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
        return bad_request("ambiguous_length", "Content-Length must be one decimal number");
    }
    if (codings == 1 &&
        (parser->version() == 10 || !equal_ignoring_case(headers.get("Transfer-Encoding"), "chunked")))
      return bad_request("unsupported_transfer_encoding", "the only transfer coding understood is chunked");
    const auto hosts = headers.count("Host");
    if (hosts > 1 || (hosts == 0 && parser->version() == 11) || (hosts == 1 && !is_host(headers.get("Host"))))
      return bad_request("bad_host", "send exactly one well-formed Host header");
    if (auto failed = read_target(request)) return failed;
    const auto expect = headers.find("Expect");
    if (expect && !equal_ignoring_case(*expect, "100-continue"))
      return Failure{417,
                     {Fault::malformed, "expectation_failed", "the only expectation met is 100-continue"}};
    request.websocket = is_websocket_handshake(request, parser->version());
    return std::nullopt;
  }

  State state() const {
    if (failure) return State::failed;
    if (!parser->header_done()) return State::header;
    return parser->is_done() ? State::done : State::body;
  }

  std::size_t max_header;
  std::size_t max_body = 0;
  std::size_t header_bytes = 0;
  Request request;
  std::optional<Parser> parser;
  bool started = false, body_accepted = false;
  std::optional<Failure> failure;
};

RequestParser::RequestParser(std::size_t max_header) : impl_(std::make_unique<Impl>(max_header)) {}
RequestParser::~RequestParser() = default;

std::size_t RequestParser::feed(std::string_view bytes) {
  Impl& self = *impl_;
  std::size_t consumed = 0;
  if (state() == State::header) {
    // Empty lines before the request line are ignored (RFC 9112 §2.2), in whatever pieces they come.
    while (!self.started && bytes.starts_with("\r\n")) {
      bytes.remove_prefix(2);
      consumed += 2;
    }
    if (bytes.empty() || (!self.started && bytes == "\r")) return consumed;
    if (!self.started && bytes.front() == '\x16') {
      self.failure = bad_request("tls_on_plain_port", "this port speaks plain HTTP, not TLS: use http://");
      return consumed;
    }
    // Without this, garbage would wait for the end of a header until the deadline.
    if (!self.started && (bytes.front() < 'A' || bytes.front() > 'z')) {
      self.failure = bad_request("bad_request", "this is not HTTP/1.1: a request begins with its method");
      return consumed;
    }
    self.started = true;
  }
  while (!bytes.empty() && (state() == State::header || (state() == State::body && self.body_accepted))) {
    error_code code;
    const bool in_header = !self.parser->header_done();
    // Beast 1.81 asserts, on its second look at the last chunk, that five bytes of it are there.
    if (!in_header && self.parser->chunked() && bytes.size() < last_chunk.size() && bytes.front() == '0')
      break;
    const auto used = self.parser->put(boost::asio::buffer(bytes), code);
    consumed += used;
    bytes.remove_prefix(used);
    // Beast consumes field by field and limits each; the sum is ours to bound.
    if (in_header) self.header_bytes += used;
    if (in_header && self.header_bytes + (code ? bytes.size() : 0) > self.max_header)
      code = http::error::header_limit;
    if (code == http::error::need_more) {
      // Beast would wait for CR LF CR LF, which such a client never sends.
      if (in_header && has_bare_line_feed(bytes))
        self.failure = bad_request("bad_request", "this is not HTTP/1.1: lines end in CR LF");
      break;
    }
    if (code) {
      self.failure = failure_of(code, self.max_header, self.max_body);
      break;
    }
    if (in_header && self.parser->header_done()) {
      self.failure = self.check_header();
      break;
    }
  }
  return consumed;
}

void RequestParser::accept_body(std::size_t limit) {
  Impl& self = *impl_;
  self.body_accepted = true;
  self.max_body = limit;
  const auto length = self.parser->content_length();
  if (length && *length > limit)
    self.failure = too_large(limit);
  else
    self.parser->body_limit(limit);
}

void RequestParser::reset() { impl_->restart(); }
RequestParser::State RequestParser::state() const noexcept { return impl_->state(); }
Request& RequestParser::request() noexcept { return impl_->request; }
bool RequestParser::started() const noexcept { return impl_->started; }
bool RequestParser::keep_alive() const { return impl_->parser->keep_alive(); }
bool RequestParser::expects_continue() const {
  return state() == State::body && impl_->parser->version() == 11 && impl_->request.headers.has("Expect");
}
int RequestParser::status() const noexcept { return impl_->failure->status; }
const Error& RequestParser::error() const noexcept { return impl_->failure->error; }

}  // namespace voxanne::net
