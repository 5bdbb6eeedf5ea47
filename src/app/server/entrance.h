// Who may come in: our own logins and keys, tokens from elsewhere, and the demo's login.
//
// Owner: the front, which starts it before the routes and stops it after the last request.
#pragma once

#include "api/access/accounts.h"
#include "api/access/doorkeeper.h"
#include "api/auth.h"
#include "app/server/foundation.h"
#include "app/server/outward.h"
#include "store/prompt_store.h"

#include <optional>

namespace voxanne::app {

struct Entrance {
  Entrance(Foundation& house, store::PromptStore& kept, const Outward& told, const Secret& root);

  Result<> start(const Secret& root);
  void stop();

  Foundation& foundation;
  store::PromptStore& store;
  const Outward& outward;
  const api::Credentials credentials;
  api::Doorkeeper doorkeeper;
  api::Passwords passwords;
  std::optional<api::JwksSource> published;
  std::optional<api::Authenticator> authenticator;
  std::optional<api::Accounts> accounts;
  // In development: the demo organization's owner can sign in by demo_email and this. It is the same at
  // every start on the same data, and not to be guessed by whoever reads the source.
  std::optional<Secret> demo_password;

 private:
  void seed_demo(const Secret& root);
};

inline constexpr const char* demo_email = "owner@harbour-dental.example";

}  // namespace voxanne::app
