#include "support/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace voxanne::test {

namespace {

void must(bool done) {
  if (!done) throw std::runtime_error("OpenSSL makes no certificate");
}

template <class T>
T* must(T* made) {
  must(made != nullptr);
  return made;
}

time_t at(UtcTime time) { return time_t(to_unix_ms(time) / 1'000); }

void extend(X509* certificate, int kind, const char* value) {
  const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension{
      must(X509V3_EXT_conf_nid(nullptr, nullptr, kind, value)), X509_EXTENSION_free};
  must(X509_add_ext(certificate, extension.get(), -1) == 1);
}

std::unique_ptr<BIO, decltype(&BIO_free)> written(const std::filesystem::path& path) {
  return {must(BIO_new_file(path.c_str(), "w")), BIO_free};
}

}  // namespace

Certificate make_certificate(const std::filesystem::path& directory, const std::string& name, UtcTime until) {
  const Certificate files{directory / (name + ".crt"), directory / (name + ".key")};
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{must(EVP_EC_gen("P-256")), EVP_PKEY_free};
  const std::unique_ptr<X509, decltype(&X509_free)> made{must(X509_new()), X509_free};
  must(X509_set_version(made.get(), X509_VERSION_3) == 1);
  must(ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1) == 1);
  must(ASN1_TIME_set(X509_getm_notBefore(made.get()), at(until - std::chrono::days{90})));
  must(ASN1_TIME_set(X509_getm_notAfter(made.get()), at(until)));
  X509_NAME* const subject = X509_get_subject_name(made.get());
  must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                  reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0) == 1);
  must(X509_set_issuer_name(made.get(), subject) == 1);
  must(X509_set_pubkey(made.get(), key.get()) == 1);
  extend(made.get(), NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  extend(made.get(), NID_basic_constraints, "critical,CA:TRUE");
  must(X509_sign(made.get(), key.get(), EVP_sha256()) > 0);
  must(PEM_write_bio_X509(written(files.certificate).get(), made.get()) == 1);
  must(PEM_write_bio_PrivateKey(written(files.key).get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) ==
       1);
  return files;
}

}  // namespace voxanne::test
