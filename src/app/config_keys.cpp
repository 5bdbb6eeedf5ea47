#include "app/config_keys.h"

#include "base/e164.h"
#include "jobs/cron.h"
#include "net/smtp_client.h"
#include "net/url.h"
#include "notify/mail_text.h"
#include "ops/sentry/dsn.h"

#include <algorithm>
#include <charconv>

namespace voxanne::app {
namespace {

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    auto item = text.substr(0, comma);
    while (!item.empty() && item.front() == ' ') item.remove_prefix(1);
    while (!item.empty() && item.back() == ' ') item.remove_suffix(1);
    if (!item.empty()) out.emplace_back(item);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

std::optional<int> whole(std::string_view text, int low, int high) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
    return std::nullopt;
  return value;
}

template <auto Member>
Result<> text(Config& config, std::string_view value) {
  config.*Member = std::string{value};
  return {};
}
template <auto Member>
Result<> path(Config& config, std::string_view value) {
  config.*Member = value;
  return {};
}
template <auto Member>
Result<> list(Config& config, std::string_view value) {
  config.*Member = split_list(value);
  return {};
}
template <auto Member>
Result<> secret(Config& config, std::string_view value) {
  config.*Member = Secret{std::string{value}};
  return {};
}
template <auto Member, int Low, int High>
Result<> number(Config& config, std::string_view value) {
  const auto parsed = whole(value, Low, High);
  if (!parsed)
    return bad_value("allowed is a whole number from " + std::to_string(Low) + " to " + std::to_string(High));
  config.*Member = *parsed;
  return {};
}

// A setting of a part that this version does not have. Where ignoring it would be unsafe or would
// lose data, it is an error; else a warning.
template <bool Fatal>
Result<> absent(Config& config, std::string_view) {
  if constexpr (Fatal) return bad_value("it is not built into this version; unset it");
  config.warnings.emplace_back("has no effect in this version");
  return {};
}

Result<> environment(Config& config, std::string_view value) {
  for (const auto known :
       {Environment::production, Environment::staging, Environment::development, Environment::test})
    if (value == to_string(known)) {
      config.environment = known;
      return {};
    }
  config.environment = Environment::production;
  config.warnings.emplace_back("is not one of production, staging, development, test: running as production");
  return {};
}

Result<> database_url(Config& config, std::string_view value) {
  if (value.starts_with("postgres://") || value.starts_with("postgresql://"))
    return bad_value("PostgreSQL is not built into this version; use sqlite:PATH");
  if (!value.starts_with("sqlite:") || value.size() == 7) return bad_value("allowed is sqlite:PATH");
  config.database_url = std::string{value};
  return {};
}

Result<> storage_url(Config& config, std::string_view value) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
  constexpr std::string_view allowed =
      "allowed are file:PATH, s3://BUCKET and s3://BUCKET/PREFIX (letters, digits and -._ in each part)";
  const bool bucket = value.starts_with("s3://");
  if (bucket) {
    for (auto rest = value.substr(5);;) {
      const auto slash = std::min(rest.find('/'), rest.size());
      const auto part = rest.substr(0, slash);
      if (part.empty() || part.front() == '.' || part.find_first_not_of(letters) != part.npos)
        return bad_value(allowed);
      if (slash == rest.size()) break;
      rest.remove_prefix(slash + 1);
    }
  } else if (!value.starts_with("file:") || value.size() == 5) {
    return bad_value(allowed);
  }
  config.storage_url = std::string{value};
  return {};
}

Result<> s3_endpoint(Config& config, std::string_view value) {
  while (value.ends_with('/')) value.remove_suffix(1);
  const auto url = net::parse_url(value);
  if (!url || !(url->scheme == "https" || url->scheme == "http") || !url->query.empty() || !url->user.empty())
    return bad_value(
        "allowed is an http(s) URL such as https://s3.eu-west-1.amazonaws.com, without the bucket");
  config.s3_endpoint = std::string{value};
  return {};
}

Result<> s3_region(Config& config, std::string_view value) {
  if (value.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
      value.npos)
    return bad_value("allowed is a region's name, such as eu-west-1");
  config.s3_region = std::string{value};
  return {};
}

Result<> secret_key(Config& config, std::string_view value) {
  if (value.size() < 16)
    return bad_value("it needs at least 16 characters; `openssl rand -hex 32` makes a good one");
  config.secret_key = Secret{std::string{value}};
  return {};
}

Result<> jwt_secret(Config& config, std::string_view value) {
  if (value.size() < 32)
    return bad_value(
        "it needs at least 32 characters: shorter secrets can be guessed from one token (RFC 7518 §3.2)");
  config.jwt_secret = Secret{std::string{value}};
  return {};
}

