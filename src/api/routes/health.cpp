// /health: for people, load balancers and orchestrators.
#include "api/routes/endpoints.h"

#include <stdexcept>

namespace voxanne::api {

Answer get_health(Services& services, Context&) { co_return services.health.health(); }
Answer get_live(Services& services, Context&) { co_return services.health.live(); }
Answer get_ready(Services& services, Context&) { co_return services.health.ready(); }

Answer get_metrics(Services& services, Context& context) {
  if (auto allowed = services.authenticator.check_operator_or_local(context.request); !allowed)
    co_return allowed.error();
  if (!services.metrics) co_return not_found("no_metrics", "this server keeps no metrics");
  auto response = net::Response::text(200, services.metrics->text());
  response.headers.set("Content-Type", ops::Metrics::content_type);
  response.headers.set("Cache-Control", "no-store");
  co_return response;
}

// Thrown, so that it takes the way of every error that nobody expected.
Answer raise_test_error(Services&, Context&) {
  throw std::runtime_error("raised on purpose by POST /api/test-error");
  co_return net::Response::empty();
}

}  // namespace voxanne::api
