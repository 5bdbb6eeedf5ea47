// The two hot requests, beside a tuned Express, a tuned Fastify and their floor: CPU µs per request of the
// whole server process (from /proc), over the same rows, statements, tokens, limits and headers, one after
// the other in the same run.
//
//   http_vs_express [seconds per measure] [rows]        needs node and npm; installs the locked peer once
#include "http_vs_express_server.h"
#include "process_cpu.h"

#include "support/process.h"
#include "support/temp_dir.h"

#include <boost/json.hpp>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <limits>
#include <thread>

using namespace voxanne;

namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr int connections = 32, rounds = 20;
constexpr double wanted_ratio = 8, wanted_floor = 1.8;

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "http_vs_express: %s\n", why.c_str());
  std::exit(1);
}

// ── What there is to serve ─────────────────────────────────────────────────────────────────────

domain::Call call_number(int i, UtcTime now) {
  domain::Call call;
  call.id = CallId::make();
  call.org = bench::org;
  call.assistant = bench::assistant;
  call.phone_number = bench::phone_number;
  call.direction = i % 3 ? domain::Direction::inbound : domain::Direction::outbound;
  call.customer = {"+4477009" + std::to_string(10'000 + i % 90'000), i % 2 ? "Ann Example" : ""};
  call.created_at = now - i * 1min;
  call.metadata = R"({"campaign":"spring","source":"website","attempt":2})";
  return call;
}

void fill(const std::string& database, int rows) {
  async::LoopThread loop{"fill"};
  store::SqliteOptions options{.path = database};
  options.inline_readers.push_back(loop.executor());
  const auto store = store::SqliteStore::open(std::move(options)).value();
  const auto write = [&](store::Batch batch) {
    async::run_on(loop.executor(), store->write(std::move(batch))).value();
  };
  const UtcTime now = async::SystemClock{}.utc();
  store::Batch first;
  store::put_organization(first, {.id = bench::org, .name = "Harbour Dental"}, now);
  domain::Assistant assistant;
  assistant.id = bench::assistant;
  assistant.org = bench::org;
  assistant.name = "Reception";
  assistant.greeting = "Good morning, Harbour Dental, how can I help?";
  store::put_assistant(first, assistant, now);
  store::put_phone_number(first,
                          {.id = bench::phone_number,
                           .org = bench::org,
                           .assistant = bench::assistant,
                           .number = {},
                           .carrier = domain::PhoneNumber::Carrier::builtin},
                          now);
  write(std::move(first));
  for (int i = 0; i < rows;) {
    store::Batch batch;
    for (const int end = std::min(rows, i + 500); i < end; ++i) {
      const auto call = call_number(i, now);
      const store::CallKey key{call.org, call.id};
      store::insert_call(batch, call, {"bench", "boot"});
      store::move_call(batch, key, domain::CallStatus::in_progress, call.created_at + 3s);
      store::end_call(batch, key,
                      {domain::CallStatus::ended, "customer-ended-call", domain::FaultParty::nobody, {}},
                      call.created_at + 95s);
      store::summarize_call(
          batch, key,
          {.summary = "Asked when the practice opens on Saturdays and was told nine to one.",
           .outcome = "answered",
           .sentiment_label = "positive",
           .sentiment_score = 0.75,
           .tools_used = R"(["look_up"])",
           .cost_cents = 3.5});
    }
    write(std::move(batch));
  }
  store->stop();
}

// ── Asking ─────────────────────────────────────────────────────────────────────────────────────