Result<> jwks_url(Config& config, std::string_view value) {
  const auto url = net::parse_url(value);
  const bool here = url && (url->host == "localhost" || url->host == "127.0.0.1" || url->host == "::1");
  // Whoever can write the answer can let anybody in.
  if (!url || !(url->scheme == "https" || (url->scheme == "http" && here)))
    return bad_value("allowed is an https:// URL (http:// only to this machine)");
  config.jwt_jwks_url = std::string{value};
  return {};
}

Result<> operator_token(Config& config, std::string_view value) {
  if (value.size() < 16 || value.find_first_of(" \t") != value.npos)
    return bad_value(
        "it needs at least 16 characters and no blanks; `openssl rand -hex 32` makes a good one");
  config.operator_token = Secret{std::string{value}};
  return {};
}

template <auto Member>
Result<> networks(Config& config, std::string_view value) {
  auto parsed = net::parse_networks(split_list(value));
  if (!parsed) return bad_value(parsed.error().message);
  config.*Member = std::move(*parsed);
  return {};
}

Result<> smtp_url(Config& config, std::string_view value) {
  if (const auto url = net::parse_smtp_url(value); !url && !value.empty())
    return bad_value(url.error().message);
  config.smtp_url = Secret{std::string{value}};
  return {};
}

Result<> mail_from(Config& config, std::string_view value) {
  if (!notify::parse_mailbox(value))
    return bad_value("allowed is an address such as desk@example.com, or Name <desk@example.com>");
  config.mail_from = std::string{value};
  return {};
}

Result<> allowed_origins(Config& config, std::string_view value) {
  config.allowed_origins = split_list(value);
  for (std::string& origin : config.allowed_origins) {
    const auto url = net::parse_url(origin);
    if (!url || (url->scheme != "http" && url->scheme != "https") || url->target() != "/" ||
        origin.ends_with('/') || !url->user.empty())
      return bad_value("allowed is a list of origins such as https://app.example.com, without a path");
    origin = url->origin();
  }
  return {};
}

Result<> rtp_ports(Config& config, std::string_view value) {
  const auto dash = value.find('-');
  const auto first = whole(value.substr(0, dash), 1024, 65'535);
  const auto last =
      dash == std::string_view::npos ? std::nullopt : whole(value.substr(dash + 1), 1024, 65'535);
  if (!first || !last || *last - *first < 3)
    return bad_value("allowed is FIRST-LAST within 1024-65535, at least four ports, such as 16384-32767");
  config.rtp_port_first = *first;
  config.rtp_port_last = *last;
  return {};
}

// What paths are appended to, without a slash at its end.
template <std::string Config::* Field>
Result<> base_url(Config& config, std::string_view value) {
  const auto url = net::parse_url(value);
  if (!url || (url->scheme != "https" && url->scheme != "http") || !url->user.empty() || !url->query.empty())
    return bad_value("allowed is an http:// or https:// URL such as https://voice.example.com/base");
  while (value.ends_with('/')) value.remove_suffix(1);
  config.*Field = std::string{value};
  return {};
}

Result<> sip_listen(Config& config, std::string_view value) {
  const auto items = value == "off" ? std::vector<std::string>{} : split_list(value);
  for (const std::string& item : items)
    if (!item.starts_with("udp:") && !item.starts_with("tcp:"))
      return bad_value("allowed is off or a list of udp:ADDRESS:PORT and tcp:ADDRESS:PORT");
  config.sip_listen = items;
  return {};
}

Result<> overflow_number(Config& config, std::string_view value) {
  const auto number = to_e164(value);
  if (!number && !value.empty()) return bad_value("allowed is a telephone number such as +441234567890");
  config.overflow_number = number ? *number : std::string{};
  return {};
}

Result<> sentry_dsn(Config& config, std::string_view value) {
  if (const auto dsn = ops::sentry::parse_dsn(value); !dsn && !value.empty())
    return bad_value(dsn.error().message);
  config.sentry_dsn = Secret{std::string{value}};
  return {};
}

Result<> sample_rate(Config& config, std::string_view value) {
  double rate = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), rate);
  if (error != std::errc{} || end != value.data() + value.size() || !(rate >= 0 && rate <= 1))
    return bad_value("allowed is a number from 0 to 1, such as 0.1");
  config.sentry_traces_sample_rate = rate;
  return {};
}

Result<> cleanup_cron(Config& config, std::string_view value) {
  if (const auto cron = jobs::Cron::parse(value); !cron) return bad_value(cron.error().message);
  config.cleanup_cron = std::string{value};
  return {};
}

