#include "api/routes/openapi.h"

#include "support/process.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>

#include <fstream>

namespace voxanne {
namespace {

TEST(OpenApi, a_third_party_s_linter_finds_no_error_in_it) {
  const test::TempDir directory;
  const auto file = directory / "openapi.json";
  std::ofstream{file} << api::openapi_description("1.2.3");
  test::Process linter{{.command = {"node", LINTER, "lint", file.string()},
                        .environment = {{"REDOCLY_TELEMETRY", "off"}, {"CI", "true"}},
                        .directory = directory.path().string()}};
  const auto code = linter.wait(std::chrono::seconds{120});
  EXPECT_EQ(code, 0) << linter.output();
  EXPECT_NE(linter.output().find("is valid"), std::string::npos) << linter.output();
}

}  // namespace
}  // namespace voxanne
