// cjose's objects with their owners. Private to api.
#pragma once

extern "C" {
#include <cjose/cjose.h>
}

#include <memory>

namespace voxanne::api::cjose {

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* handle) const {
    Release(handle);
  }
};
using Jws = std::unique_ptr<cjose_jws_t, Releaser<cjose_jws_release>>;
using Header = std::unique_ptr<cjose_header_t, Releaser<cjose_header_release>>;
using Jwk = std::unique_ptr<cjose_jwk_t, Releaser<cjose_jwk_release>>;

// Whether this key signed this text. cjose takes the algorithm from the text's header: whoever calls
// has made sure that it is the key's own.
inline bool verified(std::string_view token, const cjose_jwk_t* key) {
  cjose_err failed{};
  const Jws jws{cjose_jws_import(token.data(), token.size(), &failed)};
  return jws && cjose_jws_verify(jws.get(), key, &failed);
}

}  // namespace voxanne::api::cjose
