// What a request costs before anybody has done anything for it: CPU µs of the web shard's thread per
// GET of a constant body, kept-alive. The floor answers the same bytes to every read on Asio, without
// reading HTTP; the rows above it add the server, the router, and every kind of credential: remembered,
// and looked at as if for the first time (which happens once a minute per credential and shard).
//
// Then /health of the built program beside a constant body of its: CPU µs of the whole process per request,
// and what its database carries out meanwhile beside what it does at rest, where it is probed once a second.
// Exits 1 when /health costs over 1.5x that floor, or asks the database for more than one thing a second.
//
//   http_bench [requests per row] [connections]
#include "api/access/doorkeeper.h"
#include "api/router.h"
#include "async/task_group.h"
#include "async/thread.h"
#include "net/server.h"
#include "process_cpu.h"
#include "store/organizations.h"
#include "store/sqlite/sqlite_store.h"
#include "support/eventually.h"
#include "support/http.h"
#include "support/server.h"
#include "support/temp_dir.h"
#include "support/tokens/forge.h"
#include "support/tokens/jwks_imposter.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <thread>

using namespace voxanne;

namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Socket = asio::basic_stream_socket<Tcp, async::Executor>;
using Acceptor = asio::basic_socket_acceptor<Tcp, async::Executor>;

constexpr auto as_result = asio::as_tuple(async::use_task);

double cpu_micros_of(async::Executor executor) {
  return async::run_on(executor, []() -> async::Task<double> {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    const auto of = [](const timeval& time) {
      return static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
    };
    co_return of(usage.ru_utime) + of(usage.ru_stime);
  }());
}

// Whether an answer has come to its end.
bool is_whole(std::string_view answer) {
  const auto header = answer.find("\r\n\r\n");
  if (header == std::string_view::npos) return false;
  if (!answer.starts_with("HTTP/1.1 200")) throw std::runtime_error("the answer was not 200");
  const auto length = answer.find("Content-Length: ");
  if (length > header) throw std::runtime_error("an answer without its length");
  return answer.size() >= header + 4 + std::strtoull(answer.data() + length + 16, nullptr, 10);
}

// Asks on all connections, then reads all the answers, again and again; how many it were.
int load(std::uint16_t port, const std::string& request, int connections,
         const std::function<bool(int done)>& goes_on) {
  std::vector<int> sockets;
  for (int i = 0; i < connections; ++i) {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0), on = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::runtime_error("cannot connect");
    sockets.push_back(socket);
  }
  char buffer[8192];
  int done = 0;
  for (; goes_on(done); done += connections) {
    for (const int socket : sockets)
      static_cast<void>(::send(socket, request.data(), request.size(), MSG_NOSIGNAL));
    for (const int socket : sockets) {
      std::size_t got = 0;
      do {
        const auto size = ::recv(socket, buffer + got, sizeof buffer - got, 0);
        if (size <= 0) throw std::runtime_error("the connection broke");
        got += static_cast<std::size_t>(size);
      } while (!is_whole({buffer, got}));
    }
  }
  for (const int socket : sockets) ::close(socket);
  return done;
}

int load(std::uint16_t port, const std::string& request, int requests, int connections) {
  return load(port, request, connections, [requests](int done) { return done < requests; });
}

double measure(const char* name, async::Executor shard, std::uint16_t port, const std::string& request,
               int requests, int connections) {
  load(port, request, requests / 10, connections);
  const double before = cpu_micros_of(shard);
  const auto start = std::chrono::steady_clock::now();
  load(port, request, requests, connections);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const double each = (cpu_micros_of(shard) - before) / requests;
  std::printf("%-44s %6.2f µs CPU   %8.0f requests/s\n", name, each, requests / took.count());
  return each;
}

std::string get(std::string_view path, std::string_view fields = "") {
  return "GET " + std::string{path} +
         " HTTP/1.1\r\nHost: localhost:3001\r\nUser-Agent: bench\r\nAccept: */*\r\nAccept-Encoding: "
         "gzip\r\n" +
         std::string{fields} + "\r\n";
}

// ── /health of the built program ───────────────────────────────────────────────────────────────

struct Load {
  double cpu_micros = 0, per_second = 0;  // of one request; requests
};

Load load_for(std::chrono::duration<double> time, const test::Server& server, int pid,
              const std::string& request, int connections) {
  const auto port = std::uint16_t(server.port());
  load(port, request, 50 * connections, connections);
  const double before = bench::cpu_micros_of(pid);
  const auto begun = std::chrono::steady_clock::now();
  const int done =
      load(port, request, connections, [&](int) { return std::chrono::steady_clock::now() - begun < time; });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  return {(bench::cpu_micros_of(pid) - before) / done, done / took.count()};
}

