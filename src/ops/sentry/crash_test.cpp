#include "ops/sentry/crash.h"

#include "async/thread.h"
#include "base/ids.h"
#include "support/temp_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <thread>

namespace voxanne::ops::sentry::crash {
namespace {

using testing::HasSubstr;

constexpr std::string_view good =
    "voxanne-crash 1\nsession 0f\nrelease 0.1.0\nenvironment test\nstarted 1790000000000\n"
    "module 1000 2000 3000 abcd /usr/bin/a program\nmodule 4000 5000 6000 - /lib/x.so\nat "
    "1790000000100\nsignal 11\n"
    "code 1\naddress 1f\nthread web0\nframe 2001\nframe 5001\n"
    "crumb 1790000000060 2 later code=x\ncrumb 1790000000050 1 earlier callId=call_1 "
    "number=+447700900123\nend\n";

TEST(CrashReport, is_read_as_it_was_written) {
  const auto report = parse(good);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->session, "0f");
  EXPECT_EQ(report->signal, 11);
  EXPECT_EQ(report->address, 0x1fu);
  EXPECT_EQ(report->thread, "web0");
  EXPECT_EQ(report->frames, (Addresses{0x2001, 0x5001}));
  ASSERT_EQ(report->modules.size(), 2u);
  EXPECT_EQ(report->modules[0].path, "/usr/bin/a program");
  EXPECT_EQ(report->modules[1].build_id, "");
  ASSERT_EQ(report->breadcrumbs.size(), 2u);
  EXPECT_EQ(report->breadcrumbs[0].category, "earlier") << "in their order";
  EXPECT_THAT(report->breadcrumbs[0].message, testing::Not(HasSubstr("4477"))) << "scrubbed again";
  EXPECT_EQ(signal_name(report->signal), "SIGSEGV");
}

TEST(CrashReport, one_that_ends_anywhere_is_read_as_far_as_it_goes) {
  const auto enough = good.find("code 1");
  for (std::size_t end = enough; end < good.size(); ++end) EXPECT_TRUE(parse(good.substr(0, end))) << end;
}

TEST(CrashReport, anything_else_is_refused) {
  for (const std::string_view bad :
       {"", "voxanne-crash 2\nsignal 11\n", "voxanne-crash 1\n", "voxanne-crash 1\nsignal 999\n",
        "voxanne-crash 1\nsignal 11\nframe xyz\nend\n", "voxanne-crash 1\nat 99999999999999999\nsignal 11\n"})
    EXPECT_FALSE(parse(bad)) << bad;
}

// Runs `die` in a child with the handler in place, and gives back what it left behind.
template <class F>
std::vector<Report> crashed(F die) {
  test::TempDir directory;
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    static Breadcrumbs breadcrumbs;
    const std::string id = "call_1";
    const std::vector<log::Field> fields{{"callId", id}};
    breadcrumbs.add(from_unix_ms(1'790'000'000'000), {.event = "call.answered", .fields = fields});
    install({.directory = directory.path(),
             .session = "5e5510",
             .release = "voxanne@1",
             .environment = "test",
             .started = from_unix_ms(1'790'000'000'000)},
            breadcrumbs);
    die();
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_FALSE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "the signal still ends the process";
  auto reports = collect(directory.path());
  EXPECT_EQ(collect(directory.path()).size(), reports.size()) << "kept until it is told";
  for (const Report& report : reports) forget(report.file);
  EXPECT_TRUE(collect(directory.path()).empty()) << "told once";
  return reports;
}

[[gnu::noinline]] void the_function_that_crashes() { *reinterpret_cast<volatile int*>(0x1f) = 1; }

std::string functions(const Report& report) {
  std::string all;
  for (const auto& frame : resolve(report.frames, report.modules)) all += frame.function + "\n";
  return all;
}

TEST(Crash, a_fault_leaves_its_stack_and_what_went_before) {
  const auto reports = crashed(the_function_that_crashes);
  ASSERT_EQ(reports.size(), 1u);
  const Report& report = reports.front();
  EXPECT_EQ(report.signal, SIGSEGV);
  EXPECT_EQ(report.address, 0x1fu);
  EXPECT_EQ(report.session, "5e5510");
  EXPECT_EQ(report.release, "voxanne@1");
  EXPECT_THAT(functions(report), HasSubstr("the_function_that_crashes"));
  ASSERT_EQ(report.breadcrumbs.size(), 1u);
  EXPECT_EQ(report.breadcrumbs[0].category, "call.answered");
  EXPECT_EQ(report.breadcrumbs[0].message, "callId=call_1");
  EXPECT_LT(std::chrono::system_clock::now() - report.at, std::chrono::minutes{2});
}

TEST(Crash, a_signal_from_outside_and_an_uncaught_exception_are_told_as_well) {
  const auto killed = crashed([] {
    kill(getpid(), SIGSEGV);
    pause();
  });
  ASSERT_EQ(killed.size(), 1u);
  EXPECT_EQ(killed[0].signal, SIGSEGV);
  EXPECT_EQ(killed[0].code, 0);
  const auto aborted =
      crashed([] { std::thread{[] { throw std::runtime_error("nobody catches this"); }}.join(); });
  ASSERT_EQ(aborted.size(), 1u);
  EXPECT_EQ(aborted[0].signal, SIGABRT);
}

// Not a tail call, and not seen to have no end.
int down(volatile int* above, int left) {
  volatile int here[256] = {*above};
  return left == 0 ? 0 : down(here, left - 1) + here[0];
}
void run_over() {
  volatile int top = 1;
  static_cast<void>(down(&top, 1 << 30));
}

TEST(Crash, a_stack_that_ran_over_is_told) {
  const auto reports = crashed(run_over);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].signal, SIGSEGV);
}

