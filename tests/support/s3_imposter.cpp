#include "support/s3_imposter.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <stdexcept>

namespace voxanne::test {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return text;
}

std::string header(const std::string& head, const std::string& name) {
  const auto at = lower(head).find("\r\n" + name + ":");
  if (at == std::string::npos) return {};
  auto begin = at + name.size() + 3;
  while (head[begin] == ' ') ++begin;
  return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::string decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (text[i] == '%' && i + 2 < text.size()) {
      out.push_back(char(std::stoi(text.substr(i + 1, 2), nullptr, 16)));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  return out;
}

std::string hash(const EVP_MD* kind, const std::string& bytes) {
  unsigned char out[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), out, &size, kind, nullptr);
  return {reinterpret_cast<char*>(out), size};
}
std::string hex(const std::string& bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned char c : bytes) out.append({digits[c >> 4], digits[c & 15]});
  return out;
}
std::string base64(const std::string& bytes) {
  std::string out(4 * ((bytes.size() + 2) / 3), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()), int(bytes.size()));
  return out;
}

void reset(int socket) {
  const linger at_once{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

bool send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(std::size_t(sent));
  }
  return true;
}

}  // namespace

struct S3Imposter::Asked {
  std::string method, name, head, body;
  std::map<std::string, std::string> query;

  std::string get(const std::string& parameter) const {
    const auto found = query.find(parameter);
    return found == query.end() ? "" : found->second;
  }
};

struct S3Imposter::Answer {
  int status = 200;
  std::string body;
  std::string headers;  // each line ending in CRLF
  std::string etag{};

  static Answer refusal(int status, const std::string& code, std::string headers = {}) {
    return {status, "<Error><Code>" + code + "</Code><Message>on purpose</Message></Error>",
            std::move(headers)};
  }
  std::string text(bool with_body) const {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers +
           (etag.empty() ? "" : "ETag: " + etag + "\r\n") + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + (with_body ? body : "");
  }
};

S3Imposter::S3Imposter(std::uint16_t port) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 64) != 0)
    throw std::runtime_error("the S3 service cannot listen");
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread{[this] { accept(); }};
}

S3Imposter::~S3Imposter() {
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

void S3Imposter::fault(Plan plan) {
  const std::lock_guard lock{mutex_};
  plan_ = plan;
  requests_ = faults_ = 0;
}

void S3Imposter::set_away(bool away) {
  const std::lock_guard lock{mutex_};
  away_ = away;
  if (away)
    for (const int socket : sockets_) shutdown(socket, SHUT_RDWR);
}

void S3Imposter::release() {
  const std::lock_guard lock{mutex_};
  ++releases_;
  changed_.notify_all();
}

int S3Imposter::requests() const {
  const std::lock_guard lock{mutex_};
  return requests_;
}
int S3Imposter::faults() const {
  const std::lock_guard lock{mutex_};
  return faults_;
}
bool S3Imposter::wait_for_faults(int count, std::chrono::milliseconds limit) const {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, limit, [&] { return faults_ >= count; });
}
bool S3Imposter::wait_for_object(const std::string& name, std::chrono::milliseconds limit) const {
  std::unique_lock lock{mutex_};
  return changed_.wait_for(lock, limit, [&] { return objects_.contains(name); });
}
std::map<std::string, std::string> S3Imposter::objects() const {
  const std::lock_guard lock{mutex_};
  std::map<std::string, std::string> out;
  for (const auto& [name, object] : objects_) out.emplace(name, object.bytes);
  return out;
}
std::size_t S3Imposter::open_uploads() const {
  const std::lock_guard lock{mutex_};
  return uploads_.size();
}
std::vector<std::string> S3Imposter::complaints() const {
  const std::lock_guard lock{mutex_};
  return complaints_;
}
void S3Imposter::put(const std::string& name, const std::string& bytes) {
  const std::lock_guard lock{mutex_};
  objects_[name] = {bytes, '"' + hex(hash(EVP_md5(), bytes)) + '"', "audio/ogg"};
}
void S3Imposter::remove(const std::string& name) {
  const std::lock_guard lock{mutex_};
  objects_.erase(name);
}

