#include "net/tls_identity.h"

#include "support/certificate.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

namespace voxanne::net {
namespace {

namespace fs = std::filesystem;

constexpr UtcTime first_until{std::chrono::sys_days{std::chrono::year{2030} / 1 / 1}},
    second_until{std::chrono::sys_days{std::chrono::year{2031} / 1 / 1}};

class TlsIdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::copy_file(first.certificate, files.certificate);
    fs::copy_file(first.key, files.key);
    auto loaded = TlsIdentity::load(files);
    ASSERT_TRUE(loaded) << loaded.error().message;
    identity = *loaded;
  }
  std::string look() {
    const auto changed = identity->reload_if_changed();
    return !changed ? changed.error().code : *changed ? "renewed" : "the same";
  }
  // As certbot and cert-manager do it: a new file takes the place of the former.
  void put(const fs::path& from, const fs::path& to) {
    fs::copy_file(from, directory / "new");
    fs::rename(directory / "new", to);
  }

  test::TempDir directory;
  const test::Certificate first = test::make_certificate(directory.path(), "first", first_until),
                          second = test::make_certificate(directory.path(), "second", second_until);
  const TlsFiles files{.certificate = directory / "served.crt", .key = directory / "served.key"};
  std::shared_ptr<TlsIdentity> identity;
};

TEST_F(TlsIdentityTest, files_are_read_again_once_they_are_other_ones) {
  EXPECT_EQ(identity->valid_until(), first_until);
  EXPECT_EQ(look(), "the same");
  put(second.certificate, files.certificate);
  EXPECT_EQ(look(), "key_mismatch");
  EXPECT_EQ(look(), "the same") << "told once";
  EXPECT_EQ(identity->valid_until(), first_until) << "the former goes on";
  put(second.key, files.key);
  EXPECT_EQ(look(), "renewed");
  EXPECT_EQ(identity->valid_until(), second_until);
}

TEST_F(TlsIdentityTest, a_key_that_comes_while_the_former_is_read_is_not_missed) {
  put(second.certificate, files.certificate);
  // The former key as a pipe: whoever reads it waits until the new one has taken its place.
  ASSERT_EQ(mkfifo((directory / "pipe").c_str(), 0600), 0);
  fs::rename(directory / "pipe", files.key);
  std::thread renewal{[&] {
    const int pipe = open(files.key.c_str(), O_WRONLY);
    put(second.key, files.key);
    std::ifstream file{first.key};
    const std::string former{std::istreambuf_iterator<char>{file}, {}};
    EXPECT_EQ(write(pipe, former.data(), former.size()), ssize_t(former.size()));
    close(pipe);
  }};
  EXPECT_EQ(look(), "key_mismatch");
  renewal.join();
  EXPECT_EQ(look(), "renewed");
  EXPECT_EQ(identity->valid_until(), second_until);
}

}  // namespace
}  // namespace voxanne::net
