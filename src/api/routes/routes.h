// Every route of the API, declared in one table (routes.cpp): what the router is filled from, the
// isolation tests walk and the OpenAPI description is generated from.
//
//   Services services{…};
//   add_routes(router, services);        // both outlive the server
#pragma once

#include "api/router.h"
#include "async/clock.h"
#include "calls/call_control.h"
#include "events/live_hub.h"
#include "ops/health.h"
#include "ops/metrics.h"
#include "store/prompt_store.h"

#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace voxanne::api {
class Accounts;
class Credentials;
}  // namespace voxanne::api
namespace voxanne {
class Seal;
}
namespace voxanne::knowledge {
class Retriever;
struct DocumentReader;
}  // namespace voxanne::knowledge
namespace voxanne::housekeeping {
class Eraser;
}
namespace voxanne::jobs {
class Scheduler;
}
namespace voxanne::notify {
class Targets;
}
namespace voxanne::recordings {
class Playback;
class UrlSigner;
}  // namespace voxanne::recordings
namespace voxanne::telephony::browser {
class Gateway;
}

namespace voxanne::api {

// What the endpoints need of the house. All of it outlives the server; all of it may be used from
// every web shard.
struct Services {
  store::PromptStore& store;
  async::Clock& clock;
  Authenticator& authenticator;
  Accounts& accounts;
  const Credentials& credentials;
  calls::CallControl& calls;
  events::Bus& bus;
  events::LiveHub& live;
  ops::Health& health;
  telephony::browser::Gateway& browser_calls;
  recordings::Playback& playback;
  const recordings::UrlSigner& signer;
  std::string public_url;  // before "/storage/…", no slash at its end; empty: as the client called us
  const knowledge::DocumentReader& documents;
  knowledge::Retriever& retriever;
  const Seal& seal;  // of webhooks' secrets
  const notify::Targets& webhook_targets;
  // What an organization knows, or a name its callers may say, has changed; may be empty.
  std::function<void(const OrgId& org)> knowledge_changed{};
  // A recording waits to be stored; may be empty.
  std::function<void()> upload_queued{};
  // Where recordings are fetched from besides us, for the page's policy: "https://s3.example.com".
  std::string recordings_origin{};
  // Something was queued to be told outward (webhooks, e-mail).
  std::function<void()> outward_queued = [] {};
  // /metrics; absent: 404.
  const ops::Metrics* metrics = nullptr;
  // Whose time tables /api/admin/jobs shows; absent: none.
  const jobs::Scheduler* jobs = nullptr;
  // Of an organization's requests; absent: no limit.
  RateLimiter* limiter = nullptr;
  // Erasure of calls and contacts; absent: 404.
  housekeeping::Eraser* eraser = nullptr;
};

using ServiceEndpoint = async::Task<Result<net::Response>> (*)(Services&, Context&);

inline constexpr std::size_t default_max_body = 1024 * 1024;

// What goes in and out, in the words of openapi_components.json.
struct Shape {
  std::string_view answer{};  // schema of the 200; empty: 204, or not JSON
  std::string_view body{};    // schema of the request's body
  std::string_view query{};   // parameters' names, separated by spaces
};

struct Declaration {
  Method method;
  std::string_view path;
  ServiceEndpoint endpoint;
  std::optional<Role> role;  // nullopt: open, or checked by the endpoint itself
  std::string_view summary;
  Shape shape{};
  std::size_t max_body = default_max_body;
  std::optional<Scope> scope{};  // of API keys; by the role when nothing is said (Route)
  bool persons_only = false;     // closed to API keys; what is the owner's is so anyway
  bool holds_secret = false;     // the answer does: it is never kept for an Idempotency-Key
};

std::span<const Declaration> declarations();
void add_routes(Router& router, Services& services);

}  // namespace voxanne::api