void S3Imposter::accept() {
  for (;;) {
    const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::lock_guard lock{mutex_};
    if (stopping_ || away_) {
      reset(socket);
      close(socket);
      if (stopping_) return;
      continue;
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

void S3Imposter::serve(int socket) {
  std::string buffer;
  while (serve_one(socket, buffer)) {
  }
}

// False when the connection is over.
bool S3Imposter::serve_one(int socket, std::string& buffer) {
  const auto fill = [&] {
    char block[65'536];
    const auto count = recv(socket, block, sizeof block, 0);
    if (count > 0) buffer.append(block, std::size_t(count));
    return count > 0;
  };
  std::size_t head_end = 0;
  while ((head_end = buffer.find("\r\n\r\n")) == std::string::npos)
    if (!fill()) return false;
  Asked asked;
  asked.head = buffer.substr(0, head_end + 2);
  const auto length = std::stoul("0" + header(asked.head, "content-length"));
  const auto line = asked.head.substr(0, asked.head.find("\r\n"));
  asked.method = line.substr(0, line.find(' '));
  auto target = line.substr(asked.method.size() + 1);
  target = target.substr(0, target.find(' '));
  const auto question = std::min(target.find('?'), target.size());
  const std::string root = std::string{"/"} + bucket;
  const auto path = decoded(target.substr(0, question));
  if (path.starts_with(root)) asked.name = path.substr(std::min(root.size() + 1, path.size()));
  for (auto rest = target.substr(std::min(question + 1, target.size())); !rest.empty();) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    asked.query[decoded(pair.substr(0, equals))] = decoded(pair.substr(std::min(equals + 1, pair.size())));
    rest.erase(0, end + 1);
  }

  std::unique_lock lock{mutex_};
  std::optional<How> how;
  if (asked.name.find("/.probe/") == std::string::npos) {
    ++requests_;
    if (plan_.at > 0 && (requests_ == plan_.at || (plan_.for_good && requests_ > plan_.at))) how = plan_.how;
  }
  // Told before it is committed to: whoever waits for it may end the asker in the middle of it.
  const auto committed = [&] {
    ++faults_;
    changed_.notify_all();
  };
  lock.unlock();
  if (how == How::reset || how == How::reset_in_body) {
    while (how == How::reset_in_body && buffer.size() < head_end + 4 + length / 2)
      if (!fill()) return false;
    lock.lock();
    committed();
    reset(socket);
    return false;
  }
  while (buffer.size() < head_end + 4 + length)
    if (!fill()) return false;
  asked.body = buffer.substr(head_end + 4, length);
  buffer.erase(0, head_end + 4 + length);

  lock.lock();
  if (stopping_ || away_) return false;
  Answer out;
  switch (how.value_or(How::slow)) {
    case How::error_500:
      out = Answer::refusal(500, "InternalError");
      break;
    case How::slow_down:
      out = Answer::refusal(503, "SlowDown", "Retry-After: 1\r\n");
      break;
    case How::forbidden:
      out = Answer::refusal(403, "AccessDenied");
      break;
    case How::bad_signature:
      out = Answer::refusal(403, "SignatureDoesNotMatch");
      break;
    case How::no_bucket:
      out = Answer::refusal(404, "NoSuchBucket");
      break;
    case How::error_in_200:
      out = Answer::refusal(200, "InternalError");
      break;
    case How::hang: {
      committed();
      const int released = releases_;
      changed_.wait(lock, [&] { return stopping_ || releases_ > released; });
      return false;
    }
    case How::reset:
    case How::reset_in_body:
    case How::lost_answer:
    case How::wrong_etag:
    case How::truncated:
    case How::slow:
      out = answer(asked);
      break;
  }
  if (how) committed();
  if (how == How::wrong_etag && !out.etag.empty()) out.etag = "\"00000000000000000000000000000000\"";
  if (how == How::lost_answer) {
    reset(socket);
    return false;
  }
  lock.unlock();
  const auto text = out.text(asked.method != "HEAD");
  if (how == How::truncated) {
    send_all(socket, std::string_view{text}.substr(0, text.size() - out.body.size() / 2 - 1));
    return false;
  }
  if (how == How::slow) {
    for (std::size_t at = 0; at < text.size(); at += 64) {
      if (!send_all(socket, std::string_view{text}.substr(at, 64))) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds{2});  // what is slow is the point
    }
    return true;
  }
  return send_all(socket, text);
}

S3Imposter::Answer S3Imposter::answer(const Asked& asked) {
  const bool presigned = asked.query.contains("X-Amz-Signature");
  if (!presigned && !header(asked.head, "authorization").starts_with("AWS4-HMAC-SHA256 Credential="))
    complaints_.push_back("no signature: " + asked.method + " " + asked.name);
  if (!presigned && header(asked.head, "x-amz-content-sha256") != hex(hash(EVP_sha256(), asked.body)))
    complaints_.push_back("the body is not what was signed: " + asked.method + " " + asked.name);
  const auto sum = hash(EVP_md5(), asked.body);
  if (const auto promised = header(asked.head, "content-md5"); !promised.empty() && promised != base64(sum))
    return Answer::refusal(400, "BadDigest");
  const std::string etag = '"' + hex(sum) + '"';
  const auto id = asked.get("uploadId");
  if (!id.empty() && !uploads_.contains(id)) return Answer::refusal(404, "NoSuchUpload");

  if (asked.method == "PUT" && !id.empty()) {
    uploads_[id].parts[std::stoi(asked.get("partNumber"))] = {asked.body, etag, {}};
    return {200, {}, {}, etag};
  }
  if (asked.method == "PUT") {
    objects_[asked.name] = {asked.body, etag, header(asked.head, "content-type")};
    changed_.notify_all();
    return {200, {}, {}, etag};
  }
  if (asked.method == "POST" && asked.query.contains("uploads")) {
    const auto made = "upload-" + std::to_string(++next_id_);
    uploads_[made] = {asked.name, header(asked.head, "content-type"), {}};
    return {
        200,
        "<InitiateMultipartUploadResult><UploadId>" + made + "</UploadId></InitiateMultipartUploadResult>",
        {}};
  }
  if (asked.method == "POST" && !id.empty()) return complete(asked, id);
  if (asked.method == "DELETE" && !id.empty()) {
    uploads_.erase(id);
    return {204, {}, {}};
  }
  if (asked.method == "DELETE") {
    objects_.erase(asked.name);
    return {204, {}, {}};
  }
  return asked.name.empty() ? list(asked) : get(asked);
}

S3Imposter::Answer S3Imposter::complete(const Asked& asked, const std::string& id) {
  const auto begun = uploads_.at(id);
  std::string bytes, sums;
  for (const auto& [number, part] : begun.parts) {
    if (asked.body.find("<PartNumber>" + std::to_string(number) + "</PartNumber><ETag>" + part.etag) ==
        std::string::npos)
      return Answer::refusal(400, "InvalidPart");
    bytes += part.bytes;
    sums += hash(EVP_md5(), part.bytes);
  }
  const auto etag = '"' + hex(hash(EVP_md5(), sums)) + "-" + std::to_string(begun.parts.size()) + '"';
  objects_[begun.name] = {bytes, etag, begun.type};
  uploads_.erase(id);
  changed_.notify_all();
  return {
      200, "<CompleteMultipartUploadResult><ETag>" + etag + "</ETag></CompleteMultipartUploadResult>", {}};
}

S3Imposter::Answer S3Imposter::get(const Asked& asked) {
  const auto found = objects_.find(asked.name);
  if (found == objects_.end()) return Answer::refusal(404, "NoSuchKey");
  const auto& object = found->second;
  Answer out{200, object.bytes, "Content-Type: " + object.type + "\r\n", object.etag};
  if (const auto disposition = asked.get("response-content-disposition"); !disposition.empty())
    out.headers += "Content-Disposition: " + disposition + "\r\n";
  const auto range = header(asked.head, "range");
  if (!range.starts_with("bytes=")) return out;
  const auto first = std::stoul(range.substr(6));
  if (first >= object.bytes.size()) return Answer::refusal(416, "InvalidRange");
  const auto last = std::min(std::stoul(range.substr(range.find('-') + 1)), object.bytes.size() - 1);
  out.status = 206;
  out.body = object.bytes.substr(first, last - first + 1);
  out.headers += "Content-Range: bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" +
                 std::to_string(object.bytes.size()) + "\r\n";
  return out;
}

S3Imposter::Answer S3Imposter::list(const Asked& asked) {
  const auto prefix = asked.get("prefix");
  if (asked.query.contains("uploads")) {
    std::string body = "<ListMultipartUploadsResult>";
    for (const auto& [id, upload] : uploads_)
      if (upload.name.starts_with(prefix))
        body += "<Upload><Key>" + upload.name + "</Key><UploadId>" + id + "</UploadId></Upload>";
    return {200, body + "</ListMultipartUploadsResult>", {}};
  }
  const auto after = std::max(asked.get("start-after"), asked.get("continuation-token"));
  const auto most = std::stoul(asked.get("max-keys"));
  std::string body, last;
  std::size_t count = 0;
  bool more = false;
  for (const auto& [name, object] : objects_) {
    if (!name.starts_with(prefix) || name <= after) continue;
    if ((more = count == most)) break;
    body += "<Contents><Key>" + name + "</Key><LastModified>2026-06-01T12:00:00.000Z</LastModified><Size>" +
            std::to_string(object.bytes.size()) + "</Size></Contents>";
    last = name;
    ++count;
  }
  return {200,
          "<ListBucketResult>" + body + "<IsTruncated>" + (more ? "true" : "false") + "</IsTruncated>" +
              (more ? "<NextContinuationToken>" + last + "</NextContinuationToken>" : "") +
              "</ListBucketResult>",
          {}};
}

std::map<std::string, std::string> stored_at(const std::string& endpoint,
                                             std::map<std::string, std::string> more) {
  more.insert({{"STORAGE_URL", std::string{"s3://"} + S3Imposter::bucket},
               {"S3_ENDPOINT", endpoint},
               {"S3_REGION", "eu-west-1"},
               {"S3_ACCESS_KEY_ID", "S3RVER"},
               {"S3_SECRET_ACCESS_KEY", "S3RVER"}});
  return more;
}

}  // namespace voxanne::test
