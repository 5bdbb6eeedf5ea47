#include "recordings/s3/s3_store.h"

#include "async/reply.h"
#include "recordings/key.h"
#include "recordings/s3/s3_xml.h"

#include <algorithm>
#include <charconv>

namespace voxanne::recordings::s3 {
namespace {

constexpr seconds write_again_after{3};     // health is to know within 5 s
constexpr std::size_t most_listed = 1'000;  // what S3 gives at a time

Error bad_key() { return malformed("object_key_invalid", "this is not the key of an object"); }

// "bytes 0-0/1234" (RFC 9110 §14.4)
std::optional<std::uint64_t> whole_length(std::string_view content_range) {
  const auto slash = content_range.rfind('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto text = content_range.substr(slash + 1);
  std::uint64_t length = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (failed != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return length;
}

Error unreadable() {
  return unavailable("object_store_unavailable", "the S3 service's answer cannot be understood");
}

std::string range_of(std::uint64_t offset, std::size_t length) {
  return "bytes=" + std::to_string(offset) + "-" + std::to_string(offset + length - 1);
}

}  // namespace

S3Store::S3Store(async::Executor executor, async::Clock& clock, async::WorkerPool& workers, std::string node,
                 Options options)
    : executor_(executor),
      clock_(clock),
      workers_(workers),
      probe_key_(".probe/" + std::move(node)),
      client_(executor, clock, std::move(options)) {}

async::Task<Result<>> S3Store::put(std::string key, std::filesystem::path file, std::string checksum) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await async::on_loop(executor_,
                                    put_file(std::move(key), std::move(file), std::move(checksum)));
}

async::Task<Result<std::uint64_t>> S3Store::size(std::string key) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await async::on_loop(executor_, size_of(name_of(key), client_.options().quick));
}

// A GET of the first bytes: unlike HEAD's, its 404 says whether the object or the bucket is missing. Two of
// them, since there are services (s3rver) that take a range which ends at 0 for one without an end.
async::Task<Result<std::uint64_t>> S3Store::size_of(std::string name, milliseconds limit) {
  const auto answer = co_await client_.send({.name = std::move(name),
                                             .headers = {{"range", range_of(0, 2)}},
                                             .timeout = limit,
                                             .max_body = 1 << 16});
  if (!answer) {
    if (answer.error().code == "object_range_empty") co_return std::uint64_t{0};
    co_return answer.error();
  }
  if (answer->status == 200)
    co_return std::uint64_t{answer->body.size()};  // no bigger than that, or too_large
  const auto length = whole_length(answer->headers.get("Content-Range"));
  if (!length) co_return unreadable();
  co_return *length;
}

async::Task<Result<std::string>> S3Store::read(std::string key, std::uint64_t offset, std::size_t length) {
  if (!is_object_key(key)) co_return bad_key();
  if (length == 0) co_return std::string{};
  co_return co_await async::on_loop(executor_, read_range(name_of(key), offset, length));
}

async::Task<Result<std::string>> S3Store::read_range(std::string name, std::uint64_t offset,
                                                     std::size_t length) {
  auto answer = co_await client_.send({.name = std::move(name),
                                       .headers = {{"range", range_of(offset, length)}},
                                       .timeout = milliseconds{30'000},
                                       .max_body = std::max<std::size_t>(length, 1 << 16)});
  if (!answer && answer.error().code == "object_range_empty") co_return std::string{};  // from the end on
  if (!answer) co_return answer.error();
  if (answer->status == 206) co_return std::move(answer->body);
  // It answered the whole.
  co_return offset >= answer->body.size() ? std::string{} : answer->body.substr(offset, length);
}

async::Task<Result<>> S3Store::remove(std::string key) {
  if (!is_object_key(key)) co_return bad_key();
  co_return co_await async::on_loop(executor_, remove_object(name_of(key)));
}

async::Task<Result<>> S3Store::remove_object(std::string name) {
  const auto answer = co_await client_.send({.method = "DELETE", .name = name});
  if (!answer && answer.error().kind != Fault::not_found) co_return answer.error();
  // Parts that were sent are audio too.
  co_return co_await abort_leftovers(std::move(name));
}

async::Task<Result<std::vector<ObjectInfo>>> S3Store::list(std::string prefix, std::string after,
                                                           std::size_t limit) {
  const auto last = prefix.empty() || prefix.back() != '/' ? prefix : prefix.substr(0, prefix.size() - 1);
  if (!last.empty() && !is_object_key(last)) co_return bad_key();
  co_return co_await async::on_loop(executor_, list_objects(std::move(prefix), std::move(after), limit));
}

async::Task<Result<std::vector<ObjectInfo>>> S3Store::list_objects(std::string prefix, std::string after,
                                                                   std::size_t limit) {
  const auto& root = client_.options().prefix;
  std::vector<ObjectInfo> found;
  std::string next;
  do {
    Pairs query{{"list-type", "2"},
                {"max-keys", std::to_string(std::min(limit - found.size(), most_listed))},
                {"prefix", root + prefix}};
    if (!next.empty())
      query.emplace_back("continuation-token", next);
    else if (!after.empty())
      query.emplace_back("start-after", root + after);
    const auto answer = co_await client_.send(
        {.query = std::move(query), .timeout = milliseconds{30'000}, .max_body = 4 << 20});
    if (!answer) co_return answer.error();
    auto listing = parse_listing(answer->body);
    if (!listing) co_return unavailable("object_store_unavailable", listing.error().message);
    for (auto& object : listing->objects) {
      if (!object.key.starts_with(root)) continue;
      auto key = object.key.substr(root.size());
      if (is_object_key(key) && key > after) found.push_back({std::move(key), object.size, object.modified});
    }
    next = listing->truncated ? listing->next : std::string{};
  } while (!next.empty() && found.size() < limit);
  co_return found;
}

std::optional<std::string> S3Store::link(const std::string& key, seconds valid_for,
                                         const std::string& disposition) const {
  return client_.presign(name_of(key), {{"response-content-disposition", disposition}}, valid_for);
}

async::Task<Result<>> S3Store::probe() {
  if (!writes_ || clock_.now() - wrote_at_ >= write_again_after) co_return co_await write_probe();
  const auto there = co_await size_of(name_of(probe_key_), client_.options().probe);
  if (there) co_return Result<>{};
  if (there.error().kind == Fault::not_found) co_return co_await write_probe();
  writes_ = false;  // it is there again when a write says so
  co_return there.error();
}

async::Task<Result<>> S3Store::write_probe() {
  const auto wrote = co_await client_.send({.method = "PUT",
                                            .name = name_of(probe_key_),
                                            .headers = {{"content-type", "text/plain"}},
                                            .body = "written by voxanne to see whether it can\n",
                                            .timeout = client_.options().probe});
  writes_ = wrote.has_value();
  if (!wrote) co_return wrote.error();
  wrote_at_ = clock_.now();
  co_return Result<>{};
}

}  // namespace voxanne::recordings::s3
