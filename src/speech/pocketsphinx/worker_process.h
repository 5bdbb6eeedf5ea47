// A speech worker's process and our end of its connection: started by executing a command with the
// connection as descriptor 3, ended by SIGKILL. Owned by one WorkerLink; its loop only.
#pragma once

#include "async/task.h"
#include "base/result.h"

#include <boost/asio/local/stream_protocol.hpp>

#include <string>
#include <vector>

#include <sys/types.h>

namespace voxanne::speech::pocketsphinx {

class WorkerProcess {
 public:
  using Socket = boost::asio::basic_stream_socket<boost::asio::local::stream_protocol, async::Executor>;

  // `command` is a program and its arguments. unavailable when it cannot be started.
  static Result<WorkerProcess> start(const std::vector<std::string>& command, async::Executor executor);

  WorkerProcess(WorkerProcess&& other) noexcept;
  WorkerProcess& operator=(WorkerProcess&&) = delete;
  ~WorkerProcess();  // kills and reaps

  Socket& socket() { return socket_; }
  pid_t pid() const { return pid_; }

 private:
  WorkerProcess(pid_t pid, Socket socket) : pid_(pid), socket_(std::move(socket)) {}

  pid_t pid_;
  Socket socket_;
};

}  // namespace voxanne::speech::pocketsphinx
