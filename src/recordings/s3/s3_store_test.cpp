#include "recordings/s3/s3_store.h"

#include "async/thread.h"
#include "support/s3_imposter.h"
#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace voxanne::recordings::s3 {
namespace {

using test::S3Imposter;
using testing::HasSubstr;
using How = S3Imposter::How;
namespace fs = std::filesystem;

constexpr std::size_t part = 1'000;

class S3StoreTest : public testing::Test {
 protected:
  ~S3StoreTest() override { EXPECT_THAT(service.complaints(), testing::IsEmpty()); }

  Options options() {
    return {.endpoint = service.endpoint(),
            .region = "eu-west-1",
            .bucket = S3Imposter::bucket,
            .prefix = "voxanne/",
            .access_key_id = Secret{"AKID"},
            .secret_access_key = Secret{"secret"},
            .part_bytes = part,
            .connect_timeout = 1s,
            .quick = 1s,
            .idle = 300ms,
            .transfer = 2s,
            .probe = 300ms};
  }
  template <class T>
  T run(async::Task<T> task) {
    return async::run_on(loop.executor(), std::move(task));
  }
  struct File {
    fs::path path;
    std::string bytes, checksum;
  };
  File file(std::size_t size, char seed = 'a') {
    File made{dir / ("file-" + std::to_string(size) + seed), {}, {}};
    for (std::size_t i = 0; i < size; ++i) made.bytes.push_back(char(seed + i % 23));
    std::ofstream{made.path, std::ios::binary} << made.bytes;
    made.checksum = to_hex(sha256(made.bytes));
    return made;
  }
  Result<> put(const std::string& key, const File& from) {
    return run(store->put(key, from.path, from.checksum));
  }

  test::TempDir dir;
  S3Imposter service;
  async::SystemClock clock;
  async::LoopThread loop{"s3-test"};
  async::WorkerPool workers{"files", 1};
  std::optional<S3Store> store{std::in_place, loop.executor(), clock, workers, "node-1", options()};
};

TEST_F(S3StoreTest, what_was_put_is_read_in_any_range_listed_and_removed) {
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, part - 1, part, part + 1, 3 * part, 3 * part + 7}) {
    const auto source = file(size);
    const std::string key = "harbour/call_" + std::to_string(size) + ".ogg";
    ASSERT_TRUE(put(key, source)) << size;
    EXPECT_EQ(service.objects().at("voxanne/" + key), source.bytes);
    EXPECT_EQ(run(store->size(key)).value(), size);
    EXPECT_EQ(run(store->read(key, 0, size + 10)).value(), source.bytes);
    if (size > 3) EXPECT_EQ(run(store->read(key, 2, size - 3)).value(), source.bytes.substr(2, size - 3));
    EXPECT_EQ(run(store->read(key, size, 10)).value(), "");
    EXPECT_EQ(run(store->read(key, size + 100, 10)).value(), "");
  }
  EXPECT_EQ(service.open_uploads(), 0u);
  const auto all = run(store->list("harbour/", "", 100)).value();
  ASSERT_EQ(all.size(), 7u);
  EXPECT_EQ(all[0].key, "harbour/call_0.ogg");
  EXPECT_EQ(all[1].size, 1u);
  EXPECT_EQ(to_rfc3339(all[0].modified), "2026-06-01T12:00:00.000Z");
  ASSERT_TRUE(run(store->remove("harbour/call_0.ogg")));
  ASSERT_TRUE(run(store->remove("harbour/call_0.ogg"))) << "again is no error";
  const auto gone = run(store->size("harbour/call_0.ogg"));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().kind, Fault::not_found);
  EXPECT_EQ(gone.error().code, "object_missing");
}

