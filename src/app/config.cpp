#include "app/config.h"

#include "app/config_keys.h"

#include <toml++/toml.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace voxanne::app {
namespace {

std::string toml_name(std::string_view variable) {
  std::string out{variable};
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  return out;
}

Result<std::string> read_secret_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream content;
  if (!file || !(content << file.rdbuf()))
    return bad_value("cannot read the file " + path + " that it names");
  std::string value = std::move(content).str();
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.pop_back();
  return value;
}

// The value as an error may show it: of a URL neither who signs in and with what, nor its query.
std::string shown(std::string value) {
  const auto scheme = value.find("://");
  if (scheme == value.npos) return value;
  const auto begin = scheme + 3, query = value.find('?', begin);
  auto at = value.rfind('@');
  if (at == value.npos || at < begin) at = begin;
  // A password that was not encoded, or an @ in the query: which, only its writer knows.
  if (query < at) return value.replace(begin, value.npos, "…");
  if (query != value.npos) value.replace(query + 1, value.npos, "…");
  return at == begin ? value : value.replace(begin, at - begin, "…");
}

std::optional<std::string> toml_value(const toml::node& node) {
  if (const auto* value = node.as_string()) return value->get();
  if (const auto* value = node.as_integer()) return std::to_string(value->get());
  if (const auto* value = node.as_boolean()) return value->get() ? "true" : "false";
  if (const auto* array = node.as_array()) {
    std::string joined;
    for (const auto& item : *array) {
      const auto* value = item.as_string();
      if (!value) return std::nullopt;
      joined.append(joined.empty() ? "" : ",").append(value->get());
    }
    return joined;
  }
  return std::nullopt;
}

Result<std::map<std::string, std::string>> read_toml(const std::filesystem::path& path) {
  std::map<std::string, std::string> out;
  try {
    for (const auto& [name, node] : toml::parse_file(path.string())) {
      const std::string key{name.str()};
      const bool known = std::ranges::any_of(
          config_keys(), [&](const ConfigKey& candidate) { return toml_name(candidate.variable) == key; });
      if (!known)
        return bad_value(path.string() + ": unknown key \"" + key +
                         "\"; the keys are the variables' names in lower case, such as port, data_dir, "
                         "sip_listen (voxanne serve --help lists all)");
      auto value = toml_value(node);
      if (!value)
        return bad_value(path.string() + ": " + key +
                         " must be a string, a whole number, a boolean or a list of strings");
      out.emplace(key, std::move(*value));
    }
  } catch (const toml::parse_error& e) {
    return bad_value(path.string() + ", line " + std::to_string(e.source().begin.line) + ": " +
                     std::string{e.description()});
  }
  return out;
}

}  // namespace

std::string_view to_string(Environment environment) {
  switch (environment) {
    case Environment::production:
      return "production";
    case Environment::staging:
      return "staging";
    case Environment::development:
      return "development";
    case Environment::test:
      return "test";
  }
  return "production";
}

Environ process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>{value} : std::nullopt;
  };
}

std::filesystem::path Config::database_path() const {
  return database_url.empty() ? data_dir / "voxanne.db" : std::filesystem::path{database_url.substr(7)};
}

std::string Config::embeddings_by() const {
  if (embedding_model == "off") return {};
  if (embedding_model.empty()) return openai_api_key.empty() ? "" : "text-embedding-3-small";
  return embedding_model;
}

std::filesystem::path Config::recordings_path() const {
  return storage_url.empty() || stores_in_s3() ? data_dir / "recordings"
                                               : std::filesystem::path{storage_url.substr(5)};
}

