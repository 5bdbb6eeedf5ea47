#include "api/identity.h"

#include <algorithm>

namespace voxanne::api {

namespace {

constexpr Scope all_scopes[] = {Scope::read, Scope::write, Scope::calls};

}  // namespace

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

std::string_view to_string(Scope scope) {
  switch (scope) {
    case Scope::read:
      return "read";
    case Scope::write:
      return "write";
    case Scope::calls:
      return "calls";
  }
  return "read";
}

std::optional<Scope> parse_scope(std::string_view text) {
  for (const Scope scope : all_scopes)
    if (text == to_string(scope)) return scope;
  return std::nullopt;
}

std::string to_string(Scopes scopes) {
  std::string text;
  for (const Scope scope : all_scopes)
    if (scopes.has(scope)) text.append(text.empty() ? "" : ",").append(to_string(scope));
  return text;
}

std::optional<Scopes> parse_scopes(std::string_view text) {
  Scopes scopes;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    const auto scope = parse_scope(text.substr(0, comma));
    if (!scope) return std::nullopt;
    scopes.add(*scope);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return scopes;
}

Result<> check_allowed(const Identity& identity, Role role, std::optional<Scope> scope) {
  if (identity.key) {
    if (scope && identity.key->has(*scope)) return {};
    return Error{Fault::forbidden, "scope_missing",
                 scope ? "this needs an API key with the scope " + std::string{to_string(*scope)} +
                             "; this key has " + to_string(*identity.key)
                       : "this is a person's to do: API keys cannot, whatever their scopes"};
  }
  if (identity.role < role)
    return Error{Fault::forbidden, "role_too_low",
                 "this needs the role " + std::string{to_string(role)} + "; yours is " +
                     std::string{to_string(identity.role)}};
  return {};
}

}  // namespace voxanne::api
