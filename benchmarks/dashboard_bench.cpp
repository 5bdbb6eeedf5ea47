// What the dashboard's pages cost as the calls grow: CPU µs of each kind of page in the store, from 10
// thousand calls to ten million, and how long a whole page takes over HTTP from the server's process.
//
//   dashboard_bench [--svg FILE] [--directory DIR] [--search] CALLS…
//
// Exits 1 when a page costs more than 1.5 times what it costs among the fewest, or a search, or a page over
// HTTP, takes 200 ms. Ten million calls need 15 GB of disk; --search fills the search indexes too, which
// takes most of the time.
#include "http_vs_express_server.h"
#include "page_cost_plot.h"

#include "support/http.h"
#include "support/process.h"
#include "support/store/bulk_calls.h"
#include "support/temp_dir.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

using namespace voxanne;

namespace {

constexpr double wanted_ratio = 1.5, wanted_ms = 200;

struct Page {
  std::string name;
  store::CallFilter filter{};
  store::PageRequest request{};
  bool searches = false;
  int rows = 20;
};

UtcTime now() { return std::chrono::floor<milliseconds>(std::chrono::system_clock::now()); }

std::vector<Page> pages(UtcTime newest, bool search) {
  using domain::CallStatus;
  using domain::Direction;
  const UtcTime middle = newest - std::chrono::hours{1'080};
  std::vector<Page> all{
      {"newest", {}, {}},
      {"cursor in the middle", {}, {.after = store::Cursor{to_unix_ms(middle), 0}}},
      {"status", {.status = CallStatus::failed}, {}},
      {"direction, test calls too", {.direction = Direction::outbound, .include_test = true}, {}},
      {"status and direction", {.status = CallStatus::failed, .direction = Direction::inbound}, {}},
      {"until a day in the middle", {.to = middle}, {}},
      {"page 50 by number", {}, {.page = 50}},
  };
  if (search) {
    all.push_back({"search: a name", {.search = "Specimen"}, {}, true});
    all.push_back({"search: words that were said", {.search = "wheelchair parking"}, {}, true});
    const UtcTime before_all = newest - std::chrono::hours{3'000};
    all.push_back(
        {"search: a name, until a day in the middle", {.to = middle, .search = "Specimen"}, {}, true});
    all.push_back({"search: a name, since the middle", {.from = middle, .search = "Specimen"}, {}, true});
    all.push_back(
        {"search: a name, of a time before all", {.to = before_all, .search = "Specimen"}, {}, true, 0});
    all.push_back({"search: words that were said, of a time before all",
                   {.to = before_all, .search = "wheelchair parking"},
                   {},
                   true,
                   0});
    all.push_back({"search: a name, of what rings",
                   {.status = CallStatus::ringing, .search = "Specimen"},
                   {},
                   true,
                   0});
    all.push_back({"search: a name, failed and outbound",
                   {.status = CallStatus::failed, .direction = Direction::outbound, .search = "Specimen"},
                   {},
                   true});
  }
  return all;
}

double thread_cpu_us() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return double(time.tv_sec) * 1e6 + double(time.tv_nsec) / 1e3;
}
double wall_us() {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Of one page among some number of calls: µs of the thread's CPU, or of time where it is for workers.
async::Task<Result<double>> cost(store::Store& store, const Page& page) {
  const int each = page.searches ? 5 : 50;
  const double before = page.searches ? wall_us() : thread_cpu_us();
  for (int i = 0; i < each; ++i) {
    int rows = 0;
    const auto info =
        co_await store::page_of_calls(store, bench::org, page.filter, page.request,
                                      [&](const store::Row& row) { rows += row.integer(0) > 0; });
    if (!info) co_return info.error();
    if (rows != page.rows)
      co_return internal("short_page", page.name + " has " + std::to_string(rows) + " rows");
  }
  co_return ((page.searches ? wall_us() : thread_cpu_us()) - before) / each;
}

void fill(const std::string& database, std::int64_t calls, UtcTime newest, bool search) {
  {
    const auto store = store::SqliteStore::open({.path = database}).value();
    async::LoopThread loop{"fill"};
    store::Batch batch;
    store::put_organization(batch, {.id = bench::org, .name = "Harbour Dental"}, newest);
    async::run_on(loop.executor(), store->write(std::move(batch))).value();
    store->stop();
  }
  test::add_calls(database, {.org = bench::org.str(),
                             .count = calls,
                             .newest = newest,
                             .searchable = search,
                             .with_transcript = search ? 20 : 0});
}

// The slowest but one of a hundred pages over HTTP, in ms.
double over_http(const char* self, const std::string& database) {
  test::Process server{{.command = {self, "serve", database}, .environment = {}, .directory = {}}};
  const auto line = server.wait_for_line("listening ", 20s);
  if (!line) throw std::runtime_error("the server did not start: " + server.output());
  const int port = std::atoi(line->c_str() + line->find("listening ") + 10);
  const auto key = api::TokenKey::make(Secret{std::string{bench::secret}}).value();
  const std::string token = key.sign({.org = bench::org,
                                      .role = api::Role::owner,
                                      .subject = "bench",
                                      .issuer = {},
                                      .audience = {},
                                      .issued_at = now(),
                                      .expires_at = now() + 1h});
  std::vector<double> took;
  for (int i = 0; i < 100; ++i) {
    const double before = wall_us();
    const auto answer =
        test::http_get("http://127.0.0.1:" + std::to_string(port) + "/api/calls-dashboard?limit=20&page=1",
                       {"Authorization: Bearer " + token});
    if (answer.status != 200) throw std::runtime_error("no page: " + answer.body);
    took.push_back((wall_us() - before) / 1e3);
  }
  std::ranges::sort(took);
  return took[98];
}

// So many calls, and a store that reads them.
struct Sized {
  std::int64_t calls;
  std::string path;
  std::unique_ptr<store::SqliteStore> store;
};

Sized make(std::int64_t calls, const std::string& directory, UtcTime newest, bool search,
           async::LoopThread& loop) {
  Sized made{calls, directory + "/bench-" + std::to_string(calls) + ".db", nullptr};
  for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove(made.path + part);
  const double begun = wall_us();
  fill(made.path, calls, newest, search);
  std::printf("%lld calls, made in %.0f s, %.1f MB\n", static_cast<long long>(calls),
              (wall_us() - begun) / 1e6, double(std::filesystem::file_size(made.path)) / 1e6);
  store::SqliteOptions options{.path = made.path};
  options.inline_readers = {loop.executor()};
  made.store = store::SqliteStore::open(std::move(options)).value();
  return made;
}

int run(const char* self, const std::vector<std::int64_t>& sizes, bool search, std::string directory,
        const std::string& svg) {
  const test::TempDir temporary;
  if (directory.empty()) directory = temporary / "";
  const UtcTime newest = now();
  async::LoopThread loop{"web"};
  std::vector<Sized> all;
  for (const std::int64_t calls : sizes) all.push_back(make(calls, directory, newest, search, loop));

  std::vector<bench::Line> lines;
  bool held = true;
  for (const Page& page : pages(newest, search)) {
    // In turn, and the median of the rounds: what else the machine does is everybody's.
    std::vector<std::vector<double>> rounds(all.size());
    for (int round = 0; round < (page.searches ? 21 : 41); ++round)
      for (std::size_t i = 0; i < all.size(); ++i) {
        const auto micros = async::run_on(loop.executor(), cost(*all[i].store, page));
        if (!micros) throw std::runtime_error(micros.error().message);
        rounds[i].push_back(*micros);
      }
    std::printf("%s, us %s\n", page.name.c_str(), page.searches ? "of time" : "of CPU");
    bench::Line line{page.name, {}};
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::ranges::sort(rounds[i]);
      line.points.emplace_back(double(all[i].calls), rounds[i][rounds[i].size() / 2]);
      const double micros = line.points.back().second, ratio = micros / line.points.front().second;
      // A search goes through postings whose lists grow; of it, the time is bounded.
      const bool too_much = page.searches ? micros > wanted_ms * 1e3 : ratio > wanted_ratio;
      held &= !too_much;
      std::printf("  among %10lld %10.1f  %.2fx%s\n", static_cast<long long>(all[i].calls), micros, ratio,
                  !too_much       ? ""
                  : page.searches ? "  (wanted: below 200 ms)"
                                  : "  (wanted: at most 1.5x)");
    }
    std::fflush(stdout);
    lines.push_back(std::move(line));
  }
  std::printf("a page over HTTP, ms, slowest but one of a hundred (wanted: below 200)\n");
  for (Sized& sized : all) {
    sized.store->stop();
    const double ms = over_http(self, sized.path);
    held &= ms < wanted_ms;
    std::printf("  among %10lld %10.2f\n", static_cast<long long>(sized.calls), ms);
    for (const char* part : {"", "-wal", "-shm"}) std::filesystem::remove(sized.path + part);
  }
  if (!svg.empty()) bench::write_plot(svg, lines);
  return held ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string_view{argv[1]} == "serve") bench::serve(argv[2], 1);
  std::vector<std::int64_t> sizes;
  std::string svg, directory;
  bool search = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    if (argument == "--svg" && i + 1 < argc)
      svg = argv[++i];
    else if (argument == "--directory" && i + 1 < argc)
      directory = argv[++i];
    else if (argument == "--search")
      search = true;
    else
      sizes.push_back(std::atoll(argv[i]));
  }
  if (sizes.empty()) sizes = {10'000, 100'000};
  return run(argv[0], sizes, search, directory, svg);
}
