// Who is asking: the organization a token speaks for and what it may do there.
#pragma once

#include "base/ids.h"
#include "base/time.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace voxanne::api {

// Each role may do what the ones before it may.
enum class Role : std::uint8_t { viewer, manager, owner };
std::string_view to_string(Role role);
std::optional<Role> parse_role(std::string_view text);

struct Identity {
  OrgId org;
  Role role = Role::viewer;
  std::string subject;       // the token's `sub`; may be empty
  UtcTime expires_at{};      // the token's `exp`
  bool development = false;  // nobody showed a token: the development convenience
};

}  // namespace voxanne::api
