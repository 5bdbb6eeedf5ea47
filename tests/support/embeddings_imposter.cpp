#include "support/embeddings_imposter.h"

#include <boost/json.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <stdexcept>

namespace voxanne::test {
namespace {

namespace json = boost::json;

constexpr std::string_view probe = "hello";

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

std::uint32_t hash(std::string_view text) {  // FNV-1a
  std::uint32_t value = 2'166'136'261u;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 16'777'619u;
  return value ^ (value >> 15);
}

}  // namespace

std::vector<float> trigram_vector(std::string_view text, std::size_t dimensions) {
  std::vector<float> out(dimensions, 0.0f);
  std::string word{' '};
  const auto count_word = [&] {
    word.push_back(' ');
    for (std::size_t i = 0; word.size() > 2 && i + 3 <= word.size(); ++i) {
      const auto slot = hash(std::string_view{word}.substr(i, 3));
      out[slot % dimensions] += (slot >> 16) & 1 ? 1.0f : -1.0f;
    }
    word = " ";
  };
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)))
      word.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
    else if (word.size() > 1)
      count_word();
  }
  if (word.size() > 1) count_word();
  double squares = 0;
  for (const float value : out) squares += double{value} * double{value};
  if (squares == 0) out[0] = 1, squares = 1;
  for (float& value : out) value = static_cast<float>(value / std::sqrt(squares));
  return out;
}

EmbeddingsImposter::EmbeddingsImposter(std::size_t dimensions) : dimensions_(dimensions) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0)
    throw std::runtime_error("the embeddings imposter cannot listen");
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread{[this] { accept(); }};
}

EmbeddingsImposter::~EmbeddingsImposter() {
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

void EmbeddingsImposter::set(Mood mood) {
  {
    const std::lock_guard lock{mutex_};
    mood_ = mood;
    moods_.clear();
  }
  changed_.notify_all();
}

void EmbeddingsImposter::set(const std::string& model, Mood mood) {
  {
    const std::lock_guard lock{mutex_};
    moods_[model] = mood;
  }
  changed_.notify_all();
}

void EmbeddingsImposter::limit_with(std::string headers) {
  const std::lock_guard lock{mutex_};
  limits_ = std::move(headers);
}

void EmbeddingsImposter::alias(std::string word, std::string as) {
  const std::lock_guard lock{mutex_};
  aliases_[std::move(word)] = std::move(as);
}

std::vector<EmbeddingsImposter::Asked> EmbeddingsImposter::asked() const {
  const std::lock_guard lock{mutex_};
  return asked_;
}

std::size_t EmbeddingsImposter::embedded(const std::string& model) const {
  const std::lock_guard lock{mutex_};
  std::size_t texts = 0;
  for (const Asked& asked : asked_)
    if (asked.model == model && asked.answered == 200)
      texts += static_cast<std::size_t>(
          std::ranges::count_if(asked.texts, [](const std::string& text) { return text != probe; }));
  return texts;
}

std::size_t EmbeddingsImposter::asked_about(std::string_view part) const {
  const std::lock_guard lock{mutex_};
  return static_cast<std::size_t>(std::ranges::count_if(asked_, [&](const Asked& asked) {
    return std::ranges::any_of(asked.texts,
                               [&](const std::string& text) { return text.find(part) != std::string::npos; });
  }));
}

bool EmbeddingsImposter::wait_until(std::chrono::milliseconds limit,
                                    const std::function<bool(const EmbeddingsImposter&)>& so) {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, limit, [&] { return so(*this); });
}

