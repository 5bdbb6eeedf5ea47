// The page in headless Chromium (page.mjs) against the built program: real calls, their recording and
// a call from the browser with a fake microphone.
#include "support/process.h"
#include "support/server.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace voxanne::test {
namespace {

TEST(PageFlow, watches_plays_and_makes_calls) {
  Server server;
  std::vector<std::string> command{"node", PAGE_SCRIPT, server.url(""), "--phone", "--recording"};
  if (const char* directory = std::getenv("PAGE_SCREENSHOTS"))
    command.insert(command.end(), {"--screenshots", std::string{directory} + "/flow"});
  Process browser{{.command = command, .environment = {}, .directory = {}}};
  EXPECT_EQ(browser.wait(std::chrono::minutes{3}), 0) << browser.output() << server.process().output();
}

}  // namespace
}  // namespace voxanne::test
