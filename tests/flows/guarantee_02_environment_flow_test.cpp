// Guarantee 2, production is the default: whatever the environment says or does not say, through the
// built program.
#include "support/http.h"
#include "support/process.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::seconds;
using testing::HasSubstr;

struct Case {
  std::string name;
  std::map<std::string, std::string> environment;
  std::string expected;
  bool warns = false;
};

class Environment : public testing::TestWithParam<Case> {
 protected:
  // The program with these variables and nothing else that says what it is.
  explicit Environment()
      : process_{{.command = {voxanne_program(), "serve"},
                  .environment =
                      [this] {
                        auto variables = GetParam().environment;
                        variables.insert({{"DATA_DIR", data_.path().string()},
                                          {"PORT", "0"},
                                          {"LOG_FORMAT", "json"},
                                          {"SIP_LISTEN", "off"}});
                        return variables;
                      }(),
                  .directory = data_.path().string()}} {}

  TempDir data_;
  Process process_;
};

TEST_P(Environment, is_what_health_and_log_say_and_only_development_is_open) {
  const auto line = process_.wait_for_line("server.ready", seconds{60});
  ASSERT_TRUE(line) << process_.output();
  const auto ready = json::parse(line->substr(line->find('{'))).as_object();
  EXPECT_EQ(ready.at("environment"), json::value(GetParam().expected));
  const bool development = GetParam().expected == "development";
  EXPECT_EQ(ready.at("host"), development ? "127.0.0.1" : "0.0.0.0");

  const std::string here = "http://127.0.0.1:" + std::to_string(ready.at("port").as_int64());
  const auto health = http_get(here + "/health").json().as_object();
  EXPECT_EQ(health.at("environment"), json::value(GetParam().expected));
  EXPECT_EQ(health.contains("notice"), development);
  EXPECT_EQ(http_get(here + "/api/calls").status, development ? 200 : 401);
  EXPECT_EQ(http_get(here + "/api/calls", {"Authorization: Bearer not.a.token"}).status, 401);

  // The line after the one that says ready.
  if (development) {
    EXPECT_TRUE(process_.wait_for_line("DEVELOPMENT", seconds{5})) << "development shouts";
    EXPECT_THAT(std::string{health.at("notice").as_string()}, HasSubstr("without a token"));
  }
  process_.signal(SIGTERM);
  EXPECT_EQ(process_.wait(seconds{30}), 0);
  if (!development) EXPECT_THAT(process_.output(), testing::Not(HasSubstr("DEVELOPMENT")));
  EXPECT_EQ(process_.output().find("running as production") != std::string::npos, GetParam().warns)
      << process_.output();
}

INSTANTIATE_TEST_SUITE_P(
    Cases, Environment,
    testing::Values(Case{"nothing", {}, "production"}, Case{"empty", {{"VOXANNE_ENV", ""}}, "production"},
                    Case{"node", {{"NODE_ENV", "development"}}, "development"},
                    Case{"ours_wins", {{"VOXANNE_ENV", "staging"}, {"NODE_ENV", "development"}}, "staging"},
                    Case{"test", {{"VOXANNE_ENV", "test"}}, "test"},
                    Case{"unknown", {{"VOXANNE_ENV", "dev"}}, "production", true},
                    Case{"case_matters", {{"VOXANNE_ENV", "Development"}}, "production", true},
                    Case{"unknown_node", {{"NODE_ENV", "local"}}, "production", true}),
    [](const auto& info) { return info.param.name; });

TEST(Program, names_what_it_does_not_know_and_what_it_misses) {
  for (const auto& [word, says] :
       {std::pair{"nope", "\"nope\""}, {"--nope", "\"--nope\""}, {"call", "--to"}}) {
    const auto [code, output] = run_voxanne(word, {});
    EXPECT_EQ(code, 2) << word;
    EXPECT_THAT(output, HasSubstr(says));
    EXPECT_THAT(output, HasSubstr("--help"));
  }
}

}  // namespace
}  // namespace voxanne::test
