#include "app/config_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace voxanne::app {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  std::map<std::string, std::string> variables_;
  std::filesystem::path directory_ =
      std::filesystem::temp_directory_path() / ("voxanne-config-" + std::to_string(getpid()));

  void SetUp() override { std::filesystem::create_directories(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path file(const std::string& name, const std::string& content) {
    std::ofstream{directory_ / name} << content;
    return directory_ / name;
  }
  Result<Config> load(std::optional<std::filesystem::path> path = std::nullopt) {
    return load_config(path, [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables_.find(name);
      return found == variables_.end() ? std::nullopt : std::optional{found->second};
    });
  }
  std::string error(std::optional<std::filesystem::path> path = std::nullopt) {
    const auto config = load(path);
    return config.has_error() ? config.error().message : "no error";
  }
};

TEST_F(ConfigTest, production_is_the_default_and_never_quietly_anything_else) {
  EXPECT_EQ(load()->environment, Environment::production);
  EXPECT_EQ(load()->host, "0.0.0.0");
  EXPECT_TRUE(load()->sip_listen.empty());

  variables_["VOXANNE_ENV"] = "Development";
  EXPECT_EQ(load()->environment, Environment::production);
  ASSERT_EQ(load()->warnings.size(), 1u);
  EXPECT_THAT(load()->warnings[0], HasSubstr("running as production"));

  variables_ = {{"NODE_ENV", "development"}};
  EXPECT_EQ(load()->environment, Environment::development);
  EXPECT_EQ(load()->host, "127.0.0.1");
  EXPECT_EQ(load()->sip_listen.front(), "udp:127.0.0.1:5060");
  variables_["VOXANNE_ENV"] = "staging";
  EXPECT_EQ(load()->environment, Environment::staging) << "VOXANNE_ENV goes before NODE_ENV";
}

TEST_F(ConfigTest, environment_overrides_the_file) {
  const auto path =
      file("a.toml", "port = 4000\nhost = \"10.0.0.1\"\nsip_allow = [\"192.0.2.0/24\", \"::1\"]\n");
  variables_["PORT"] = "5000";
  const auto config = load(path);
  EXPECT_EQ(config->port, 5000);
  EXPECT_EQ(config->host, "10.0.0.1");
  EXPECT_EQ(config->sip_allow, (std::vector<std::string>{"192.0.2.0/24", "::1"}));
}

TEST_F(ConfigTest, errors_name_the_key_and_what_is_allowed) {
  EXPECT_THAT(error(file("b.toml", "prot = 1\n")), HasSubstr("unknown key \"prot\""));
  EXPECT_THAT(error(file("c.toml", "port = \n")), HasSubstr("line 1"));
  EXPECT_THAT(error(directory_ / "absent.toml"), HasSubstr("does not exist"));
  variables_ = {{"PORT", "70000"}};
  EXPECT_THAT(error(), testing::AllOf(HasSubstr("PORT is \"70000\""), HasSubstr("0 to 65535")));
  variables_ = {{"RTP_PORTS", "100-200"}};
  EXPECT_THAT(error(), HasSubstr("RTP_PORTS"));
  variables_ = {{"DATABASE_URL", "postgres://x/y"}};
  EXPECT_THAT(error(), HasSubstr("PostgreSQL is not built into this version"));
  variables_ = {{"NATS_URL", "nats://x"}};
  EXPECT_THAT(error(), HasSubstr("NATS_URL"));
  variables_ = {{"SIP_LISTEN", "127.0.0.1:5060"}};
  EXPECT_THAT(error(), HasSubstr("udp:ADDRESS:PORT"));
}

TEST_F(ConfigTest, secrets_come_from_files_and_never_show_in_errors) {
  variables_ = {{"SECRET_KEY_FILE", file("key", "0123456789abcdef0123\n").string()}};
  EXPECT_EQ(load()->secret_key.reveal(), "0123456789abcdef0123");
  variables_ = {{"JWT_SECRET", "hunter2"}};
  EXPECT_THAT(error(), testing::AllOf(HasSubstr("JWT_SECRET"), testing::Not(HasSubstr("hunter2"))));
  variables_ = {{"SECRET_KEY_FILE", "/nonexistent/key"}};
  EXPECT_THAT(error(), HasSubstr("/nonexistent/key"));
  for (const char* url :
       {"postgres://voxanne:hunter2@db.example/voxanne", "postgres://v:hunt@er2:hunter2@db.example",
        "postgres://db.example/voxanne?user=v&password=hunter2",
        "postgres://v:a?hunter2@db.example/voxanne?sslmode=require",
        "postgres://db.example/?user=v@w&password=hunter2"})
    for (const char* key :
         {"DATABASE_URL", "NATS_URL", "S3_ENDPOINT", "OPENAI_BASE_URL", "PUBLIC_URL", "ALLOWED_ORIGINS",
          "STORAGE_URL", "JWT_JWKS_URL", "DEEPGRAM_URL", "VAPI_BASE_URL"}) {
      variables_ = {{key, url}};
      const auto told = load();
      const std::string text = told.has_error() ? told.error().message : told->warnings.at(0);
      EXPECT_THAT(text,
                  testing::AllOf(HasSubstr(key), HasSubstr("postgres://"), testing::Not(HasSubstr("er2"))))
          << url;
    }
  variables_ = {{"DATABASE_URL", "mysql://voxanne:hunter2@db.example:3306/voxanne"}};
  EXPECT_THAT(error(), HasSubstr("\"mysql://…@db.example:3306/voxanne\""));
}

TEST_F(ConfigTest, a_bucket_needs_its_keys_and_a_name_that_can_be_one) {
  variables_ = {{"STORAGE_URL", "s3://calls"}};
  EXPECT_THAT(error(), HasSubstr("S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY"));
  variables_ = {{"STORAGE_URL", "s3://calls"}, {"S3_ACCESS_KEY_ID", "a"}, {"S3_SECRET_ACCESS_KEY", "hidden"}};
  EXPECT_TRUE(load()->stores_in_s3());
  for (const char* url :
       {"s3://", "s3://a b", "s3://calls//x", "s3://calls/../x", "s3://calls/", "http://x"}) {
    variables_["STORAGE_URL"] = url;
    EXPECT_THAT(error(), HasSubstr("s3://BUCKET")) << url;
  }
  variables_["STORAGE_URL"] = "s3://calls/clinic";
  variables_["S3_ENDPOINT"] = "s3.example.com";
  EXPECT_THAT(error(), HasSubstr("S3_ENDPOINT"));
  variables_["S3_ENDPOINT"] = "https://project.supabase.co/storage/v1/s3/";
  EXPECT_EQ(load()->s3_endpoint, "https://project.supabase.co/storage/v1/s3");
  variables_["S3_REGION"] = "eu west";
  EXPECT_THAT(error(), testing::AllOf(HasSubstr("S3_REGION"), testing::Not(HasSubstr("hidden"))));
  variables_ = {{"S3_ENDPOINT", "https://s3.example.com"}};
  ASSERT_EQ(load()->warnings.size(), 1u);
  EXPECT_THAT(load()->warnings[0], HasSubstr("STORAGE_URL=s3://BUCKET"));
}

TEST_F(ConfigTest, settings_without_effect_are_told) {
  variables_ = {{"DEEPGRAM_API_KEY", "sk-abc"}};
  ASSERT_EQ(load()->warnings.size(), 1u);
  EXPECT_THAT(load()->warnings[0],
              testing::AllOf(HasSubstr("DEEPGRAM_API_KEY"), testing::Not(HasSubstr("sk-abc"))));
}

TEST_F(ConfigTest, embeddings_need_a_key_or_a_model) {
  EXPECT_EQ(load()->embeddings_by(), "");
  variables_ = {{"OPENAI_BASE_URL", "http://localhost:11434/v1/"}};
  EXPECT_EQ(load()->embeddings_by(), "");
  EXPECT_EQ(load()->openai_base_url, "http://localhost:11434/v1");
  variables_["EMBEDDING_MODEL"] = "nomic-embed-text";
  EXPECT_EQ(load()->embeddings_by(), "nomic-embed-text");
  variables_ = {{"OPENAI_API_KEY", "sk-abc"}};
  EXPECT_EQ(load()->embeddings_by(), "text-embedding-3-small");
  variables_["EMBEDDING_MODEL"] = "off";
  EXPECT_EQ(load()->embeddings_by(), "");
  variables_ = {{"OPENAI_BASE_URL", "localhost:11434"}};
  EXPECT_THAT(error(), HasSubstr("OPENAI_BASE_URL"));
  variables_ = {{"PUBLIC_URL", "https://voice.example.com/base/"}};
  EXPECT_EQ(load().value().public_url, "https://voice.example.com/base");
  variables_ = {{"SMTP_URL", "smtps://mail.example.com"}, {"MAIL_FROM", "desk@example.com"}};
  EXPECT_THAT(error(), HasSubstr("SMTP_URL needs PUBLIC_URL"));
  variables_["VOXANNE_ENV"] = "development";
  EXPECT_EQ(error(), "no error") << "read at this machine";
  variables_["PORT"] = "0";
  EXPECT_THAT(error(), HasSubstr("SMTP_URL needs PUBLIC_URL"));
  variables_["PORT"] = "3001";
  variables_["HOST"] = "192.0.2.1";
  EXPECT_THAT(error(), HasSubstr("SMTP_URL needs PUBLIC_URL"));
  variables_["PUBLIC_URL"] = "https://voice.example.com";
  EXPECT_EQ(error(), "no error");
  variables_ = {{"PUBLIC_URL", "voice.example.com"}};
  EXPECT_THAT(error(), HasSubstr("PUBLIC_URL"));
}

TEST(ConfigurationPage, has_one_row_for_every_key_and_none_besides) {
  std::ifstream page{VOXANNE_SOURCE_DIR "/docs/configuration.md"};
  ASSERT_TRUE(page);
  std::vector<std::string> documented;
  std::string line;
  while (std::getline(page, line) && line != "## Keys") continue;
  while (std::getline(page, line) && !line.starts_with("## "))
    if (line.starts_with("| `")) documented.push_back(line.substr(3, line.find('`', 3) - 3));
  std::vector<std::string> known;
  for (const ConfigKey& key : config_keys()) known.emplace_back(key.variable);
  // Keys whose part is not built are errors or warnings; the page tells of them in words.
  std::ifstream again{VOXANNE_SOURCE_DIR "/docs/configuration.md"};
  const std::string text{std::istreambuf_iterator<char>{again}, {}};
  for (const std::string& key : documented) EXPECT_THAT(known, testing::Contains(key));
  for (const std::string& key : known)
    EXPECT_THAT(text, HasSubstr("`" + key + "`")) << key << " is missing in docs/configuration.md";
}

TEST_F(ConfigTest, published_keys_need_an_issuer_an_audience_and_a_safe_way) {
  variables_ = {{"JWT_JWKS_URL", "https://id.example/keys"}};
  EXPECT_THAT(error(), HasSubstr("JWT_ISSUER and JWT_AUDIENCE"));
  variables_["JWT_ISSUER"] = "https://id.example/";
  EXPECT_THAT(error(), HasSubstr("JWT_AUDIENCE"));
  variables_["JWT_AUDIENCE"] = "voxanne";
  EXPECT_EQ(load()->jwt_jwks_url, "https://id.example/keys");
  for (const char* bad : {"http://id.example/keys", "ftp://id.example", "keys.json"}) {
    variables_["JWT_JWKS_URL"] = bad;
    EXPECT_THAT(error(), HasSubstr("https://")) << bad;
  }
  variables_["JWT_JWKS_URL"] = "http://127.0.0.1:9/keys";
  EXPECT_EQ(error(), "no error");
}

TEST_F(ConfigTest, the_listener_s_limits_have_bounds_of_their_own) {
  variables_ = {{"MAX_CONNECTIONS", "100"}, {"HEADER_SECONDS", "2"}, {"WEBSOCKET_PING_SECONDS", "5"}};
  EXPECT_EQ(load()->max_connections, 100);
  EXPECT_EQ(load()->header_seconds, 2);
  EXPECT_EQ(load()->websocket_ping_seconds, 5);
  for (const char* name :
       {"MAX_CONNECTIONS", "MAX_CONNECTIONS_PER_ADDRESS", "MAX_HEADER_BYTES", "HEADER_SECONDS",
        "BODY_SECONDS", "IDLE_SECONDS", "WRITE_SECONDS", "WEBSOCKET_PING_SECONDS"})
    for (const char* bad : {"0", "-1", "ten", "99999999999"}) {
      variables_ = {{name, bad}};
      EXPECT_THAT(error(), HasSubstr(std::string{name} + " is \"" + bad)) << "and what is allowed";
    }
}

TEST_F(ConfigTest, a_certificate_and_its_key_belong_together) {
  variables_ = {{"TLS_CERT", "/a.crt"}};
  EXPECT_THAT(error(), HasSubstr("TLS_CERT needs TLS_KEY"));
  variables_ = {{"TLS_KEY", "/a.key"}};
  EXPECT_THAT(error(), HasSubstr("TLS_KEY needs TLS_CERT"));
  variables_["TLS_CERT"] = "/a.crt";
  EXPECT_EQ(load()->tls_cert, "/a.crt");
}

TEST_F(ConfigTest, who_is_trusted_is_read_with_care) {
  variables_ = {{"TRUSTED_PROXIES", "10.0.0.0/8, ::1"}, {"ALLOWED_ORIGINS", "HTTPS://App.Example.com"}};
  EXPECT_EQ(load()->trusted_proxies.size(), 2u);
  EXPECT_EQ(load()->allowed_origins.front(), "https://app.example.com");
  variables_ = {{"TRUSTED_PROXIES", "10.0.0.1/8"}};
  EXPECT_THAT(error(), HasSubstr("beyond its prefix length"));
  for (const char* bad : {"*", "app.example.com", "https://app.example.com/", "https://app.example.com/x"}) {
    variables_ = {{"ALLOWED_ORIGINS", bad}};
    EXPECT_THAT(error(), HasSubstr("ALLOWED_ORIGINS")) << bad;
  }
  variables_ = {{"OPERATOR_TOKEN", "too short"}};
  EXPECT_THAT(error(), HasSubstr("16 characters"));
}

}  // namespace
}  // namespace voxanne::app
