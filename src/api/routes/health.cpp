// /health: for people, load balancers and orchestrators.
#include "api/routes/endpoints.h"

namespace voxanne::api {

Answer get_health(Services& services, Context&) { co_return services.health.health(); }
Answer get_live(Services& services, Context&) { co_return services.health.live(); }
Answer get_ready(Services& services, Context&) { co_return services.health.ready(); }

}  // namespace voxanne::api
