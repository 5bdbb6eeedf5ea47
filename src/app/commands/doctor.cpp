// `voxanne doctor`: looks at what the server would need, without starting it, and says for each
// thing that is wrong how to mend it. A running server on the same data directory is no fault.
#include "app/commands/command.h"
#include "app/lock_file.h"
#include "app/secrets.h"
#include "app/server/sip_options.h"
#include "app/server/storage.h"
#include "async/thread.h"
#include "base/ids.h"
#include "knowledge/embed/openai_embedder.h"
#include "knowledge/formats/confined.h"
#include "net/smtp_client.h"
#include "net/tls_identity.h"
#include "recordings/s3/s3_store.h"
#include "store/sqlite/sqlite_store.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iostream>

namespace voxanne::app {
namespace {

class Report {
 public:
  void ok(const std::string& what) { std::cout << "ok    " << what << '\n'; }
  void warn(const std::string& what, const std::string& mend) {
    std::cout << "warn  " << what << "\n      mend: " << mend << '\n';
  }
  void fail(const std::string& what, const std::string& mend) {
    std::cout << "FAIL  " << what << "\n      mend: " << mend << '\n';
    ++failures_;
  }
  int failures() const { return failures_; }

 private:
  int failures_ = 0;
};

void check_data_dir(const Config& config, Report& report, bool& running) {
  if (const auto prepared = prepare_data_dir(config.data_dir); prepared.has_error())
    return report.fail("data directory: " + prepared.error().message, "see above");
  auto lock = LockFile::acquire(config.data_dir / "lock");
  running = lock.has_error() && lock.error().code == "data_dir_in_use";
  report.ok("data directory " + std::filesystem::absolute(config.data_dir).string() +
            (running ? " (a server is running on it)" : " is writable"));
  std::error_code unreadable;
  const auto space = std::filesystem::space(config.data_dir, unreadable);
  if (!unreadable) {
    const auto mib = space.available >> 20;
    if (mib < 1'024)
      report.warn("disk: only " + std::to_string(mib) + " MiB are free; below 256 MiB calls go unrecorded",
                  "free space, or move DATA_DIR to a larger disk (an hour of stereo audio takes 58 MB)");
    else
      report.ok("disk: " + std::to_string(mib >> 10) + " GiB free");
  }
}

void check_secrets(const Config& config, Report& report) {
  const auto root = root_secret(config);
  if (root.has_error())
    return report.fail("secret key: " + root.error().message, "restore DATA_DIR/secret.key");
  report.ok(config.secret_key.empty() ? "secret key: DATA_DIR/secret.key" : "secret key: SECRET_KEY");
  struct stat info{};
  if (config.secret_key.empty() && stat((config.data_dir / "secret.key").c_str(), &info) == 0 &&
      (info.st_mode & 077))
    report.fail("secret key: other users may read DATA_DIR/secret.key",
                "chmod 600 " + (config.data_dir / "secret.key").string());
  if (config.environment == Environment::development)
    report.warn("environment: development; requests from this machine need no token",
                "set VOXANNE_ENV=production before real callers ring");
  else
    report.ok("environment: " + std::string{to_string(config.environment)});
}

void check_certificate(const Config& config, Report& report) {
  if (config.tls_cert.empty()) return;
  const auto identity = net::TlsIdentity::load({.certificate = config.tls_cert, .key = config.tls_key});
  if (identity.has_error()) return report.fail("certificate: " + identity.error().message, "see above");
  const auto until = (*identity)->valid_until();
  const std::string said = "certificate: valid until " + to_rfc3339(until);
  const auto now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
  if (until < now) return report.fail(said, "renew it; clients refuse it");
  if (until < now + std::chrono::days{14})
    return report.warn(said, "renew it; a running server notices by itself");
  report.ok(said);
}

void check_database(const Config& config, Report& report, bool running) {
  if (running) return report.ok("database: in use by the running server");
  auto store = store::SqliteStore::open({.path = config.database_path().string()});
  if (store.has_error()) return report.fail("database: " + store.error().message, "see above");
  (*store)->stop();
  report.ok("database: " + config.database_path().string());
}

bool can_bind(int type, const std::string& host, int port, std::string& why) {
  const bool v6 = host.find(':') != std::string::npos;
  const int fd = socket(v6 ? AF_INET6 : AF_INET, type | SOCK_CLOEXEC, 0);
  const int yes = 1;
  if (type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  int bound = -1;
  if (v6) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(std::uint16_t(port));
    if (inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) == 1)
      bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(std::uint16_t(port));
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) == 1)
      bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  if (bound != 0) why = std::strerror(errno);
  close(fd);
  return bound == 0;
}

// With the bucket's keys, what the server will do there: write, read, list, remove.
async::Task<Result<>> try_bucket(recordings::s3::S3Store& bucket, std::filesystem::path file) {
  constexpr std::string_view text = "written by voxanne doctor\n";
  const std::string key = "doctor/" + make_ulid();
  std::ofstream{file} << text;
  if (auto put = co_await bucket.put(key, file, to_hex(sha256(text))); put.has_error()) co_return put;
  const auto read = co_await bucket.read(key, 0, text.size());
  const auto listed = co_await bucket.list("doctor/", "", 10);
  const auto removed = co_await bucket.remove(key);
  if (read.has_error()) co_return read.error();
  if (*read != text)
    co_return unavailable("object_not_verified", "what was written is read back as something else");
  if (listed.has_error()) co_return listed.error();
  co_return removed;
}

void check_storage(const Config& config, Report& report) {
  const auto options = s3_options(config);
  if (!options) {
    const std::string directory = "storage: files in " + config.recordings_path().string();
    const auto there = recordings::Root{recordings_place(config)}.hold(recordings::Root::Use::look);
    return there ? report.ok(directory) : report.fail("storage: " + there.error().message, "see above");
  }
  const std::string where = "s3://" + options->bucket + "/" + options->prefix;
  async::LoopThread loop{"doctor"};
  async::SystemClock clock;
  async::WorkerPool workers{"doctor", 1};
  recordings::s3::S3Store bucket{loop.executor(), clock, workers, "doctor", *options};
  const auto file = config.data_dir / ("doctor-" + make_ulid());
  const auto tried = async::run_on(loop.executor(), try_bucket(bucket, file));
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  if (tried.has_error())
    return report.fail("storage: " + where + ": " + tried.error().message,
                       "correct the setting that it names; recordings wait in the spool until then");
  report.ok("storage: " + where + " can be written, read, listed and removed from");
  const auto url = net::parse_url(options->endpoint);
  if (url && !url->secure() && url->host != "127.0.0.1" && url->host != "localhost" && url->host != "::1")
    report.warn("storage: recordings go to S3_ENDPOINT unencrypted (http://)", "use https://");
}

void check_listeners(const Config& config, Report& report, bool running) {
  std::string why;
  const std::string http = config.host + ":" + std::to_string(config.port);
  if (!running) {
    if (can_bind(SOCK_STREAM, config.host, config.port, why))
      report.ok("http: " + http + " is free");
    else
      report.fail("http: cannot listen on " + http + ": " + why, "stop what listens there, or set PORT");
  }
  if (config.sip_listen.empty()) return report.ok("sip: off (SIP_LISTEN is not set)");
  const auto options = sip_options(config);
  if (options.has_error()) return report.fail("sip: " + options.error().message, "correct the setting");
  for (const auto& listen : options->listen) {
    const std::string where = std::string{telephony::sip::to_string(listen.transport)} + ":" +
                              listen.address.to_string() + ":" + std::to_string(listen.port);
    const int type = listen.transport == telephony::sip::Transport::udp ? SOCK_DGRAM : SOCK_STREAM;
    if (running || can_bind(type, listen.address.to_string(), listen.port, why))
      report.ok("sip: " + where);
    else
      report.fail("sip: cannot listen on " + where + ": " + why,
                  "stop what listens there, or set SIP_LISTEN");
  }
  if (!options->trunk && options->allowed.empty() && options->users.empty() && !options->allow_loopback)
    report.warn("sip: nobody may call in", "set SIP_TRUNK_URI, or SIP_ALLOW to your PBX's network");
  if (!options->trunk) report.ok("sip: no trunk; outbound calls reach only the built-in callee");
}

void check_mail(const Config& config, Report& report) {
  if (config.smtp_url.empty())
    return report.ok("mail: off (SMTP_URL is not set); messages and invitations are only on the page");
  const auto url = net::parse_smtp_url(config.smtp_url.reveal());
  async::LoopThread loop{"mail"};
  net::SmtpClient server{loop.executor(), {.url = *url, .timeout = seconds{20}}};
  if (const auto answers = async::run_on(loop.executor(), server.check()); answers.has_error())
    return report.fail("mail: " + url->url + ": " + answers.error().message, "correct SMTP_URL, or unset it");
  report.ok("mail: " + url->url + " answers" + (url->user.empty() ? "" : ", and lets us in"));
}

void check_embeddings(const Config& config, Report& report) {
  const std::string model = config.embeddings_by();
  if (model.empty()) return report.ok("embeddings: off; what is known is found by its words");
  async::LoopThread loop{"doctor"};
  async::SystemClock clock;
  async::WorkerPool workers{"doctor", 1};
  knowledge::embed::OpenAiEmbedder embedder{
      {.base_url = config.openai_base_url, .api_key = config.openai_api_key, .model = model},
      clock,
      loop.executor(),
      workers};
  const auto made =
      async::run_on(loop.executor(), embedder.embed(model, {"hello"}, knowledge::Embedder::Purpose::document,
                                                    async::Deadline::after(clock, seconds{20})));
  const std::string where = "embeddings: " + model + " at " + config.openai_base_url;
  if (!made)
    return report.fail(where + ": " + made.error().message,
                       "correct OPENAI_BASE_URL, OPENAI_API_KEY or EMBEDDING_MODEL; until then what is known "
                       "is found by its words");
  report.ok(where + " answers with " + std::to_string(made->front().size()) + " dimensions");
}

void check_machine(Report& report) {
  constexpr const char* model = "/usr/share/pocketsphinx/model/en-us/en-us";
  if (access(model, R_OK) == 0)
    report.ok("recognition: acoustic model found");
  else
    report.fail("recognition: " + std::string{model} + " is missing; callers would be guided by keys only",
                "apt-get install pocketsphinx-en-us");
  if (knowledge::formats::withholds_files())
    report.ok("documents: whatever reads them cannot read our files");
  else
    report.warn(
        "documents: the kernel has no Landlock, so a hostile document that takes its reader over can read "
        "what this user can",
        "Linux 5.13 or newer with landlock among `cat /sys/kernel/security/lsm`");
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  if (files.rlim_max < 16'384)
    report.warn("descriptors: at most " + std::to_string(files.rlim_max) + "; a call needs up to three",
                "raise LimitNOFILE (systemd) or `ulimit -Hn` to 65536");
  else
    report.ok("descriptors: up to " + std::to_string(files.rlim_max));
}

}  // namespace

void add_doctor(CommandLine& line) {
  auto* command = line.parser.add_subcommand("doctor", "say what is misconfigured and how to mend it");
  command->callback([&line] {
    auto config = load_config(line.config_file, process_environment());
    Report report;
    if (config.has_error()) {
      report.fail("configuration: " + config.error().message, "correct the setting that it names");
    } else {
      log::init(log::Level::error, config->log_format);
      for (const std::string& warning : config->warnings)
        report.warn("configuration: " + warning, "unset or correct it");
      bool running = false;
      check_data_dir(*config, report, running);
      check_secrets(*config, report);
      check_certificate(*config, report);
      check_database(*config, report, running);
      check_storage(*config, report);
      check_listeners(*config, report, running);
      check_mail(*config, report);
      check_embeddings(*config, report);
      check_machine(report);
    }
    std::cout << (report.failures() == 0 ? "nothing to mend\n"
                                         : std::to_string(report.failures()) + " to mend\n");
    line.exit_code = report.failures() == 0 ? 0 : 1;
  });
}

}  // namespace voxanne::app
