#include "support/sentry_imposter.h"

#include "support/patience.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <stdexcept>

namespace voxanne::test {
namespace {

namespace json = boost::json;

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return text;
}

std::string header(const std::string& head, const std::string& name) {
  const auto at = lower(head).find("\r\n" + lower(name) + ":");
  if (at == std::string::npos) return {};
  auto begin = at + name.size() + 3;
  while (head[begin] == ' ') ++begin;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::optional<std::string> gunzip(const std::string& bytes) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return std::nullopt;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int result = Z_OK;
  while (result == Z_OK) {
    char block[16'384];
    stream.next_out = reinterpret_cast<Bytef*>(block);
    stream.avail_out = sizeof block;
    result = inflate(&stream, Z_NO_FLUSH);
    out.append(block, sizeof block - stream.avail_out);
    if (stream.avail_in == 0 && stream.avail_out == sizeof block) break;
  }
  inflateEnd(&stream);
  if (result != Z_STREAM_END) return std::nullopt;
  return out;
}

}  // namespace

SentryImposter::SentryImposter(std::uint16_t port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0)
    throw std::runtime_error("the tracker cannot listen");
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread{[this] { accept(); }};
}

SentryImposter::~SentryImposter() {
  {
    const std::lock_guard lock{mutex_};
    stopping_ = true;
    shutdown(listener_, SHUT_RDWR);
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
  }
  changed_.notify_all();
  acceptor_.join();
  for (auto& thread : threads_) thread.join();
  close(listener_);
}

void SentryImposter::set(Mood mood) {
  {
    const std::lock_guard lock{mutex_};
    mood_ = mood;
  }
  changed_.notify_all();
}

void SentryImposter::limit_with(std::string headers, bool with_ok) {
  const std::lock_guard lock{mutex_};
  limits_ = std::move(headers);
  limits_with_ok_ = with_ok;
}

void SentryImposter::accept() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::lock_guard lock{mutex_};
    if (stopping_) {
      close(socket);
      return;
    }
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] {
      serve(socket);
      const std::lock_guard done{mutex_};
      std::erase(sockets_, socket);
      close(socket);
    });
  }
}

void SentryImposter::serve(int socket) {
  std::string buffer;
  for (;;) {
    std::size_t head_end = 0, length = 0;
    const auto fill = [&] {
      char block[16'384];
      const auto count = recv(socket, block, sizeof block, 0);
      if (count > 0) buffer.append(block, std::size_t(count));
      return count > 0;
    };
    while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) return;
    const std::string head = buffer.substr(0, head_end + 2);
    length = std::stoul("0" + header(head, "Content-Length"));
    while (buffer.size() < head_end + 4 + length)
      if (!fill()) return;
    const std::string body = buffer.substr(head_end + 4, length);
    buffer.erase(0, head_end + 4 + length);

    std::unique_lock lock{mutex_};
    ++requests_;
    changed_.notify_all();
    if (!head.starts_with("POST /api/42/envelope/ HTTP/1.1"))
      complaints_.push_back("path: " + head.substr(0, 80));
    const std::string auth = header(head, "X-Sentry-Auth");
    if (auth.find("sentry_version=7") == std::string::npos ||
        auth.find("sentry_key=publickey") == std::string::npos)
      complaints_.push_back("authentication: " + auth);
    if (header(head, "Content-Type") != "application/x-sentry-envelope")
      complaints_.push_back("content type");
    const auto text = header(head, "Content-Encoding") == "gzip" ? gunzip(body) : std::optional{body};
    if (!text) complaints_.push_back("gzip");
    if (mood_ == Mood::hanging) changed_.wait(lock, [&] { return stopping_ || mood_ != Mood::hanging; });
    if (mood_ == Mood::closing || stopping_) return;
    if (text) keep(*text, mood_ == Mood::well);
    std::string answer;
    if (mood_ == Mood::well)
      answer = "HTTP/1.1 200 OK\r\n" + (limits_with_ok_ ? limits_ : "") +
               "Content-Length: 11\r\n\r\n{\"id\":\"42\"}";
    if (mood_ == Mood::limiting)
      answer = "HTTP/1.1 429 Too Many Requests\r\n" + limits_ + "Content-Length: 0\r\n\r\n";
    if (mood_ == Mood::broken) answer = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";
    lock.unlock();
    if (::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) return;
  }
}

// Under the mutex.
void SentryImposter::keep(const std::string& body, bool accepted) {
  everything_ += body;
  try {
    std::size_t at = 0;
    const auto line = [&] {
      const auto end = std::min(body.find('\n', at), body.size());
      const auto text = body.substr(at, end - at);
      at = std::min(end + 1, body.size());
      return text;
    };
    const auto envelope = json::parse(line()).as_object();
    while (at < body.size()) {
      const auto item = json::parse(line()).as_object();
      const auto length = std::size_t(item.at("length").as_int64());
      const auto content = body.substr(at, length);
      if (content.size() != length || (at + length < body.size() && body[at + length] != '\n'))
        complaints_.push_back("an item's length is not its own");
      at = std::min(at + length + 1, body.size());
      if (accepted)
        items_.push_back(
            {std::string{item.at("type").as_string()}, json::parse(content).as_object(), envelope});
    }
  } catch (const std::exception& e) {
    complaints_.push_back(std::string{"envelope: "} + e.what());
  }
  changed_.notify_all();
}

std::optional<SentryImposter::Item> SentryImposter::wait_for(const std::string& type,
                                                             std::chrono::milliseconds limit,
                                                             const Wanted& wanted) {
  std::optional<Item> found;
  std::unique_lock lock{mutex_};
  changed_.wait_for(lock, patient(limit), [&] {
    for (const auto& item : items_)
      if (item.type == type && (!wanted || wanted(item.body))) {
        found = item;
        return true;
      }
    return false;
  });
  return found;
}

bool SentryImposter::wait_for_requests(std::size_t count, std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, patient(limit), [&] { return requests_ >= count; });
}

std::vector<SentryImposter::Item> SentryImposter::items(const std::string& type) const {
  const std::lock_guard lock{mutex_};
  std::vector<Item> out;
  std::ranges::copy_if(items_, std::back_inserter(out), [&](const Item& item) { return item.type == type; });
  return out;
}

std::size_t SentryImposter::requests() const {
  const std::lock_guard lock{mutex_};
  return requests_;
}

std::vector<std::string> SentryImposter::complaints() const {
  const std::lock_guard lock{mutex_};
  return complaints_;
}

std::string SentryImposter::everything() const {
  const std::lock_guard lock{mutex_};
  return everything_;
}

}  // namespace voxanne::test
