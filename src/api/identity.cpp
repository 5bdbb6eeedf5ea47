#include "api/identity.h"

namespace voxanne::api {

std::string_view to_string(Role role) {
  switch (role) {
    case Role::viewer:
      return "viewer";
    case Role::manager:
      return "manager";
    case Role::owner:
      return "owner";
  }
  return "viewer";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const Role role : {Role::viewer, Role::manager, Role::owner})
    if (text == to_string(role)) return role;
  return std::nullopt;
}

}  // namespace voxanne::api
