#include "base/seal.h"

#include <sodium.h>

namespace voxanne {
namespace {

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

}  // namespace

std::string Seal::close(std::string_view text) const {
  std::string sealed = random_bytes(crypto_secretbox_NONCEBYTES);
  const std::string nonce = sealed;
  std::string box(text.size() + crypto_secretbox_MACBYTES, '\0');
  crypto_secretbox_easy(bytes(box), bytes(text), text.size(), bytes(std::string_view{nonce}),
                        bytes(key_.reveal()));
  return to_base64url(sealed + box);
}

Result<Secret> Seal::open(std::string_view sealed) const {
  const Error broken =
      internal("seal_broken",
               "what is sealed cannot be opened: was SECRET_KEY changed, or DATA_DIR/secret.key "
               "not restored with the database?");
  std::string raw;
  if (!from_base64url(sealed, raw) || raw.size() < crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES)
    return broken;
  const std::string_view all = raw;
  const auto box = all.substr(crypto_secretbox_NONCEBYTES);
  std::string text(box.size() - crypto_secretbox_MACBYTES, '\0');
  if (crypto_secretbox_open_easy(bytes(text), bytes(box), box.size(), bytes(all), bytes(key_.reveal())) != 0)
    return broken;
  return Secret{std::move(text)};
}

}  // namespace voxanne
