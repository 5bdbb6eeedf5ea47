#include "net/tls_identity.h"

#include <boost/asio/ssl/context.hpp>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace voxanne::net {

namespace {

namespace ssl = boost::asio::ssl;

// Forward secrecy and authenticated encryption only (RFC 9325 §4.2); TLS 1.3 has no others.
constexpr const char* tls12_ciphers =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

Error bad_certificate(const std::filesystem::path& path, const std::string& what) {
  return malformed("bad_certificate", "TLS_CERT " + path.string() + " " + what);
}
Error bad_key(const std::filesystem::path& path, const std::string& what) {
  return malformed("bad_key", "TLS_KEY " + path.string() + " " + what);
}

// The reason that OpenSSL gives, and an empty queue of them.
std::string openssl_reason() {
  const auto code = ERR_peek_last_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason ? reason : "no reason given";
  ERR_clear_error();
  return text;
}

Result<std::string> content_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream content;
  if (!file || !(content << file.rdbuf()))
    return malformed("unreadable", "cannot be read: " + std::string{std::strerror(errno)});
  return std::move(content).str();
}

std::string stamp_of(const TlsFiles& files) {
  std::string stamp;
  for (const auto& path : {files.certificate, files.key}) {
    struct stat seen{};
    if (::stat(path.c_str(), &seen) != 0) seen = {};
    for (const auto part : {std::int64_t(seen.st_mtim.tv_sec), std::int64_t(seen.st_mtim.tv_nsec),
                            std::int64_t(seen.st_size), std::int64_t(seen.st_ino)})
      stamp += std::to_string(part) + " ";
  }
  return stamp;
}

// RFC 7301 §3.2: without a protocol in common the handshake fails rather than being misunderstood.
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  static constexpr unsigned char http11[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const int found =
      SSL_select_next_proto(&chosen, out_size, http11, sizeof http11 - 1, offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// A passphrase cannot be asked for.
int no_passphrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

UtcTime valid_until_of(SSL_CTX* context) {
  std::tm parts{};
  const X509* certificate = SSL_CTX_get0_certificate(context);
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) return {};
  return UtcTime{std::chrono::seconds{::timegm(&parts)}};
}

void harden(ssl::context& context) {
  SSL_CTX* const native = context.native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);  // 34 kB less for each idle connection
  SSL_CTX_set_cipher_list(native, tls12_ciphers);
  SSL_CTX_set_alpn_select_cb(native, choose_protocol, nullptr);
}

}  // namespace

Result<TlsIdentity::Loaded> TlsIdentity::read(const TlsFiles& files) {
  Loaded loaded{.context = std::make_shared<ssl::context>(ssl::context::tls_server)};
  harden(*loaded.context);
  SSL_CTX* const native = loaded.context->native_handle();
  ERR_clear_error();

  const auto certificate = content_of(files.certificate);
  if (!certificate) return bad_certificate(files.certificate, certificate.error().message);
  boost::system::error_code failed;
  loaded.context->use_certificate_chain(boost::asio::buffer(*certificate), failed);
  if (failed)
    return bad_certificate(
        files.certificate,
        "holds no certificate in PEM (\"-----BEGIN CERTIFICATE-----\", the server's own first, "
        "then its chain): " +
            openssl_reason());

  const auto key = content_of(files.key);
  if (!key) return bad_key(files.key, key.error().message);
  const std::unique_ptr<BIO, decltype(&BIO_free)> text{BIO_new_mem_buf(key->data(), int(key->size())),
                                                       BIO_free};
  bool encrypted = false;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> parsed{
      PEM_read_bio_PrivateKey(text.get(), nullptr, no_passphrase, &encrypted), EVP_PKEY_free};
  if (!parsed && encrypted)
    return bad_key(files.key,
                   "is encrypted: keep it without a passphrase (`openssl pkey -in KEY -out PLAIN`), "
                   "readable by the server alone");
  if (!parsed)
    return bad_key(files.key,
                   "holds no private key in PEM (\"-----BEGIN PRIVATE KEY-----\"): " + openssl_reason());
  if (X509_check_private_key(SSL_CTX_get0_certificate(native), parsed.get()) != 1) {
    ERR_clear_error();
    return malformed("key_mismatch", "TLS_KEY " + files.key.string() + " is not the key of TLS_CERT " +
                                         files.certificate.string() +
                                         ": its first certificate must be the server's own");
  }
  if (SSL_CTX_use_PrivateKey(native, parsed.get()) != 1)
    return bad_key(files.key, "cannot be used: " + openssl_reason());
  loaded.valid_until = valid_until_of(native);
  return loaded;
}

Result<std::shared_ptr<TlsIdentity>> TlsIdentity::load(TlsFiles files) {
  auto stamp = stamp_of(files);
  auto loaded = read(files);
  if (!loaded) return loaded.error();
  loaded->stamp = std::move(stamp);
  return std::shared_ptr<TlsIdentity>{new TlsIdentity{std::move(files), std::move(*loaded)}};
}

Result<> TlsIdentity::reload() {
  auto stamp = stamp_of(files_);  // before reading: a file that comes meanwhile is looked at the next time
  auto loaded = read(files_);
  const std::lock_guard lock{mutex_};
  if (loaded) loaded_ = std::move(*loaded);
  loaded_.stamp = std::move(stamp);  // also of what does not work, which is told once
  if (!loaded) return loaded.error();
  return {};
}

Result<bool> TlsIdentity::reload_if_changed() {
  const auto now = stamp_of(files_);
  {
    const std::lock_guard lock{mutex_};
    if (now == loaded_.stamp) return false;
  }
  if (auto loaded = reload(); !loaded) return loaded.error();
  return true;
}

UtcTime TlsIdentity::valid_until() const {
  const std::lock_guard lock{mutex_};
  return loaded_.valid_until;
}

TlsIdentity::Context TlsIdentity::context() const {
  const std::lock_guard lock{mutex_};
  return loaded_.context;
}

}  // namespace voxanne::net