double statements(const test::Server& server) {
  const auto text = test::http_get(server.url("/metrics")).body;
  const std::string name = "\nvoxanne_store_statements_total ";
  const auto at = text.find(name);
  if (at == std::string::npos) throw std::runtime_error("/metrics does not count statements");
  return std::stod(text.substr(at + name.size()));
}

// True when it costs hardly more than an answer that is constant, and the database does not notice. Least of
// some rounds each: what the machine does besides, and the program now and then, only ever adds.
bool measure_health(int connections) {
  constexpr int rounds = 3;
  constexpr std::chrono::duration<double> time{3};
  test::Server server{{{"VOXANNE_ENV", "production"}, {"SPEECH_WORKERS", "1"}}};
  if (!test::eventually([&] { return test::http_get(server.url("/health")).status == 200; }))
    throw std::runtime_error("the program is not well");
  const int pid = server.process().pid();
  Load floor{.cpu_micros = 1e9}, health{.cpu_micros = 1e9};
  const auto keep_least = [](Load& least, const Load& seen) {
    if (seen.cpu_micros < least.cpu_micros) least = seen;
  };
  double at_rest = 1e9, loaded = 1e9;
  for (int round = 0; round < rounds; ++round) {
    keep_least(floor, load_for(time, server, pid, get("/assets/icon.svg"), connections));
    double before = statements(server);
    std::this_thread::sleep_for(time);
    at_rest = std::min(at_rest, statements(server) - before);
    before = statements(server);
    keep_least(health, load_for(time, server, pid, get("/health"), connections));
    loaded = std::min(loaded, statements(server) - before);
  }
  std::printf("%-44s %6.2f µs CPU   %8.0f requests/s\n", "voxanne serve: a constant body", floor.cpu_micros,
              floor.per_second);
  std::printf("%-44s %6.2f µs CPU   %8.0f requests/s   %.2fx its floor (wanted: at most 1.5x)\n",
              "voxanne serve: /health", health.cpu_micros, health.per_second,
              health.cpu_micros / floor.cpu_micros);
  const double more = (loaded - at_rest) / time.count();
  std::printf(
      "%-44s %6.2f statements/s of the database, %.2f at rest, where it is probed once a second (wanted: at "
      "most one more)\n",
      "", loaded / time.count(), at_rest / time.count());
  return health.cpu_micros <= 1.5 * floor.cpu_micros && more <= 1;
}

async::Task<> answer_blindly(Socket socket, const std::string& answer) {
  char buffer[4096];
  for (;;) {
    const auto [failed, size] = co_await socket.async_read_some(asio::buffer(buffer), as_result);
    if (failed) co_return;
    const auto [unsent, sent] = co_await asio::async_write(socket, asio::buffer(answer), as_result);
    if (unsent) co_return;
  }
}

async::Task<> accept_blindly(Acceptor& acceptor, async::TaskGroup& tasks, const std::string& answer) {
  for (;;) {
    auto [failed, socket] = co_await acceptor.async_accept(as_result);
    if (failed) co_return;
    tasks.spawn(answer_blindly(std::move(socket), answer));
  }
}

Secret make_api_key(store::Store& store, const api::Credentials& credentials, async::Executor executor,
                    UtcTime now) {
  const Secret secret = api::Credentials::make_api_key();
  store::ApiKey key;
  key.org = OrgId{"org_1"};
  key.id = ApiKeyId::make();
  key.hash = credentials.api_key_hash(secret.reveal());
  key.scopes = "read";
  store::Batch batch;
  store::put_organization(batch, {key.org, "bench", "UTC", 0}, now);
  store::insert_api_key(batch, key);
  async::run_on(executor, store.write(std::move(batch))).value();
  return secret;
}

}  // namespace