Result<Config> load_config(const std::optional<std::filesystem::path>& given, const Environ& environ) {
  std::optional<std::filesystem::path> file = given;
  if (!file)
    if (auto named = environ("VOXANNE_CONFIG"); named && !named->empty()) file = *named;
  std::map<std::string, std::string> from_file;
  if (file || std::filesystem::exists("voxanne.toml")) {
    const auto path = file.value_or("voxanne.toml");
    if (!std::filesystem::exists(path))
      return bad_value("the configuration file " + path.string() + " does not exist");
    auto read = read_toml(path);
    if (read.has_error()) return read.error();
    from_file = std::move(*read);
  }

  Config config;
  for (const ConfigKey& key : config_keys()) {
    const std::string variable{key.variable};
    std::string origin = variable;
    auto value = environ(variable);
    if (!value && key.secret) {
      if (const auto path = environ(variable + "_FILE")) {
        auto content = read_secret_file(*path);
        if (content.has_error()) return bad_value(variable + "_FILE: " + content.error().message);
        value = std::move(*content);
        origin += "_FILE";
      }
    }
    if (!value && variable == "VOXANNE_ENV") {
      value = environ("NODE_ENV");
      if (value) origin = "NODE_ENV";
    }
    if (!value)
      if (const auto entry = from_file.find(toml_name(variable)); entry != from_file.end()) {
        value = entry->second;
        origin = entry->first;
      }
    if (!value || (value->empty() && !key.secret)) continue;
    const auto warned = config.warnings.size();
    if (const auto set = key.set(config, *value); set.has_error())
      return bad_value(origin + (key.secret ? "" : " is \"" + shown(*value) + "\"") + ": " +
                       set.error().message);
    for (auto i = warned; i < config.warnings.size(); ++i)
      config.warnings[i] =
          origin + (key.secret ? "" : " \"" + shown(*value) + "\"") + " " + config.warnings[i];
  }

  // Without them any tenant of the same identity provider could come in.
  if (!config.jwt_jwks_url.empty() && (config.jwt_issuer.empty() || config.jwt_audience.empty()))
    return bad_value(
        "JWT_JWKS_URL needs JWT_ISSUER and JWT_AUDIENCE: the iss and aud that the provider puts into its "
        "tokens for you");

  const bool has_keys = !config.s3_access_key_id.empty() && !config.s3_secret_access_key.empty();
  if (config.stores_in_s3() && !has_keys)
    return bad_value("STORAGE_URL=s3://… needs S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY (or …_FILE)");
  if (!config.stores_in_s3() && (has_keys || !config.s3_endpoint.empty()))
    config.warnings.emplace_back(
        "S3_… has no effect without STORAGE_URL=s3://BUCKET: recordings are kept as files");
  if (!config.smtp_url.empty() && config.mail_from.empty())
    return bad_value("SMTP_URL needs MAIL_FROM: the address that mails are from, such as desk@example.com");

  if (config.tls_cert.empty() != config.tls_key.empty())
    return bad_value(
        std::string{config.tls_cert.empty() ? "TLS_KEY needs TLS_CERT" : "TLS_CERT needs TLS_KEY"} +
        ": the certificate and its key belong together");

  const bool development = config.environment == Environment::development;
  const auto given_anywhere = [&](std::string_view variable) {
    return environ(std::string{variable}) || from_file.contains(toml_name(variable));
  };
  if (config.host.empty()) config.host = development ? "127.0.0.1" : "0.0.0.0";
  // Who reads a mail is elsewhere: where we listen says nothing to them, but to a developer at this machine.
  const bool read_here = development && config.port != 0 &&
                         (config.host == "127.0.0.1" || config.host == "localhost" || config.host == "::1");
  if (!config.smtp_url.empty() && config.public_url.empty() && !read_here)
    return bad_value(
        "SMTP_URL needs PUBLIC_URL: the address that the links in mails begin with, such as "
        "https://voice.example.com");
  if (development && !given_anywhere("LOG_FORMAT")) config.log_format = log::Format::text;
  if (development && !given_anywhere("SIP_LISTEN"))
    config.sip_listen = {"udp:127.0.0.1:5060", "tcp:127.0.0.1:5060"};
  return config;
}

}  // namespace voxanne::app
