#include "speech/pocketsphinx/worker_process.h"

#include "async/backoff.h"
#include "base/log.h"

#include <boost/asio/redirect_error.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <random>

extern char** environ;

namespace voxanne::speech::pocketsphinx {
namespace {

constexpr int child_descriptor = 3;
constexpr int socket_buffer = 1 << 20;  // half a minute of one caller's audio

}  // namespace

WorkerProcess::WorkerProcess(async::Executor executor, async::Clock& clock, std::vector<std::string> command,
                             milliseconds hung_after)
    : executor_(executor),
      clock_(clock),
      command_(std::move(command)),
      hung_after_(hung_after),
      tasks_(executor, "speech.worker") {}

WorkerProcess::~WorkerProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    reap();
  }
}

Result<> WorkerProcess::start() {
  auto socket = spawn();
  if (socket.has_error()) return socket.error();
  socket_ = *socket;
  async::asio::post(executor_, [this] {
    tasks_.spawn(supervise());
    tasks_.spawn(watch());
  });
  return {};
}

async::Task<> WorkerProcess::stop() {
  co_await tasks_.stop();
  const std::lock_guard lock{mutex_};
  if (pid_ > 0) kill(pid_, SIGKILL);
  reap();
  if (const int socket = socket_.exchange(-1); socket >= 0) close(socket);
}

Result<int> WorkerProcess::spawn() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return unavailable("speech_worker_failed", std::string{"socketpair: "} + std::strerror(errno));
  for (const int end : ends) setsockopt(end, SOL_SOCKET, SO_SNDBUF, &socket_buffer, sizeof socket_buffer);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);

  std::vector<char*> argv;
  for (const std::string& argument : command_) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], child_descriptor);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  // The server blocks its stopping signals; the child starts with none blocked.
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  pid_t pid = -1;
  const int failed = posix_spawn(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failed != 0) {
    close(ends[0]);
    return unavailable("speech_worker_failed", "cannot start " + command_[0] + ": " + std::strerror(failed));
  }
  pid_ = pid;
  return ends[0];
}

// Reads until the worker is gone, then starts another, and so on.
async::Task<> WorkerProcess::supervise() {
  static constexpr async::Backoff backoff{500ms, 10s};
  std::minstd_rand random{std::random_device{}()};
  for (int failures = 0;;) {
    const SteadyTime began = clock_.now();
    if (alive()) co_await read_answers(socket_.load());
    lose_all();
    failures = clock_.now() - began > 30s ? 0 : failures + 1;
    log::error("speech.worker_lost", {{"failures", failures}});
    co_await clock_.sleep_for(backoff.wait(failures, random));
    if (auto socket = spawn())
      socket_ = *socket;
    else
      log::error("speech.worker_not_started", {{"error", socket.error().message}});
  }
}

async::Task<> WorkerProcess::read_answers(int socket) {
  // A descriptor of its own, so that closing ours (under the mutex) and asio's are independent.
  async::asio::posix::basic_stream_descriptor<async::Executor> readable{executor_, dup(socket)};
  Decoder decoder;
  std::vector<char> packet(max_message + 64);
  for (;;) {
    boost::system::error_code gone;
    const std::size_t count = co_await readable.async_read_some(
        async::asio::buffer(packet), async::asio::redirect_error(async::use_task, gone));
    co_await async::throw_if_cancelled();
    if (gone || count == 0) co_return;
    decoder.feed({packet.data(), count});
    for (;;) {
      auto message = decoder.next();
      if (message.has_error()) {
        log::error("speech.worker_garbage", {{"error", message.error().message}});
        co_return;
      }
      if (!*message) break;
      dispatch(std::move(**message));
    }
  }
}

async::Task<> WorkerProcess::watch() {
  for (;;) {
    co_await clock_.sleep_for(1s);
    bool hangs = false;
    {
      const std::lock_guard lock{mutex_};
      for (const auto& [id, entry] : table_)
        hangs |= entry.final_due && clock_.now() > *entry.final_due + hung_after_;
    }
    if (hangs && pid_ > 0) {
      log::error("speech.worker_hangs", {{"pid", pid_}});
      kill(pid_, SIGKILL);  // supervise() notices
    }
  }
}

void WorkerProcess::dispatch(Envelope envelope) {
  std::shared_ptr<Answers> answers;
  {
    const std::lock_guard lock{mutex_};
    const auto entry = table_.find(envelope.stream);
    if (entry == table_.end()) return;
    answers = entry->second.answers;
    if (std::holds_alternative<Final>(envelope.body)) entry->second.final_due.reset();
  }
  async::asio::post(answers->executor, [answers, body = std::move(envelope.body)]() mutable {
    if (auto* partial = std::get_if<Partial>(&body)) {
      Hypothesis hypothesis;
      hypothesis.text = std::move(partial->text);
      static_cast<void>(answers->queue.try_push(std::move(hypothesis)));
    } else if (auto* final = std::get_if<Final>(&body)) {
      if (!answers->queue.try_push(std::move(final->hypothesis))) answers->queue.close();
    } else {
      answers->queue.close();
    }
  });
}

void WorkerProcess::lose_all() {
  const std::lock_guard lock{mutex_};
  if (const int socket = socket_.exchange(-1); socket >= 0) close(socket);
  if (pid_ > 0) kill(pid_, SIGKILL);
  reap();
  for (auto& [id, entry] : table_) {
    entry.final_due.reset();
    async::asio::post(entry.answers->executor, [answers = entry.answers] { answers->queue.close(); });
  }
}

void WorkerProcess::reap() {
  if (pid_ <= 0) return;
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

std::uint32_t WorkerProcess::attach(std::shared_ptr<Answers> answers) {
  const std::lock_guard lock{mutex_};
  const std::uint32_t id = next_++;
  table_.emplace(id, Entry{std::move(answers), std::nullopt});
  ++streams_count_;
  return id;
}

void WorkerProcess::detach(std::uint32_t stream) {
  static_cast<void>(send({stream, Close{}}));
  const std::lock_guard lock{mutex_};
  if (table_.erase(stream) > 0) --streams_count_;
}

void WorkerProcess::expect_final(std::uint32_t stream) {
  const std::lock_guard lock{mutex_};
  if (const auto entry = table_.find(stream); entry != table_.end() && !entry->second.final_due)
    entry->second.final_due = clock_.now();
}

bool WorkerProcess::send(const Envelope& envelope) {
  std::string packet;
  encode(packet, envelope);
  return send_bytes(packet);
}

bool WorkerProcess::send_audio(std::uint32_t stream, std::span<const audio::Sample> samples) {
  thread_local std::string packet;
  packet.clear();
  encode_audio(packet, stream, samples);
  return send_bytes(packet);
}

bool WorkerProcess::send_bytes(std::string_view packet) {
  // The mutex keeps the descriptor from being closed, and its number reused, under our feet; the
  // send itself does not wait.
  const std::lock_guard lock{mutex_};
  const int socket = socket_.load();
  return socket >= 0 &&
         ::send(socket, packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL) == ssize_t(packet.size());
}

}  // namespace voxanne::speech::pocketsphinx
