// Signatures of what we send, by the Standard Webhooks specification: HMAC-SHA256 over
// "id.timestamp.payload" by a secret that its receiver knows as "whsec_" and base64. Pure; any thread.
#pragma once

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::notify {

Secret make_webhook_secret();  // 32 random bytes

// The value of webhook-signature: one "v1,…" for each secret, separated by spaces, so that a receiver
// that knows either is satisfied while they are rotated. A secret not of our form is left out.
std::string webhook_signature(const std::vector<Secret>& secrets, std::string_view id, UtcTime at,
                              std::string_view payload);
// The value of webhook-timestamp: seconds.
std::string webhook_timestamp(UtcTime at);

}  // namespace voxanne::notify