int main(int argc, char** argv) {
  const int requests = argc > 1 ? std::atoi(argv[1]) : 200'000;
  const int connections = argc > 2 ? std::atoi(argv[2]) : 32;
  const auto body = std::make_shared<const std::string>(
      R"({"status":"ok","padding":"0123456789012345678901234567890123456789"})");

  async::LoopThread shard{"web"};
  async::SystemClock clock;
  const auto key = api::TokenKey::make(Secret{std::string(32, 'k')}).value();
  const std::string token = key.sign({.org = OrgId{"org_1"},
                                      .role = api::Role::viewer,
                                      .subject = "bench",
                                      .issuer = {},
                                      .audience = {},
                                      .issued_at = clock.utc(),
                                      .expires_at = clock.utc() + 1h});
  const auto rsa = test::SigningKey::rsa(), ec = test::SigningKey::ec();
  test::JwksImposter provider{test::jwks({rsa.jwk("r"), ec.jwk("e")})};
  async::LoopThread house{"house"};
  api::JwksSource published{{.url = provider.url()}, clock, house.executor()};
  published.start();
  test::TempDir directory;
  const auto store = store::SqliteStore::open(
                         {.path = (directory / "bench.db").string(), .inline_readers = {shard.executor()}})
                         .value();
  const api::Credentials credentials{Secret{std::string(32, 'r')}};
  api::Doorkeeper doorkeeper{*store, clock, credentials, house.executor()};
  const Secret api_key = make_api_key(*store, credentials, shard.executor(), clock.utc());

  api::Authenticator authenticator{
      {.keys = {key},
       .published = &published,
       .allowed_origins = {},
       .shards = 1,
       .admit = [&](api::Identity& identity,
                    const net::RequestIds& ids) { return doorkeeper.admit(identity, ids); },
       .find_api_key = [&](std::string text) { return doorkeeper.find_api_key(std::move(text)); }},
      clock};
  api::Router router{authenticator};
  const api::Endpoint endpoint = [body](api::Context&) -> async::Task<Result<net::Response>> {
    net::Response response{.status = 200, .headers = {}, .body = body};
    response.headers.add("Content-Type", "application/json");
    co_return response;
  };
  router.add({.method = net::Method::get, .path = "/open", .endpoint = endpoint, .role = std::nullopt});
  router.add({.method = net::Method::get, .path = "/api/things/:id", .endpoint = endpoint});
  // The same, and the next request finds nothing remembered.
  router.add({.method = net::Method::get,
              .path = "/api/new/:id",
              .endpoint = [&authenticator, endpoint](api::Context& context) {
                authenticator.forget();
                return endpoint(context);
              }});

  {
    const std::string answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
                               std::to_string(body->size()) + "\r\n\r\n" + *body;
    Acceptor acceptor{shard.executor(), Tcp::endpoint{asio::ip::address_v4::loopback(), 0}};
    async::TaskGroup tasks{shard.executor(), "floor"};
    const auto port = acceptor.local_endpoint().port();
    asio::post(shard.executor(), [&] { tasks.spawn(accept_blindly(acceptor, tasks, answer)); });
    measure("floor: Asio reads and writes, no HTTP", shard.executor(), port, get("/"), requests, connections);
    async::run_on(shard.executor(), tasks.stop());
  }
  {
    net::Server server{{}, {shard.executor()}, [body](net::Request&) -> async::Task<net::Response> {
                         net::Response response{.status = 200, .headers = {}, .body = body};
                         response.headers.add("Content-Type", "application/json");
                         co_return response;
                       }};
    server.start().value();
    measure("server: constant body", shard.executor(), server.port(), get("/"), requests, connections);
  }
  {
    net::Server server{{.common_headers = api::security_headers()}, {shard.executor()}, router.handler()};
    server.start().value();
    measure("router: open route, security headers", shard.executor(), server.port(), get("/open"), requests,
            connections);
    const std::string payload =
        R"({"org_id":"org_1","sub":"bench","exp":)" + std::to_string(std::time(nullptr) + 3'600) + "}";
    const std::pair<const char*, std::string> shown[] = {
        {"HS256", token},
        {"RS256", test::forged(R"({"alg":"RS256","kid":"r"})", payload, rsa)},
        {"ES256", test::forged(R"({"alg":"ES256","kid":"e"})", payload, ec)},
        {"API key", std::string{api_key.reveal()}}};
    for (const auto& [name, credential] : shown) {
      const std::string field = "Authorization: Bearer " + credential + "\r\n";
      measure((std::string{"router: parameter, "} + name + " remembered").c_str(), shard.executor(),
              server.port(), get("/api/things/thing_1", field), requests, connections);
      measure((std::string{"router: parameter, "} + name + " looked at anew").c_str(), shard.executor(),
              server.port(), get("/api/new/thing_1", field), requests, connections);
    }
  }
  async::run_on(house.executor(), doorkeeper.stop());
  async::run_on(house.executor(), published.stop());
  store->stop();
  return measure_health(connections) ? 0 : 1;
}
