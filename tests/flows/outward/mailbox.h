// A mail server that is not ours: takes mail by TLS, STARTTLS or plainly, with or without a login, and tells
// of each on a line of JSON.
#pragma once

#include "base/secret.h"
#include "support/process.h"
#include "support/temp_dir.h"

#include <gtest/gtest.h>
#include <boost/json.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace voxanne::test {

// A key and a certificate for this machine, that vouches for itself.
inline const std::filesystem::path& certificates() {
  static const TempDir directory;
  static const bool made = [] {
    Process openssl{
        {.command = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                     "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
                     (directory / "key.pem").string(), "-out", (directory / "cert.pem").string()},
         .environment = {},
         .directory = {}}};
    return openssl.wait(std::chrono::seconds{30}) == 0;
  }();
  EXPECT_TRUE(made);
  return directory.path();
}

class Mailbox {
 public:
  explicit Mailbox(std::vector<std::string> arguments, bool vouched_for = true) {
    std::vector<std::string> command{"node", OUTWARD_SCRIPTS "/mailbox.mjs"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    std::map<std::string, std::string> environment;
    if (vouched_for)
      environment = {{"MAILBOX_KEY", (certificates() / "key.pem").string()},
                     {"MAILBOX_CERT", (certificates() / "cert.pem").string()}};
    process_ = std::make_unique<Process>(
        Process::Options{.command = command, .environment = environment, .directory = {}});
    const auto line = process_->wait_for_line("listening ", std::chrono::seconds{20});
    if (!line) throw std::runtime_error("the mail server does not start: " + process_->output());
    port_ = line->substr(line->find(' ') + 1);
  }
  const std::string& port() const { return port_; }
  Process& process() { return *process_; }
  // A mail to this address, its parts decoded as far as tests read them.
  boost::json::value to(const std::string& address,
                        std::chrono::milliseconds limit = std::chrono::seconds{30}) {
    const auto line = process_->wait_for_line(R"("to":[")" + address + R"("])", limit);
    if (!line) ADD_FAILURE() << "no mail to " << address << "\n" << process_->output();
    return line ? boost::json::parse(*line) : boost::json::value{};
  }

 private:
  std::unique_ptr<Process> process_;
  std::string port_;
};

inline std::string body_of(const boost::json::value& mail) {
  const std::string text{mail.at("text").as_string()};
  std::string encoded;
  for (const char c : text.substr(text.find("\r\n\r\n") + 4)) {
    if (c == '\r' || c == '\n' || c == '=') continue;
    encoded.push_back(c == '+' ? '-' : c == '/' ? '_' : c);
  }
  std::string out;
  EXPECT_TRUE(from_base64url(encoded, out)) << encoded;
  return out;
}

}  // namespace voxanne::test
