// What signing in looks like over HTTP: `{accessToken, expiresIn, …}` and the refresh token as a
// cookie that pages cannot read (HttpOnly), other sites cannot send (SameSite=Strict), and only
// /api/auth receives. Secure unless the page is this machine's own, without TLS.
#pragma once

#include "api/access/accounts.h"
#include "api/router.h"
#include "api/routes/routes.h"

#include <optional>
#include <string>

namespace voxanne::api {

net::Response login_answer(const Services& services, const Context& context, const Accounts::Login& login);
// Takes the cookie back.
void forget_refresh_cookie(const Services& services, const Context& context, net::Response& response);

// The one refresh cookie; nullopt when there is none, or several, of which somebody planted one.
std::optional<std::string> refresh_cookie_of(const net::Headers& headers);

}  // namespace voxanne::api
