// Who is asking: the organization a credential speaks for and what it may do there.
#pragma once

#include "base/ids.h"
#include "base/result.h"
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

// What an API key is for; a key has one or more, none includes another.
//
//   read    what a viewer sees: calls, recordings, knowledge, live events
//   write   what a manager changes: knowledge, assistants, numbers, messages
//   calls   places, joins and ends calls
//
// Members, invitations and keys themselves are the owner's: no key reaches them, nor webhooks.
enum class Scope : std::uint8_t { read = 1, write = 2, calls = 4 };
std::string_view to_string(Scope scope);
std::optional<Scope> parse_scope(std::string_view text);

class Scopes {
 public:
  Scopes() = default;
  Scopes(std::initializer_list<Scope> scopes) {
    for (const Scope scope : scopes) add(scope);
  }
  void add(Scope scope) { bits_ |= static_cast<std::uint8_t>(scope); }
  bool has(Scope scope) const { return (bits_ & static_cast<std::uint8_t>(scope)) != 0; }
  bool empty() const { return bits_ == 0; }
  bool operator==(const Scopes&) const = default;

 private:
  std::uint8_t bits_ = 0;
};
std::string to_string(Scopes scopes);  // "read,calls"
// The same text; nullopt on an unknown word.
std::optional<Scopes> parse_scopes(std::string_view text);

struct Identity {
  OrgId org;
  Role role = Role::viewer;
  std::string subject;          // the token's `sub`, an account's or a key's id; may be empty
  UtcTime expires_at{};         // the token's `exp`
  bool development = false;     // nobody showed a token: the development convenience
  bool role_is_stated = false;  // by the token itself; else the membership decides
  std::string session{};        // of a login here; empty for tokens from elsewhere
  std::optional<Scopes> key{};  // an API key: what it is for
};

// Whether somebody may do what needs the role of a person and the scope of an API key; no scope: no key may.
// Errors: forbidden (role_too_low, scope_missing).
Result<> check_allowed(const Identity& identity, Role role, std::optional<Scope> scope);

}  // namespace voxanne::api
