// The page in headless Chromium against the built program: real calls, their recording, a call from the
// browser with a fake microphone (page.mjs), and people who sign in (sign_in.mjs).
#include "support/process.h"
#include "support/server.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

namespace voxanne::test {
namespace {

void drive(const Server& server, const std::string& script, std::vector<std::string> options) {
  std::vector<std::string> command{"node", std::string{BROWSER_SCRIPTS} + "/" + script, server.url("")};
  command.insert(command.end(), options.begin(), options.end());
  if (const char* directory = std::getenv("PAGE_SCREENSHOTS"))
    command.insert(command.end(), {"--screenshots", std::string{directory} + "/" + script});
  Process browser{{.command = command, .environment = {}, .directory = {}}};
  EXPECT_EQ(browser.wait(std::chrono::minutes{3}), 0) << browser.output();
}

TEST(PageFlow, watches_plays_and_makes_calls) {
  Server server;
  drive(server, "page.mjs", {"--phone", "--recording"});
  if (testing::Test::HasFailure()) std::cerr << server.process().output();
}

TEST(PageFlow, people_sign_in_stay_in_and_are_invited) {
  Server server{{{"VOXANNE_ENV", "production"}}};
  Process create{{.command = {voxanne_program(), "org", "create", "Acme", "--owner", "ann@acme.example"},
                  .environment = {{"DATA_DIR", server.data().string()}},
                  .directory = {}}};
  ASSERT_EQ(create.wait(std::chrono::seconds{30}), 0) << create.output();
  const std::string printed = create.out();
  const auto at = printed.find("password ");
  ASSERT_NE(at, std::string::npos) << printed;
  const std::string password = printed.substr(at + 9, printed.find('\n', at) - at - 9);
  drive(server, "sign_in.mjs", {"--email", "ann@acme.example", "--password", password});
  if (testing::Test::HasFailure()) std::cerr << server.process().output();
}

}  // namespace
}  // namespace voxanne::test
