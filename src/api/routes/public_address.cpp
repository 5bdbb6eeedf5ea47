// How the world calls us, for links that leave in answers.
#include "api/routes/endpoints.h"

namespace voxanne::api {

std::string public_address(const Services& services, const net::Request& request) {
  if (!services.public_url.empty()) return services.public_url;
  const bool secure = services.authenticator.client(request).secure;
  return (secure ? "https://" : "http://") + std::string{request.headers.get("Host")};
}

}  // namespace voxanne::api
