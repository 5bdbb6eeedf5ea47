// `voxanne org create` and `voxanne user reset`: the first owner and lost passwords, from the machine
// itself. They work on the database, beside a running server or without one, which notices within a
// minute.
#include "api/access/accounts.h"
#include "app/commands/command.h"
#include "app/secrets.h"
#include "app/server/outward.h"
#include "async/thread.h"
#include "store/sqlite/sqlite_store.h"

#include <filesystem>
#include <functional>
#include <iostream>

namespace voxanne::app {
namespace {

enum class Database { is_made, must_be_there };

// Opens what the accounts need, lets `work` use them, and says what went wrong.
void with_accounts(CommandLine& line, Database database,
                   const std::function<async::Task<Result<>>(api::Accounts&, const Config&)>& work) {
  const auto config = line.configuration();
  if (!config) return;
  // An empty one made in passing would only say that there is no such account.
  if (database == Database::must_be_there && !std::filesystem::exists(config->database_path()))
    return line.fail(
        not_found("database_not_found", "there is no database at " + config->database_path().string() +
                                            "; run this with the server's DATA_DIR and DATABASE_URL"));
  if (const auto prepared = prepare_data_dir(config->data_dir); prepared.has_error())
    return line.fail(prepared.error());
  const auto root = root_secret(*config);
  if (root.has_error()) return line.fail(root.error());
  auto own = local_key(*root);
  if (own.has_error()) return line.fail(own.error());
  auto store = store::SqliteStore::open({.path = config->database_path().string()});
  if (store.has_error()) return line.fail(store.error());
  async::SystemClock clock;
  async::LoopThread loop{"people"};  // which may still be answered when the store stops
  {
    api::Passwords passwords;
    const api::Credentials credentials{*root};
    store::PromptStore prompt{**store, clock};
    api::Accounts accounts{prompt, clock, passwords, credentials, std::move(*own), {}};
    if (const auto done = async::run_on(loop.executor(), work(accounts, *config)); done.has_error())
      line.fail(done.error());
    passwords.stop();
  }
  (*store)->stop();
}

async::Task<Result<>> create(api::Accounts& accounts, const Config& config, std::string name,
                             std::string email) {
  const auto founded = co_await accounts.found_organization(std::move(name), std::move(email));
  if (!founded) co_return founded.error();
  std::cout << "organization " << founded->org.str() << '\n';
  if (const auto* owner = std::get_if<api::Accounts::NewOwner>(&founded->owner)) {
    std::cout << "password " << owner->password.reveal() << '\n';
    co_return Result<>{};
  }
  const auto& invited = std::get<api::Accounts::Invited>(founded->owner);
  std::cout << "invitation " << page_of(config) << "/#/invitation/" << invited.token.reveal() << '\n';
  std::cerr
      << "There is an account of this address already. Whose it is nobody has proved, so that it owns the\n"
         "organization only after accepting this invitation with its password: take the link to the owner.\n"
         "Who does not know that password gets a new one by: voxanne user reset "
      << invited.invitation.email << '\n';
  co_return Result<>{};
}

async::Task<Result<>> reset(api::Accounts& accounts, std::string email) {
  const auto password = co_await accounts.reset(std::move(email));
  if (!password) co_return password.error();
  std::cout << "password " << password->reveal() << '\n';
  std::cerr << "Every login of this account has ended.\n";
  co_return Result<>{};
}

struct Options {
  std::string name, email;
};

}  // namespace

void add_org(CommandLine& line) {
  auto options = std::make_shared<Options>();
  auto* org = line.parser.add_subcommand("org", "organizations of this server");
  org->require_subcommand(1);
  auto* command = org->add_subcommand(
      "create", "make an organization and its owner; prints id and password, or an invitation");
  command->add_option("NAME", options->name, "its name")->required();
  command->add_option("--owner", options->email, "the owner's e-mail address")->required();
  command->callback([&line, options] {
    with_accounts(line, Database::is_made, [&](api::Accounts& accounts, const Config& config) {
      return create(accounts, config, options->name, options->email);
    });
  });
}

void add_user(CommandLine& line) {
  auto options = std::make_shared<Options>();
  auto* user = line.parser.add_subcommand("user", "people who sign in on this server");
  user->require_subcommand(1);
  auto* command =
      user->add_subcommand("reset", "give somebody a new password, which is printed; ends their logins");
  command->add_option("EMAIL", options->email, "whose")->required();
  command->callback([&line, options] {
    with_accounts(line, Database::must_be_there,
                  [&](api::Accounts& accounts, const Config&) { return reset(accounts, options->email); });
  });
}

}  // namespace voxanne::app
