// The server's configuration: one TOML file, every key overridable by the environment variable of
// the same name in capitals, secrets also as NAME_FILE. An unknown key or a bad value is an error
// that names the key and what is allowed. docs/configuration.md is checked against config_keys().
#pragma once

#include "base/log.h"
#include "base/result.h"
#include "base/secret.h"
#include "net/network.h"

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::app {

enum class Environment { production, staging, development, test };
std::string_view to_string(Environment environment);

struct Config {
  Environment environment = Environment::production;
  std::string host;  // empty: 127.0.0.1 in development, else 0.0.0.0
  int port = 3001;
  std::filesystem::path data_dir = "./data";
  std::string database_url;            // empty: sqlite under data_dir
  std::string storage_url;             // empty: files under data_dir
  std::string s3_endpoint, s3_region;  // empty: Amazon's own, us-east-1
  Secret s3_access_key_id, s3_secret_access_key;
  Secret secret_key;  // empty: generated once in data_dir
  Secret jwt_secret;
  std::string jwt_jwks_url, jwt_issuer, jwt_audience;
  Secret operator_token;
  std::vector<net::Network> trusted_proxies;
  std::vector<std::string> allowed_origins;
  std::filesystem::path tls_cert, tls_key;  // both or none: HTTPS and WSS
  std::string public_url;

  std::vector<std::string> sip_listen;  // "udp:127.0.0.1:5060"; empty: off
  std::string sip_trunk_uri, sip_username;
  Secret sip_password;
  std::vector<std::string> sip_allow;  // networks in CIDR notation
  std::string sip_public_address;
  int rtp_port_first = 16'384, rtp_port_last = 32'767;

  Secret smtp_url;                          // smtp:// or smtps://, with user and password; empty: no mail
  std::string mail_from;                    // an address, or "Name <address>"
  std::vector<net::Network> webhook_allow;  // beside public addresses

  // Embeddings: on when there is a key or a model of its own was named.
  Secret openai_api_key;
  std::string openai_base_url = "https://api.openai.com/v1";
  std::string embedding_model;  // empty: text-embedding-3-small where there is a key; "off"

  int requests_per_minute = 6'000;  // of an organization; 0: no limit
  // Limits of the HTTP and WebSocket listener (net/server.h).
  int max_connections = 16'384, max_connections_per_address = 2'048;
  int max_header_bytes = 16 * 1024, max_bodies_megabytes = 512;
  int header_seconds = 10, body_seconds = 30, idle_seconds = 60, write_seconds = 30;
  int websocket_ping_seconds = 20, websocket_backlog_kilobytes = 1'024, websocket_backlogs_megabytes = 256;

  int max_calls = 0;            // 0: what this machine is known to carry
  std::string overflow_number;  // E.164; empty: none
  std::string cleanup_cron = "0 2 * * *";
  std::optional<int> recording_retention_days;  // nullopt: for ever
  int failed_upload_days = 7;
  int drain_seconds = 300;
  int speech_workers = 0;          // 0: one per core
  int speech_callers = 0;          // of one worker; 0: what it can decode
  int speech_general_callers = 2;  // of one worker, understood with general English as well
  Secret sentry_dsn;               // empty: no error tracking
  std::string sentry_release;      // empty: voxanne@VERSION
  double sentry_traces_sample_rate = 0.1;
  log::Level log_level = log::Level::info;
  log::Format log_format = log::Format::json;

  // What is worth telling the operator at start: an unknown VOXANNE_ENV, settings without effect.
  std::vector<std::string> warnings;

  std::filesystem::path database_path() const;
  // Empty: knowledge is found by words alone.
  std::string embeddings_by() const;
  bool stores_in_s3() const { return storage_url.starts_with("s3://"); }
  std::filesystem::path recordings_path() const;  // of files
  std::filesystem::path spool_path() const { return data_dir / "spool"; }
};

// Reads a variable of the environment; a function so that tests need not touch the process's own.
using Environ = std::function<std::optional<std::string>(const std::string& name)>;
Environ process_environment();

// `file`: --config; else VOXANNE_CONFIG, else ./voxanne.toml if present.
Result<Config> load_config(const std::optional<std::filesystem::path>& file, const Environ& environ);

}  // namespace voxanne::app