int connect_to(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0), on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(std::uint16_t(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    fail("cannot connect");
  return socket;
}

// One whole answer; its body.
std::string receive(int socket, std::string& buffer) {
  buffer.clear();
  std::size_t header = std::string::npos, size = 0;
  for (char piece[65536];;) {
    const auto got = ::recv(socket, piece, sizeof piece, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
      // Not asleep on the socket: waking a client of the same machine would be the server's CPU.
      std::this_thread::sleep_for(100us);
      continue;
    }
    if (got <= 0) fail("the connection broke after: " + buffer.substr(0, 300));
    buffer.append(piece, std::size_t(got));
    if (header == std::string::npos) {
      if ((header = buffer.find("\r\n\r\n")) == std::string::npos) continue;
      if (!buffer.starts_with("HTTP/1.1 200")) fail("not 200: " + buffer.substr(0, 600));
      const auto length = std::min(buffer.find("Content-Length: "), buffer.find("content-length: "));
      if (length > header) fail("an answer without Content-Length");
      size = std::strtoull(buffer.c_str() + length + 16, nullptr, 10);
    }
    if (buffer.size() == header + 4 + size) return buffer.substr(header + 4);
  }
}

std::string ask_once(int port, const std::string& request) {
  const int socket = connect_to(port);
  static_cast<void>(::send(socket, request.data(), request.size(), MSG_NOSIGNAL));
  std::string buffer;
  auto body = receive(socket, buffer);
  ::close(socket);
  return body;
}

// CPU µs per request over `seconds`: all connections ask, then all are answered, again and again.
double measure(pid_t pid, int port, const std::string& request, double duration) {
  std::vector<int> sockets;
  for (int i = 0; i < connections; ++i) sockets.push_back(connect_to(port));
  std::string buffer;
  const auto wave = [&] {
    for (const int socket : sockets)
      static_cast<void>(::send(socket, request.data(), request.size(), MSG_NOSIGNAL));
    for (const int socket : sockets) receive(socket, buffer);
  };
  for (int i = 0; i < 60; ++i) wave();  // caches and compilers warm
  const double before = bench::cpu_micros_of(pid);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>{duration};
  int waves = 0;
  for (; std::chrono::steady_clock::now() < end; ++waves) wave();
  const double micros = (bench::cpu_micros_of(pid) - before) / (double(waves) * connections);
  for (const int socket : sockets) ::close(socket);
  return micros;
}

// Stepping and reading the page's rows and its total with nothing around it.
double measure_rows(const std::string& database, const std::map<std::string, std::string>& sql) {
  sqlite3* db = nullptr;
  sqlite3_stmt *page = nullptr, *total = nullptr;
  if (sqlite3_open_v2(database.c_str(), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr) !=
          SQLITE_OK ||
      sqlite3_prepare_v2(db, sql.at("calls.page").c_str(), -1, &page, nullptr) != SQLITE_OK ||
      sqlite3_prepare_v2(db, sql.at("call_counters.total").c_str(), -1, &total, nullptr) != SQLITE_OK)
    fail(std::string{"SQLite: "} + sqlite3_errmsg(db));
  std::uint64_t read = 0;
  const auto once = [&] {
    sqlite3_bind_int64(page, 1, INT64_MAX);
    sqlite3_bind_int64(page, 2, INT64_MAX);
    sqlite3_bind_int64(page, 3, 21);
    sqlite3_bind_int64(page, 4, 0);
    sqlite3_bind_text(page, 5, "demo", 4, SQLITE_STATIC);
    sqlite3_bind_int64(page, 6, 0);
    while (sqlite3_step(page) == SQLITE_ROW)
      for (int i = 0; i < sqlite3_column_count(page); ++i) {
        if (sqlite3_column_type(page, i) == SQLITE_TEXT)
          read += sqlite3_column_text(page, i)[0] + std::size_t(sqlite3_column_bytes(page, i));
        else
          read += std::uint64_t(sqlite3_column_int64(page, i));
      }
    sqlite3_reset(page);
    sqlite3_bind_text(total, 1, "demo", 4, SQLITE_STATIC);
    sqlite3_bind_int64(total, 2, 0);
    while (sqlite3_step(total) == SQLITE_ROW) read += std::uint64_t(sqlite3_column_int64(total, 0));
    sqlite3_reset(total);
  };
  constexpr int times = 2'000;
  for (int i = 0; i < 500; ++i) once();
  const auto cpu = [] {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
           double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  const double before = cpu();
  for (int i = 0; i < times; ++i) once();
  const double micros = (cpu() - before) / times;
  if (read == 0) fail("no rows were read");
  sqlite3_finalize(page);
  sqlite3_finalize(total);
  sqlite3_close(db);
  return micros;
}

// ── The two servers ────────────────────────────────────────────────────────────────────────────

std::vector<int> ports_of(test::Process& process) {
  const auto line = process.wait_for_line("listening ", 20s);
  if (!line) fail("a server did not start:\n" + process.output());
  std::vector<int> ports;
  for (const char* at = line->c_str() + line->find("listening ") + 10; *at;) {
    char* end = nullptr;
    ports.push_back(int(std::strtol(at, &end, 10)));
    if (end == at) break;
    at = end;
  }
  return ports;
}

std::map<std::string, std::string> statements_of(const test::Process& process) {
  std::map<std::string, std::string> sql;
  std::istringstream lines{process.out()};
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("statement ")) {
      const auto space = line.find(' ', 10);
      sql[line.substr(10, space - 10)] = line.substr(space + 1);
    }
  return sql;
}

void install_peer() {
  if (fs::exists(PEER "/node_modules/.package-lock.json")) return;
  std::fprintf(stderr, "installing the peers (npm ci, about two minutes where it has to be compiled)\n");
  test::Process npm{
      {.command = {"npm", "ci", "--no-audit", "--no-fund"}, .environment = {}, .directory = PEER}};
  if (npm.wait(10min) != 0)
    fail("npm ci failed in benchmarks/peers/node; better-sqlite3 needs python3, make and a compiler:\n" +
         npm.output());
}

// Both must say the same, or the comparison means nothing. A cursor is each server's own text.
void expect_same_page(const std::string& ours, const std::string& theirs) {
  auto a = json::parse(ours).as_object(), b = json::parse(theirs).as_object();
  for (auto* page : {&a, &b}) {
    if (page->at("calls").as_array().size() != 20)
      fail("a page that is not of 20 calls: " + json::serialize(*page));
    page->at("pagination").as_object().erase("nextCursor");
  }
  if (a != b) fail("the answers differ:\n" + json::serialize(a) + "\n" + json::serialize(b));
}

// The least of what was measured.
struct Least {
  double value = std::numeric_limits<double>::infinity();
  void add(double measured) { value = std::min(value, measured); }
  operator double() const { return value; }
};

void row(const char* name, double micros, const std::string& remark) {
  std::printf("  %-34s %8.1f   %s\n", name, micros, remark.c_str());
  std::fflush(stdout);
}

std::string times(double ratio, const char* of) {
  char text[96];
  std::snprintf(text, sizeof text, "%.1fx %s", ratio, of);
  return text;
}
std::string times(double ratio, const char* of, double wanted, bool at_least) {
  char text[96];
  std::snprintf(text, sizeof text, " (wanted: at %s %.1fx)", at_least ? "least" : "most", wanted);
  return times(ratio, of) + text;
}

void run(const char* self, double duration, int rows) {
  install_peer();
  const test::TempDir directory;
  const std::string ours_db = directory / "ours.db", theirs_db = directory / "theirs.db",
                    sql_file = directory / "sql.json";
  std::fprintf(stderr, "filling %d rows\n", rows);
  fill(ours_db, rows);
  fs::copy_file(ours_db, theirs_db);

  const auto key = api::TokenKey::make(Secret{std::string{bench::secret}}).value();
  const UtcTime now = async::SystemClock{}.utc();
  const std::string token = key.sign({.org = bench::org,
                                      .role = api::Role::owner,
                                      .subject = "bench",
                                      .issuer = {},
                                      .audience = {},
                                      .issued_at = now,
                                      .expires_at = now + 24h});
  const std::string fields = " HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + token + "\r\n";
  const std::string body =
      R"({"assistantId":"test-assistant-123","phoneNumberId":"test-phone-123",)"
      R"("customer":{"number":"+44 7700 900000","name":"Ann"},"metadata":{"campaign":"spring"}})";
  const std::string page = "GET /api/calls-dashboard?limit=20&page=1" + fields + "\r\n";
  const std::string create =
      "POST /api/calls" + fields +
      "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;

  // A first round tells which statements there are, and how large a page is.
  std::map<std::string, std::string> sql;
  std::string our_page;
  {
    const std::string scratch = directory / "scratch.db";
    fs::copy_file(ours_db, scratch);
    test::Process server{{.command = {self, "serve", scratch, "1"}, .environment = {}, .directory = {}}};
    const int port = ports_of(server).at(0);
    our_page = ask_once(port, page);
    ask_once(port, create);
    sql = statements_of(server);
  }
  std::ofstream{sql_file} << json::serialize(json::value_from(sql));

  test::Process ours{{.command = {self, "serve", ours_db, std::to_string(our_page.size())},
                      .environment = {},
                      .directory = {}}};
  const auto our_ports = ports_of(ours);
  const auto peer = [&](const char* server, std::vector<std::string> options) {
    std::vector<std::string> command{"node", std::string{PEER "/"} + server, theirs_db, sql_file,
                                     std::string{bench::secret}};
    command.insert(command.end(), options.begin(), options.end());
    return std::make_unique<test::Process>(
        test::Process::Options{.command = std::move(command), .environment = {}, .directory = {}});
  };
  auto theirs = peer("express.js", {});
  const int their_port = ports_of(*theirs).at(0);
  expect_same_page(our_page, ask_once(their_port, page));
  auto fastify = peer("fastify.js", {});
  const int fastify_port = ports_of(*fastify).at(0);
  expect_same_page(our_page, ask_once(fastify_port, page));

  auto grouped = peer("express.js", {"--group-commit"});
  const int grouped_port = ports_of(*grouped).at(0);

  // Each in turn, and the least of its rounds: what else the machine does only ever adds.
  Least http_floor, row_floor, our_page_cpu, their_page_cpu, fastify_page_cpu, our_create_cpu,
      their_create_cpu, fastify_create_cpu, grouped_cpu;
  for (int round = 0; round < rounds; ++round) {
    const double each = duration / rounds;
    http_floor.add(measure(ours.pid(), our_ports.at(1), page, each));
    row_floor.add(measure_rows(ours_db, sql));
    our_page_cpu.add(measure(ours.pid(), our_ports.at(0), page, each));
    their_page_cpu.add(measure(theirs->pid(), their_port, page, each));
    fastify_page_cpu.add(measure(fastify->pid(), fastify_port, page, each));
  }
  for (int round = 0; round < rounds; ++round) {
    const double each = duration / rounds;
    our_create_cpu.add(measure(ours.pid(), our_ports.at(0), create, each));
    their_create_cpu.add(measure(theirs->pid(), their_port, create, each));
    fastify_create_cpu.add(measure(fastify->pid(), fastify_port, create, each));
    grouped_cpu.add(measure(grouped->pid(), grouped_port, create, each));
  }

  std::printf("CPU us per request, %d connections, %d rows, least of %d rounds\n", connections, rows, rounds);
  std::printf("dashboard page of 20 (%.1f kB) behind HS256\n", double(our_page.size()) / 1e3);
  row("floor: a constant body over HTTP", http_floor, "");
  row("floor: the same rows, read", row_floor, "");
  row("voxanne", our_page_cpu,
      times(our_page_cpu / (http_floor + row_floor), "its floor", wanted_floor, false));
  row("Express 4, better-sqlite3, tuned", their_page_cpu,
      times(their_page_cpu / our_page_cpu, "voxanne", wanted_ratio, true));
  row("Fastify 4, better-sqlite3, tuned", fastify_page_cpu,
      times(fastify_page_cpu / our_page_cpu, "voxanne"));

  std::printf("create a call, durable (synchronous=FULL)\n");
  row("voxanne", our_create_cpu, "");
  row("Express 4, better-sqlite3, tuned", their_create_cpu,
      times(their_create_cpu / our_create_cpu, "voxanne", wanted_ratio, true));
  row("Fastify 4, better-sqlite3, tuned", fastify_create_cpu,
      times(fastify_create_cpu / our_create_cpu, "voxanne"));
  row("Express, with our group commit", grouped_cpu, times(grouped_cpu / our_create_cpu, "voxanne"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string_view{argv[1]} == "serve") {
    bench::serve(argv[2], std::strtoull(argv[3], nullptr, 10));
  }
  run(argv[0], argc > 1 ? std::atof(argv[1]) : 3.0, argc > 2 ? std::atoi(argv[2]) : 100'000);
}
