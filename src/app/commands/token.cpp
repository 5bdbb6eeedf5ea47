#include "app/commands/command.h"
#include "app/secrets.h"

#include <iostream>

namespace voxanne::app {
namespace {

struct Options {
  std::string org, role = "viewer", ttl = "1h", subject = "voxanne-cli";
};

Result<std::string> make_token(const Config& config, const Options& options) {
  if (!is_sane_id(options.org))
    return malformed("bad_usage",
                     "--org: an organization's id has 1 to 128 characters of A-Z a-z 0-9 . _ : @ + -");
  const auto role = api::parse_role(options.role);
  if (!role) return malformed("bad_usage", "--role: allowed are owner, manager, viewer");
  const auto ttl = parse_duration(options.ttl);
  if (!ttl) return malformed("bad_usage", "--ttl: allowed is a number with s, m, h or d, such as 1h");
  if (auto prepared = prepare_data_dir(config.data_dir); prepared.has_error()) return prepared.error();
  const auto root = root_secret(config);
  if (root.has_error()) return root.error();
  const auto key = signing_key(config, *root);
  if (key.has_error()) return key.error();
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  return key->sign({.org = OrgId{options.org},
                    .role = *role,
                    .subject = options.subject,
                    .issuer = config.jwt_issuer,
                    .audience = config.jwt_audience,
                    .issued_at = now,
                    .expires_at = now + *ttl});
}

}  // namespace

void add_token(CommandLine& line) {
  auto options = std::make_shared<Options>();
  auto* command = line.parser.add_subcommand("token", "print a token signed with the configured secret");
  command->add_option("--org", options->org, "the organization it speaks for")->required();
  command->add_option("--role", options->role, "owner, manager or viewer")->capture_default_str();
  command->add_option("--ttl", options->ttl, "how long it is valid: 90, 15m, 1h, 7d")->capture_default_str();
  command->add_option("--subject", options->subject, "whom it names")->capture_default_str();
  command->callback([&line, options] {
    const auto config = line.configuration();
    if (!config) return;
    const auto token = make_token(*config, *options);
    if (token.has_error()) return line.fail(token.error());
    std::cout << *token << '\n';
  });
}

}  // namespace voxanne::app
