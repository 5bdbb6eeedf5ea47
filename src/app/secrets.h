// The root secret and the keys derived from it. Where SECRET_KEY is not set it is made once in the
// data directory (mode 0600) and found again at every start.
#pragma once

#include "api/token.h"
#include "app/config.h"
#include "base/result.h"
#include "base/secret.h"

namespace voxanne::app {

// Creates the data directory (mode 0700) when it is missing. Errors: unavailable (data_dir_unusable).
Result<> prepare_data_dir(const std::filesystem::path& directory);
Result<Secret> root_secret(const Config& config);

// What `voxanne token` signs with: JWT_SECRET where it is set, else a key derived from the root.
Result<api::TokenKey> signing_key(const Config& config, const Secret& root);
// What the server accepts: the derived key always, JWT_SECRET where it is set.
Result<api::TokenKey> local_key(const Secret& root);

}  // namespace voxanne::app