Result<> recording_retention_days(Config& config, std::string_view value) {
  config.recording_retention_days = whole(value, 1, 36'500);
  if (!config.recording_retention_days && !value.empty())
    return bad_value(
        "allowed is a whole number of days from 1 to 36500; unset, recordings are kept for ever");
  return {};
}

Result<> log_level(Config& config, std::string_view value) {
  if (value == "debug")
    config.log_level = log::Level::debug;
  else if (value == "info")
    config.log_level = log::Level::info;
  else if (value == "warning" || value == "warn")
    config.log_level = log::Level::warning;
  else if (value == "error")
    config.log_level = log::Level::error;
  else
    return bad_value("allowed are debug, info, warning, error");
  return {};
}

Result<> log_format(Config& config, std::string_view value) {
  if (value != "json" && value != "text") return bad_value("allowed are json, text");
  config.log_format = value == "json" ? log::Format::json : log::Format::text;
  return {};
}

constexpr ConfigKey known[] = {
    {"VOXANNE_ENV", "production (default), staging, development or test", environment},
    {"HOST", "address of the HTTP and WebSocket listener", text<&Config::host>},
    {"PORT", "its port; 0 takes a free one", number<&Config::port, 0, 65'535>},
    {"DATA_DIR", "database, recordings, spool and generated secrets",
     [](Config& config, std::string_view value) -> Result<> {
       if (value.empty()) return bad_value("it may not be empty");
       config.data_dir = value;
       return {};
     }},
    {"DATABASE_URL", "sqlite:PATH", database_url},
    {"STORAGE_URL", "where recordings are kept: file:PATH, or s3://BUCKET[/PREFIX]", storage_url},
    {"S3_ENDPOINT", "the S3 service's URL, without the bucket", s3_endpoint},
    {"S3_REGION", "its region", s3_region},
    {"S3_ACCESS_KEY_ID", "its keys", secret<&Config::s3_access_key_id>, true},
    {"S3_SECRET_ACCESS_KEY", "its keys", secret<&Config::s3_secret_access_key>, true},
    {"NATS_URL", "events across nodes (not in this version)", absent<true>},
    {"SECRET_KEY", "root of local tokens, signed URLs and keys at rest", secret_key, true},
    {"JWT_SECRET", "HS256 secret of tokens from elsewhere", jwt_secret, true},
    {"SUPABASE_JWT_SECRET", "the same, by its other name", jwt_secret, true},
    {"JWT_JWKS_URL", "where the keys of RS256 and ES256 tokens from elsewhere are published", jwks_url},
    {"JWT_ISSUER", "required issuer of tokens from elsewhere", text<&Config::jwt_issuer>},
    {"JWT_AUDIENCE", "required audience of tokens from elsewhere", text<&Config::jwt_audience>},
    {"OPERATOR_TOKEN", "opens what concerns the whole server", operator_token, true},
    {"TLS_CERT", "certificate and chain in PEM; with it the listener speaks HTTPS and WSS",
     path<&Config::tls_cert>},
    {"TLS_KEY", "file of its key, in PEM without a passphrase", path<&Config::tls_key>},
    {"TRUSTED_PROXIES", "networks whose forwarding headers count, such as 10.0.0.0/8",
     networks<&Config::trusted_proxies>},
    {"ALLOWED_ORIGINS", "origins that may open a WebSocket", allowed_origins},
    {"PUBLIC_URL", "base of signed URLs", base_url<&Config::public_url>},
    {"OPENAI_API_KEY", "key of an OpenAI-compatible provider of embeddings", secret<&Config::openai_api_key>,
     true},
    {"OPENAI_BASE_URL", "its address, such as http://localhost:11434/v1", base_url<&Config::openai_base_url>},
    {"LLM_MODEL", "hosted models (not in this version)", absent<false>},
    {"EMBEDDING_MODEL", "its model, NAME or NAME@DIMENSIONS; off: knowledge is found by words alone",
     text<&Config::embedding_model>},
    {"STT_MODEL", "hosted models (not in this version)", absent<false>},
    {"TTS_MODEL", "hosted models (not in this version)", absent<false>},
    {"TTS_VOICE", "hosted models (not in this version)", absent<false>},
    {"DEEPGRAM_API_KEY", "live recognition (not in this version)", absent<false>, true},
    {"DEEPGRAM_URL", "live recognition (not in this version)", absent<false>},
    {"TWILIO_ACCOUNT_SID", "carrier (not in this version)", absent<false>},
    {"TWILIO_AUTH_TOKEN", "carrier (not in this version)", absent<false>, true},
    {"VAPI_PRIVATE_KEY", "hosted engine (not in this version)", absent<false>, true},
    {"VAPI_WEBHOOK_SECRET", "hosted engine (not in this version)", absent<false>, true},
    {"VAPI_BASE_URL", "hosted engine (not in this version)", absent<false>},
    {"SIP_LISTEN", "off, or udp:ADDRESS:PORT and tcp:ADDRESS:PORT, comma separated", sip_listen},
    {"SIP_TRUNK_URI", "the trunk calls go out by, such as sip:trunk.example.com",
     text<&Config::sip_trunk_uri>},
    {"SIP_USERNAME", "at the trunk", text<&Config::sip_username>},
    {"SIP_PASSWORD", "at the trunk", secret<&Config::sip_password>, true},
    {"SIP_ALLOW", "networks that may call in, such as 203.0.113.0/24", list<&Config::sip_allow>},
    {"SIP_PUBLIC_ADDRESS", "our address as the trunk sees it, behind NAT", text<&Config::sip_public_address>},
    {"RTP_PORTS", "UDP ports of audio, FIRST-LAST", rtp_ports},
    {"WEBHOOK_ALLOW", "networks that webhooks may reach beside public addresses, such as 10.0.0.0/8",
     networks<&Config::webhook_allow>},
    {"SMTP_URL", "the mail server, such as smtps://USER:PASSWORD@mail.example.com; unset: nothing is mailed",
     smtp_url, true},
    {"MAIL_FROM", "whom mails are from, such as Name <desk@example.com>", mail_from},
    {"SENTRY_DSN", "error tracking: a Sentry-compatible tracker's DSN; unset: off", sentry_dsn, true},
    {"SENTRY_TRACES_SAMPLE_RATE", "share of requests and calls whose timing is sent there, 0 to 1",
     sample_rate},
    {"SENTRY_RELEASE", "the release that errors are filed under", text<&Config::sentry_release>},
    {"CLEANUP_CRON", "when the daily cleanup runs: five fields, in UTC", cleanup_cron},
    {"RECORDING_RETENTION_DAYS", "after which recordings are deleted, unless the organization says otherwise",
     recording_retention_days},
    {"FAILED_UPLOAD_DAYS", "after which failed uploads are deleted",
     number<&Config::failed_upload_days, 1, 36'500>},
    {"MAX_CALLS", "calls at a time; 0: what this machine is known to carry",
     number<&Config::max_calls, 0, 100'000>},
    {"OVERFLOW_NUMBER", "where callers by SIP are sent on to when all lines are taken, such as +441234567890",
     overflow_number},
    {"REQUESTS_PER_MINUTE", "of an organization, over the API; 0: no limit",
     number<&Config::requests_per_minute, 0, 10'000'000>},
    {"MAX_CONNECTIONS", "HTTP and WebSocket connections at a time",
     number<&Config::max_connections, 1, 1'000'000>},
    {"MAX_CONNECTIONS_PER_ADDRESS", "of one client address, proxies excepted",
     number<&Config::max_connections_per_address, 1, 1'000'000>},
    {"MAX_HEADER_BYTES", "of a request's first line and fields",
     number<&Config::max_header_bytes, 1'024, 1 << 20>},
    {"MAX_BODIES_MEGABYTES", "request bodies in memory, all together",
     number<&Config::max_bodies_megabytes, 32, 65'536>},
    {"HEADER_SECONDS", "for a request's header to arrive", number<&Config::header_seconds, 1, 3'600>},
    {"BODY_SECONDS", "for each 256 KiB of a body to arrive", number<&Config::body_seconds, 1, 3'600>},
    {"IDLE_SECONDS", "between two requests on a connection", number<&Config::idle_seconds, 1, 86'400>},
    {"WRITE_SECONDS", "without progress of a response", number<&Config::write_seconds, 1, 3'600>},
    {"WEBSOCKET_PING_SECONDS", "between pings; two unanswered ones end the connection",
     number<&Config::websocket_ping_seconds, 1, 3'600>},
    {"WEBSOCKET_BACKLOG_KILOBYTES", "what one WebSocket may be behind before it is dropped",
     number<&Config::websocket_backlog_kilobytes, 64, 65'536>},
    {"WEBSOCKET_BACKLOGS_MEGABYTES", "what all of them together may be behind",
     number<&Config::websocket_backlogs_megabytes, 1, 65'536>},
    {"DRAIN_SECONDS", "how long SIGTERM waits for active calls", number<&Config::drain_seconds, 0, 86'400>},
    {"SPEECH_WORKERS", "recognition processes; 0: one per core", number<&Config::speech_workers, 0, 256>},
    {"SPEECH_CALLERS", "callers a recognition process takes at most; 0: what it can decode",
     number<&Config::speech_callers, 0, 10'000>},
    {"SPEECH_GENERAL_CALLERS", "of them, understood with general English as well while there is room",
     number<&Config::speech_general_callers, 0, 64>},
    {"LOG_LEVEL", "debug, info, warning or error", log_level},
    {"LOG_FORMAT", "json (default; text in development) or text", log_format},
};

}  // namespace

std::span<const ConfigKey> config_keys() { return known; }

Error bad_value(std::string_view allowed) { return malformed("bad_configuration", std::string{allowed}); }

}  // namespace voxanne::app
