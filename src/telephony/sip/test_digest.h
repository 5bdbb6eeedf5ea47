// The client's side of digest authentication (RFC 2617 section 3.2.2), for tests.
#pragma once

#include "base/secret.h"
#include "telephony/sip/digest.h"

#include <cstdint>
#include <string>

#include "telephony/sip/libre.h"

namespace voxanne::telephony::sip {

struct DigestClient {
  std::string user = "anna", password = "secret", realm = "voxanne", uri = "sip:demo@host", nonce,
              count = "00000001", response{};

  void take(const std::string& challenge) {
    const auto start = challenge.find("nonce=\"") + 7;
    nonce = challenge.substr(start, challenge.find('"', start) - start);
  }

  DigestResponse respond(const std::string& method = "INVITE") {
    response = md5_of(md5_of(user + ":" + realm + ":" + password) + ":" + nonce + ":" + count +
                      ":c0ffee:auth:" + md5_of(method + ":" + uri));
    return {user, realm, nonce, uri, response, "auth", count, "c0ffee"};
  }

  std::string header(const std::string& method = "INVITE") {
    respond(method);
    return "Authorization: Digest username=\"" + user + "\", realm=\"" + realm + "\", nonce=\"" + nonce +
           "\", uri=\"" + uri + "\", response=\"" + response +
           "\", cnonce=\"c0ffee\", qop=auth, nc=" + count + "\r\n";
  }

 private:
  static std::string md5_of(const std::string& text) {
    std::uint8_t sum[MD5_SIZE];
    md5(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), sum);
    return to_hex({reinterpret_cast<const char*>(sum), sizeof sum});
  }
};

}  // namespace voxanne::telephony::sip
