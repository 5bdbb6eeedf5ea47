#include "app/secrets.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace voxanne::app {
namespace {

Error unusable(const std::filesystem::path& path, const char* what) {
  return unavailable("data_dir_unusable", "cannot " + std::string{what} + " " + path.string() + ": " +
                                              std::strerror(errno) +
                                              "; set DATA_DIR to a directory that this user may write to");
}

Result<Secret> read_key(int fd, const std::filesystem::path& path) {
  std::string text(128, '\0');
  const ssize_t count = read(fd, text.data(), text.size());
  if (count < 0) return unusable(path, "read");
  text.resize(std::size_t(count));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (text.size() < 32)
    return internal("bad_secret_key",
                    path.string() +
                        " is damaged: it must hold at least 32 characters; restore it from a "
                        "backup, since local tokens and signed URLs depend on it");
  return Secret{std::move(text)};
}

}  // namespace

Result<> prepare_data_dir(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) {
    errno = error.value();
    return unusable(directory, "create");
  }
  if (access(directory.c_str(), R_OK | W_OK | X_OK) != 0) return unusable(directory, "write to");
  static_cast<void>(chmod(directory.c_str(), 0700));
  return {};
}

Result<Secret> root_secret(const Config& config) {
  if (!config.secret_key.empty()) return config.secret_key;
  const auto path = config.data_dir / "secret.key";
  if (const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC); fd >= 0) {
    auto key = read_key(fd, path);
    close(fd);
    return key;
  }
  if (errno != ENOENT) return unusable(path, "open");

  // Written aside and linked into place, so that a crash never leaves half a key and of two
  // processes that start together one key wins.
  const std::string text = to_hex(random_bytes(32)) + "\n";
  const auto temporary = config.data_dir / ("secret.key." + std::to_string(getpid()));
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return unusable(temporary, "create");
  const bool written = write(fd, text.data(), text.size()) == ssize_t(text.size()) && fsync(fd) == 0;
  close(fd);
  const bool linked = written && (link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
  unlink(temporary.c_str());
  if (!linked) return unusable(path, "write");
  const int made = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (made < 0) return unusable(path, "open");
  auto key = read_key(made, path);
  close(made);
  return key;
}

Result<api::TokenKey> local_key(const Secret& root) {
  return api::TokenKey::make(derive_key(root, "local-tokens"));
}

Result<api::TokenKey> signing_key(const Config& config, const Secret& root) {
  return config.jwt_secret.empty() ? local_key(root) : api::TokenKey::make(config.jwt_secret);
}

}  // namespace voxanne::app
