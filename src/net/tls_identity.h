// The certificate that a listener shows and its key, from two PEM files. They can be replaced while
// the server runs: new connections see the new ones, and bad ones change nothing.
//
//   auto tls = TlsIdentity::load({.certificate = "cert.pem", .key = "key.pem"});
//   if (!tls) …                       // names the file and says how to mend it
//   if (auto again = (*tls)->reload(); !again) …   // the former one goes on serving
//
// TLS 1.2 and 1.3, AEAD ciphers with forward secrecy, ALPN http/1.1. Any thread.
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace voxanne::net {

struct TlsFiles {
  std::filesystem::path certificate;  // the leaf first, then its chain
  std::filesystem::path key;
};

class TlsIdentity {
 public:
  using Context = std::shared_ptr<boost::asio::ssl::context>;

  // Errors: malformed (bad_certificate, bad_key, key_mismatch).
  static Result<std::shared_ptr<TlsIdentity>> load(TlsFiles files);

  // Reads the files again, as load() does.
  Result<> reload();
  // The same when one of the files is another than the one last looked at; true: it was, and is served.
  Result<bool> reload_if_changed();

  UtcTime valid_until() const;
  Context context() const;  // for the next connection

 private:
  struct Loaded {
    Context context;
    UtcTime valid_until{};
    std::string stamp{};  // what the files were before they were read: times, sizes, inodes
  };
  explicit TlsIdentity(TlsFiles files, Loaded loaded)
      : files_(std::move(files)), loaded_(std::move(loaded)) {}
  static Result<Loaded> read(const TlsFiles& files);

  const TlsFiles files_;
  mutable std::mutex mutex_;
  Loaded loaded_;
};

}  // namespace voxanne::net