TEST_F(S3StoreTest, only_our_own_prefix_is_listed_page_by_page) {
  const auto source = file(1);
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(put("org/call_" + std::to_string(100 + i), source));
  ASSERT_TRUE(put("other/call_1", source));
  Options elsewhere = options();
  elsewhere.prefix = "accounts/";
  S3Store foreign{loop.executor(), clock, workers, "node-1", elsewhere};
  ASSERT_TRUE(run(foreign.put("org/call_900", source.path, source.checksum)));
  ASSERT_TRUE(run(store->probe())) << "its own object is no recording";
  EXPECT_EQ(run(store->list("", "", 1'000)).value().size(), 26u);
  std::string after;
  std::vector<std::string> seen;
  for (;;) {
    const auto page = run(store->list("org/", after, 10)).value();
    for (const auto& object : page) seen.push_back(object.key);
    if (page.size() < 10) break;
    after = page.back().key;
  }
  EXPECT_EQ(seen.size(), 25u);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
}

TEST_F(S3StoreTest, it_may_be_asked_from_any_loop) {
  async::LoopThread other{"other"};
  const auto source = file(2 * part);
  ASSERT_TRUE(async::run_on(other.executor(), store->put("o/c", source.path, source.checksum)));
  EXPECT_EQ(async::run_on(other.executor(), store->read("o/c", 0, 2 * part)).value(), source.bytes);
  // Loops outlive those that answer them: the store's may still hold the other one's executor.
  ASSERT_TRUE(run(store->size("o/c")));
}

TEST_F(S3StoreTest, a_file_that_is_not_what_was_promised_is_never_stored) {
  for (const std::size_t size : {part / 2, 3 * part}) {
    auto source = file(size);
    source.checksum = to_hex(sha256("something else"));
    const auto refused = put("o/c", source);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, "object_checksum_mismatch");
    EXPECT_TRUE(service.objects().empty());
    EXPECT_EQ(service.open_uploads(), 0u);
  }
}

TEST_F(S3StoreTest, keys_that_lead_elsewhere_are_refused) {
  const auto source = file(1);
  for (const char* key : {"", "../x", "a//b", "/a", "a/", ".probe/x"}) {
    EXPECT_EQ(put(key, source).error().code, "object_key_invalid") << key;
    EXPECT_EQ(run(store->read(key, 0, 1)).error().code, "object_key_invalid") << key;
    EXPECT_EQ(run(store->remove(key)).error().code, "object_key_invalid") << key;
  }
}

// The n-th request of a put fails, for every n and in every way: the caller is told that it may try
// again, the second attempt stores it, and nothing is left open.
TEST_F(S3StoreTest, whatever_fails_of_a_put_the_next_attempt_stores_it) {
  const std::vector<How> ways{How::error_500,   How::slow_down,  How::forbidden,    How::bad_signature,
                              How::no_bucket,   How::hang,       How::reset,        How::reset_in_body,
                              How::lost_answer, How::wrong_etag, How::error_in_200, How::truncated};
  int tried = 0;
  for (const std::size_t size : {part / 2, 2 * part + 7}) {
    const auto source = file(size);
    const int most = size < part ? 1 : 7;  // leftovers, begin, three parts, join, size
    for (int n = 1; n <= most; ++n)
      for (const How how : ways) {
        const std::string key = "o/call_" + std::to_string(++tried);
        service.fault({.at = n, .how = how});
        const auto first = put(key, source);
        service.release();
        ASSERT_EQ(service.faults(), 1) << "n " << n;
        if (!first) EXPECT_EQ(first.error().kind, Fault::unavailable) << int(how) << " at " << n;
        if (first) EXPECT_EQ(service.objects().at("voxanne/" + key), source.bytes);
        service.fault({});
        ASSERT_TRUE(put(key, source)) << int(how) << " at " << n;
        EXPECT_EQ(service.objects().at("voxanne/" + key), source.bytes);
        ASSERT_EQ(service.open_uploads(), 0u) << int(how) << " at " << n;
      }
  }
}

// The same, of a process that is gone at its n-th request and cannot clean up.
TEST_F(S3StoreTest, what_a_killed_process_left_is_aborted_by_the_next_attempt_or_the_removal) {
  const auto source = file(3 * part);
  for (int n = 1; n <= 14; ++n) {
    const bool removed = n > 7;
    const int at = removed ? n - 7 : n;
    const std::string key = "o/call_" + std::to_string(n);
    {
      async::LoopThread doomed{"doomed"};
      S3Store mortal{doomed.executor(), clock, workers, "node-1", options()};
      service.fault({.at = at, .how = How::hang});
      async::asio::co_spawn(doomed.executor(), mortal.put(key, source.path, source.checksum),
                            [](std::exception_ptr, Result<>) {});
      ASSERT_TRUE(service.wait_for_faults(1, 5s)) << n;
      doomed.stop();  // in the middle of it, and nothing is said to the service
    }
    service.release();
    service.fault({});
    EXPECT_EQ(service.open_uploads(), at > 2 && at < 7 ? 1u : 0u) << n;
    if (removed) {
      ASSERT_TRUE(run(store->remove(key))) << n;
      EXPECT_FALSE(service.objects().contains("voxanne/" + key));
      EXPECT_EQ(service.open_uploads(), 0u) << n;
      continue;
    }
    ASSERT_TRUE(put(key, source)) << n;
    EXPECT_EQ(service.objects().at("voxanne/" + key), source.bytes);
    EXPECT_EQ(service.open_uploads(), 0u) << n;
  }
}

TEST_F(S3StoreTest, a_removal_that_cannot_look_for_parts_is_tried_again) {
  ASSERT_TRUE(put("o/c", file(1)));
  service.fault({.at = 2, .how = How::error_500});
  EXPECT_EQ(run(store->remove("o/c")).error().kind, Fault::unavailable);
  EXPECT_FALSE(service.objects().contains("voxanne/o/c"));
  service.fault({});
  EXPECT_TRUE(run(store->remove("o/c")));
  EXPECT_EQ(refusal(501, {}, "", options(), UtcTime{}).kind, Fault::impossible) << "there, nothing is open";
}

TEST_F(S3StoreTest, what_fails_of_a_read_is_told_and_never_half_an_answer) {
  const auto source = file(part - 1);
  ASSERT_TRUE(put("o/c", source));
  for (const How how : {How::error_500, How::slow_down, How::forbidden, How::no_bucket, How::hang, How::reset,
                        How::truncated}) {
    service.fault({.at = 1, .how = how, .for_good = true});
    for (const auto& error :
         {run(store->read("o/c", 0, part)).error(), run(store->size("o/c")).error(),
          how == How::truncated ? unavailable("", "") : run(store->remove("o/c")).error(),
          how == How::truncated ? unavailable("", "") : run(store->list("", "", 10)).error()})
      EXPECT_EQ(error.kind, Fault::unavailable) << int(how);
    service.release();
  }
  service.fault({.at = 1, .how = How::slow, .for_good = true});
  EXPECT_EQ(run(store->read("o/c", 0, part)).value(), source.bytes) << "slow is not away";
}

TEST_F(S3StoreTest, a_refusal_says_how_to_mend_it) {
  const auto said = [&](int status, const std::string& code, const std::string& more = "") {
    return refusal(status, {}, "<Error><Code>" + code + "</Code>" + more + "</Error>", options(), UtcTime{});
  };
  EXPECT_THAT(said(404, "NoSuchBucket").message, HasSubstr("no bucket calls"));
  EXPECT_THAT(said(403, "InvalidAccessKeyId").message, HasSubstr("S3_ACCESS_KEY_ID"));
  EXPECT_THAT(said(403, "SignatureDoesNotMatch").message, HasSubstr("S3_SECRET_ACCESS_KEY"));
  EXPECT_THAT(said(403, "AccessDenied").message, HasSubstr("s3:PutObject"));
  EXPECT_THAT(said(403, "RequestTimeTooSkewed").message, HasSubstr("clock"));
  EXPECT_THAT(said(400, "AuthorizationHeaderMalformed", "<Region>eu-north-1</Region>").message,
              HasSubstr("its region is eu-north-1"));
  EXPECT_THAT(said(403, "X<script>").message, testing::Not(HasSubstr("script")));
  net::Headers busy;
  busy.add("Retry-After", "7");
  EXPECT_EQ(refusal(503, busy, "", options(), UtcTime{}).retry_after, seconds{7});
  for (const auto& error :
       {said(404, "NoSuchBucket"), said(403, "AccessDenied"), said(500, ""), said(400, "x")})
    EXPECT_EQ(error.kind, Fault::unavailable) << "nothing is lost by waiting";
}

TEST_F(S3StoreTest, the_probe_writes_first_then_reads_and_sees_it_go_and_come) {
  ASSERT_TRUE(run(store->probe()));
  EXPECT_TRUE(service.objects().contains("voxanne/.probe/node-1"));
  ASSERT_TRUE(run(store->probe()));
  service.remove("voxanne/.probe/node-1");
  EXPECT_TRUE(run(store->probe())) << "somebody tidied up";
  service.set_away(true);
  EXPECT_EQ(run(store->probe()).error().code, "object_store_unavailable");
  service.remove("voxanne/.probe/node-1");
  service.set_away(false);
  EXPECT_TRUE(run(store->probe()));
  EXPECT_TRUE(service.objects().contains("voxanne/.probe/node-1")) << "it is back when a write says so";
  // A write that was refused is looked into.
  service.remove("voxanne/.probe/node-1");
  service.fault({.at = 1, .how = How::forbidden});
  EXPECT_FALSE(put("o/c", file(1)));
  EXPECT_TRUE(run(store->probe()));
  EXPECT_TRUE(service.objects().contains("voxanne/.probe/node-1"));
}

TEST_F(S3StoreTest, a_link_names_the_object_and_its_file_and_no_secret) {
  const auto link = store->link("harbour/call_1.ogg", 1h, "inline; filename=\"call_1.ogg\"").value();
  EXPECT_TRUE(link.starts_with(service.endpoint() + "/calls/voxanne/harbour/call_1.ogg?")) << link;
  EXPECT_THAT(link, HasSubstr("X-Amz-Expires=3600"));
  EXPECT_THAT(link, HasSubstr("response-content-disposition=inline%3B%20filename%3D%22call_1.ogg%22"));
  EXPECT_THAT(link, testing::Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace voxanne::recordings::s3