void EmbeddingsImposter::accept() {
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

EmbeddingsImposter::Answer EmbeddingsImposter::answer(const std::string& head, const std::string& body) {
  const auto refuse = [](int status, const char* message) {
    return Answer{status, "", json::serialize(json::object{{"error", {{"message", message}}}})};
  };
  if (!head.starts_with("POST /v1/embeddings HTTP/1.1")) return refuse(404, "no such path");
  boost::system::error_code failed;
  const auto root = json::parse(body, failed);
  if (failed || !root.is_object() || !root.as_object().contains("input")) return refuse(400, "bad body");
  Asked asked{.model = std::string{root.at("model").as_string()},
              .key = header(head, "Authorization"),
              .texts = {},
              .at = std::chrono::steady_clock::now()};
  for (const auto& text : root.at("input").as_array()) asked.texts.emplace_back(text.as_string());
  Mood mood = mood_;
  if (const auto own = moods_.find(asked.model); own != moods_.end()) mood = own->second;
  const bool unspeakable = std::ranges::any_of(
      asked.texts, [](const std::string& text) { return text.find("unspeakable") != std::string::npos; });
  Answer out{200, "", ""};
  std::size_t dimensions = dimensions_;
  if (const auto* wanted = root.as_object().if_contains("dimensions"))
    dimensions = wanted->to_number<std::size_t>();
  if (mood == Mood::other_size) dimensions /= 2;
  if (mood == Mood::limiting) out = {429, limits_, R"({"error":{"message":"slow down"}})"};
  if (mood == Mood::broken) out = refuse(500, "broken on purpose");
  if (mood == Mood::forgetful) out = refuse(404, "no such model");
  if (mood == Mood::picky && unspeakable) out = refuse(400, "not this text");
  if (mood == Mood::hanging) out.status = -1;
  if (mood == Mood::closing) out.status = 0;
  if (out.status == 200) {
    json::array data;
    for (std::size_t i = 0; i < asked.texts.size(); ++i) {
      std::string text = lower(asked.texts[i]);
      for (const auto& [word, as] : aliases_)
        for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + as.size()))
          text.replace(at, word.size(), as);
      auto vector = trigram_vector(text, dimensions);
      if (mood == Mood::zero) std::ranges::fill(vector, 0.0f);
      if (mood == Mood::odd && i % 2 == 0) vector.push_back(0.5f);
      data.push_back(json::object{{"index", i}, {"embedding", json::value_from(vector)}});
    }
    // Not in order: the index says which is whose.
    std::ranges::reverse(data);
    out.body = json::serialize(json::object{{"data", std::move(data)}, {"model", asked.model}});
    if (mood == Mood::malformed) out.body.resize(out.body.size() / 2);
    // One vector of one dimension is not odd by itself.
    if (mood == Mood::odd && asked.texts.size() == 1) out.body = R"({"data":[{"index":1,"embedding":[1]}]})";
  }
  asked.answered = std::max(out.status, 0);
  asked_.push_back(std::move(asked));
  return out;
}

void EmbeddingsImposter::serve(int socket) {
  std::string buffer;
  for (;;) {
    std::size_t head_end = 0;
    const auto fill = [&] {
      char block[16'384];
      const auto count = recv(socket, block, sizeof block, 0);
      if (count > 0) buffer.append(block, std::size_t(count));
      return count > 0;
    };
    while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos)
      if (!fill()) return;
    const std::string head = buffer.substr(0, head_end + 2);
    const std::size_t length = std::stoul("0" + header(head, "Content-Length"));
    while (buffer.size() < head_end + 4 + length)
      if (!fill()) return;
    const std::string body = buffer.substr(head_end + 4, length);
    buffer.erase(0, head_end + 4 + length);

    std::unique_lock lock{mutex_};
    const Answer out = answer(head, body);
    changed_.notify_all();
    if (out.status < 0) changed_.wait(lock, [&] { return stopping_ || mood_ != Mood::hanging; });
    if (out.status <= 0 || stopping_) return;
    const std::string text =
        "HTTP/1.1 " + std::to_string(out.status) + " As told\r\n" + out.headers +
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(out.body.size()) + "\r\n\r\n" +
        out.body;
    lock.unlock();
    for (std::size_t sent = 0; sent < text.size();) {
      const auto count = send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += std::size_t(count);
    }
  }
}

}  // namespace voxanne::test
