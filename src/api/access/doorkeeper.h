// Whether whoever showed a good credential is still somebody: the answers that api's Authenticator
// asks for, from the database. An organization named by a token from elsewhere is made on first use,
// its subject then being what the token says; an erased one stays 403. A login ends with its session
// or membership, an API key with its row.
//
// The time of an API key's last use is kept here and written every 30 s in one batch.
//
// Owner: app. admit() and find_api_key() on any loop; start() and stop() as their comments say.
#pragma once

#include "api/access/credentials.h"
#include "api/identity.h"
#include "async/clock.h"
#include "async/task_group.h"
#include "net/http.h"
#include "store/api_keys.h"

#include <map>
#include <mutex>
#include <string>

namespace voxanne::api {

class Doorkeeper {
 public:
  // `executor`: of the loop that writes the times of use.
  Doorkeeper(store::Store& store, async::Clock& clock, const Credentials& credentials,
             async::Executor executor);

  // `ids`: of the request that is to be found in the log, should an organization be made. Errors:
  // unauthenticated, forbidden, those of the store; an unknown outcome is none here, where asking again finds
  // what there is.
  async::Task<Result<>> admit(Identity& identity, const net::RequestIds& ids);
  async::Task<Result<Identity>> find_api_key(std::string key);

  void start();
  async::Task<> stop();  // on that loop; writes what is left

 private:
  async::Task<Result<>> admit_login(Identity& identity);
  async::Task<Result<>> make_organization(const Identity& identity, const net::RequestIds& ids);
  async::Task<> write_uses();
  async::Task<> keep_writing();

  store::Store& store_;
  async::Clock& clock_;
  const Credentials& credentials_;
  std::mutex mutex_;  // guards used_
  std::map<std::pair<OrgId, ApiKeyId>, UtcTime> used_;
  async::TaskGroup tasks_;
};

}  // namespace voxanne::api