TEST(Crash, so_is_one_of_any_thread_of_the_house) {
  const auto reports = crashed([] {
    async::LoopThread thread{"media7"};
    async::asio::post(thread.executor(), run_over);
    pause();
  });
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].signal, SIGSEGV);
  EXPECT_EQ(reports[0].thread, "media7");
}

// The report goes into a pipe that is full after a page, so that its writer is in the middle of it while
// the other thread faults.
TEST(Crash, a_second_thread_that_crashes_lets_the_first_write_its_report) {
  test::TempDir directory;
  const auto path = directory.path() / "crash-5e5510.txt";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  ASSERT_GT(fcntl(reader, F_SETPIPE_SZ, 4'096), 0);
  const pid_t child = fork();
  if (child == 0) {
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    static Breadcrumbs breadcrumbs;
    const std::string text(200, 'x');
    const std::vector<log::Field> fields{{"code", text}};
    for (std::uint32_t i = 0; i < Breadcrumbs::count; ++i)
      breadcrumbs.add(from_unix_ms(1'790'000'000'000), {.event = "call.answered", .fields = fields});
    install({.directory = directory.path(), .session = "5e5510"}, breadcrumbs);
    std::thread first{[] {
      pthread_setname_np(pthread_self(), "first");
      the_function_that_crashes();
    }};
    std::this_thread::sleep_for(std::chrono::milliseconds{300});
    the_function_that_crashes();
  }
  pollfd begun{.fd = reader, .events = POLLIN, .revents = 0};
  ASSERT_EQ(poll(&begun, 1, 10'000), 1);
  std::this_thread::sleep_for(std::chrono::milliseconds{900});
  ASSERT_EQ(fcntl(reader, F_SETFL, 0), 0);
  std::string text;
  char part[4'096];
  for (ssize_t size = 0; (size = read(reader, part, sizeof part)) > 0;) text.append(part, std::size_t(size));
  close(reader);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(text.ends_with("\nend\n")) << text.size();
  EXPECT_THAT(text, HasSubstr("\nthread first\n"));
}

TEST(Crash, a_file_that_is_no_report_is_taken_away) {
  test::TempDir directory;
  std::ofstream{directory.path() / "crash-x.txt"} << "nonsense";
  std::ofstream{directory.path() / "session"} << "kept";
  EXPECT_TRUE(collect(directory.path()).empty());
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "crash-x.txt"));
  EXPECT_TRUE(std::filesystem::exists(directory.path() / "session"));
}

}  // namespace
}  // namespace voxanne::ops::sentry::crash
