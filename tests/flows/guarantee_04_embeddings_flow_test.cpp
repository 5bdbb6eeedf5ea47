// Guarantee 4, embeddings never lose knowledge: the built program with a provider of embeddings that fails in
// every way there is. Uploads complete, are found by words at once and by meaning later; no vector is ever
// made up.
#include "support/documents.h"
#include "support/embeddings_imposter.h"
#include "support/http.h"
#include "support/patience.h"
#include "support/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <signal.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <thread>

namespace voxanne::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::ContainsRegex;
using testing::HasSubstr;
using Mood = EmbeddingsImposter::Mood;

constexpr std::size_t dimensions = 256;
constexpr std::string_view parking =
    "# Parking\n\nThere is a boathouse behind the house for motor vehicles.\n";

bool until(const std::function<bool()>& so, milliseconds limit) {
  for (const auto end = steady_clock::now() + limit; steady_clock::now() < end;) {
    if (so()) return true;
    std::this_thread::sleep_for(milliseconds{20});  // between two questions
  }
  return false;
}

class Embeddings : public testing::Test {
 protected:
  static std::map<std::string, std::string> settings(const EmbeddingsImposter& provider,
                                                     const std::string& model) {
    return {{"OPENAI_BASE_URL", provider.url()}, {"OPENAI_API_KEY", "sk-test"}, {"EMBEDDING_MODEL", model}};
  }

  HttpAnswer upload(Server& server, const std::string& name, std::string_view bytes) {
    std::string body =
        "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + name + "\"\r\n\r\n";
    body.append(bytes).append("\r\n--XX--\r\n");
    return http({.method = "POST",
                 .url = server.url("/api/knowledge-base/upload"),
                 .headers = {"Content-Type: multipart/form-data; boundary=XX"},
                 .body = body,
                 .limit = seconds{60}});
  }
  json::object embedding(Server& server, const std::string& id) {
    return http_get(server.url("/api/knowledge-base/" + id)).json().at("embedding").as_object();
  }
  bool becomes(Server& server, const std::string& id, const std::string& state,
               milliseconds limit = seconds{30}) {
    return until([&] { return embedding(server, id).at("state") == json::string_view{state}; }, limit);
  }
  json::value search(Server& server, const std::string& query, int limit = 3) {
    const auto answer = http_post_json(server.url("/api/knowledge-base/search"),
                                       json::object{{"query", query}, {"limit", limit}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return answer.json();
  }
  static std::string first_title(const json::value& found) {
    const auto& results = found.at("results").as_array();
    return results.empty() ? "" : std::string{results[0].at("title").as_string()};
  }
  static std::string id_of(const HttpAnswer& answer) {
    EXPECT_EQ(answer.status, 200) << answer.body;
    return std::string{answer.json().at("id").as_string()};
  }
  // Every stored vector's length and dimensions, straight from the file.
  std::vector<std::pair<double, std::size_t>> stored_vectors(Server& server) {
    sqlite3* db = nullptr;
    EXPECT_EQ(sqlite3_open_v2((server.data() / "voxanne.db").c_str(), &db, SQLITE_OPEN_READONLY, nullptr),
              SQLITE_OK);
    sqlite3_stmt* rows = nullptr;
    sqlite3_prepare_v2(db, "SELECT vector FROM knowledge_base_vectors", -1, &rows, nullptr);
    std::vector<std::pair<double, std::size_t>> out;
    while (sqlite3_step(rows) == SQLITE_ROW) {
      std::vector<float> vector(static_cast<std::size_t>(sqlite3_column_bytes(rows, 0)) / sizeof(float));
      std::memcpy(vector.data(), sqlite3_column_blob(rows, 0), vector.size() * sizeof(float));
      double squares = 0;
      for (const float value : vector) squares += double{value} * double{value};
      out.emplace_back(std::sqrt(squares), vector.size());
    }
    sqlite3_finalize(rows);
    sqlite3_close(db);
    return out;
  }
  void expect_whole_vectors(Server& server) {
    for (const auto& [length, size] : stored_vectors(server)) {
      EXPECT_NEAR(length, 1, 1e-3);
      EXPECT_EQ(size, dimensions);
    }
  }
  bool health_shows(Server& server, bool up, milliseconds limit) {
    return until(
        [&] {
          const auto health = http_get(server.url("/health")).json();
          const auto* shown = health.at("services").as_object().if_contains("embeddings");
          return shown && shown->as_bool() == up && health.at("status") == "ok";
        },
        limit);
  }

  EmbeddingsImposter provider_{dimensions};
};

TEST_F(Embeddings, knowledge_is_found_by_words_at_once_and_by_meaning_soon) {
  provider_.alias("automobile", "vehicles");
  Server server{settings(provider_, "first")};
  const auto id = id_of(upload(server, "parking.md", parking));
  EXPECT_EQ(first_title(search(server, "boathouse")), "parking");
  ASSERT_TRUE(becomes(server, id, "complete")) << server.process().output();
  const auto state = embedding(server, id);
  EXPECT_EQ(state.at("model"), "first");
  EXPECT_EQ(state.at("chunks"), 1);
  EXPECT_TRUE(state.at("lastError").is_null());
  EXPECT_TRUE(state.at("nextAttemptAt").is_null());
  // No word of it is in the text.
  json::value found;
  ASSERT_TRUE(
      until([&] { return first_title(found = search(server, "automobile")) == "parking"; }, seconds{10}))
      << json::serialize(found);
  EXPECT_EQ(found.at("byMeaning"), true);
  EXPECT_GT(found.at("results").at(0).at("similarity").as_double(), 0.2);
  EXPECT_TRUE(health_shows(server, true, seconds{5}));
  for (const auto& asked : provider_.asked()) EXPECT_EQ(asked.key, "Bearer sk-test");
  expect_whole_vectors(server);
  const auto metrics = http_get(server.url("/metrics")).body;
  EXPECT_THAT(metrics, ContainsRegex("voxanne_embedding_seconds_count.purpose=\"documents\". [1-9]"));
  EXPECT_THAT(metrics, ContainsRegex("voxanne_embedding_seconds_count.purpose=\"questions\". [1-9]"));
  EXPECT_THAT(metrics, HasSubstr("voxanne_embedding_failures_total 0\n"));
  EXPECT_THAT(metrics, HasSubstr("voxanne_breakers_open{provider=\"embeddings\"} 0\n"));
}

TEST_F(Embeddings, the_doctor_tries_the_provider) {
  const auto [well, all_well] = run_voxanne("doctor", settings(provider_, "first"));
  EXPECT_EQ(well, 0) << all_well;
  EXPECT_THAT(all_well,
              HasSubstr("ok    embeddings: first at " + provider_.url() + " answers with 256 dimensions"));
  provider_.set(Mood::forgetful);
  const auto [bad, no_model] = run_voxanne("doctor", settings(provider_, "second"));
  EXPECT_EQ(bad, 1);
  EXPECT_THAT(no_model, testing::AllOf(HasSubstr("embeddings: second"), HasSubstr("EMBEDDING_MODEL"),
                                       testing::Not(HasSubstr("sk-test"))));
}

TEST_F(Embeddings, whatever_the_provider_does_an_upload_completes_and_is_embedded_later) {
  const std::pair<Mood, const char*> faults[] = {
      {Mood::broken, "embedding_provider_failed"},  {Mood::closing, "embedding_provider_away"},
      {Mood::malformed, "embedding_answer_broken"}, {Mood::odd, "embedding_answer_broken"},
      {Mood::zero, "embedding_answer_broken"},      {Mood::other_size, "embedding_dimensions_changed"}};
  Server server{settings(provider_, "first")};
  const auto first = id_of(upload(server, "first.md", "# First\n\nThe very first fact.\n"));
  ASSERT_TRUE(becomes(server, first, "complete"));
  int number = 0;
  for (const auto& [mood, code] : faults) {
    provider_.set(mood);
    const std::string name = "fault" + std::to_string(number++);
    const auto begun = steady_clock::now();
    const auto id = id_of(upload(server, name + ".md", "# Fault\n\nThe word is zebra" + name + ".\n"));
    EXPECT_LT(steady_clock::now() - begun, seconds{5}) << code;
    EXPECT_EQ(first_title(search(server, "zebra" + name)), name) << code;
    EXPECT_TRUE(
        until([&] { return embedding(server, id).at("lastError") == json::string_view{code}; }, seconds{20}))
        << code << json::serialize(embedding(server, id));
    EXPECT_EQ(embedding(server, id).at("state"), "waiting");
    EXPECT_EQ(embedding(server, id).at("chunks"), 0);
    provider_.set(Mood::well);
    ASSERT_TRUE(becomes(server, id, "complete", seconds{60}))
        << code << json::serialize(embedding(server, id)) << server.process().output();
    expect_whole_vectors(server);
  }
}

TEST_F(Embeddings, health_tells_of_it_within_five_seconds_though_nobody_asks_anything) {
  Server server{settings(provider_, "first")};
  ASSERT_TRUE(health_shows(server, true, seconds{10}));
  for (const Mood mood : {Mood::broken, Mood::hanging, Mood::closing}) {
    provider_.set(mood);
    EXPECT_TRUE(health_shows(server, false, seconds{5})) << int(mood);
    provider_.set(Mood::well);
    EXPECT_TRUE(health_shows(server, true, seconds{5})) << int(mood);
  }
}

TEST_F(Embeddings, the_wait_that_the_provider_asks_for_is_kept) {
  Server server{settings(provider_, "first")};
  ASSERT_TRUE(health_shows(server, true, seconds{10}));
  provider_.limit_with("Retry-After: 4\r\n");
  provider_.set(Mood::limiting);
  const auto id = id_of(upload(server, "parking.md", parking));
  ASSERT_TRUE(provider_.wait_until(seconds{10}, [](const EmbeddingsImposter& p) {
    return !p.asked().empty() && p.asked().back().answered == 429;
  }));
  EXPECT_EQ(first_title(search(server, "boathouse")), "parking");
  EXPECT_TRUE(health_shows(server, false, seconds{5}));
  provider_.set(Mood::well);
  ASSERT_TRUE(becomes(server, id, "complete"));
  const auto asked = provider_.asked();
  const auto limited = std::ranges::find(asked, 429, &EmbeddingsImposter::Asked::answered);
  ASSERT_NE(limited, asked.end());
  ASSERT_NE(limited + 1, asked.end());
  EXPECT_GE((limited + 1)->at - limited->at, milliseconds{3'900});
  EXPECT_TRUE(health_shows(server, true, seconds{5}));
}

TEST_F(Embeddings, a_provider_that_hangs_holds_up_neither_uploads_nor_questions) {
  Server server{settings(provider_, "first")};
  const auto first = id_of(upload(server, "parking.md", parking));
  ASSERT_TRUE(becomes(server, first, "complete"));
  provider_.set(Mood::hanging);
  auto begun = steady_clock::now();
  id_of(upload(server, "other.md", "# Other\n\nSomething about zebras.\n"));
  EXPECT_LT(steady_clock::now() - begun, seconds{5});
  for (int i = 0; i < 6; ++i) {
    begun = steady_clock::now();
    const auto found = search(server, "boathouse number " + std::to_string(i));
    EXPECT_LT(steady_clock::now() - begun, milliseconds{4'000});
    EXPECT_EQ(first_title(found), "parking");
    EXPECT_EQ(found.at("byMeaning"), false);
  }
  // By then it is left alone, and nobody waits at all.
  begun = steady_clock::now();
  search(server, "boathouse once more");
  EXPECT_LT(steady_clock::now() - begun, milliseconds{1'000});
}

TEST_F(Embeddings, what_waits_survives_kill_9) {
  provider_.set(Mood::broken);
  Server server{settings(provider_, "first")};
  const auto id = id_of(upload(server, "parking.md", parking));
  server.process().signal(SIGKILL);
  server.process().wait(seconds{10});
  provider_.set(Mood::well);
  server.start();
  EXPECT_EQ(first_title(search(server, "boathouse")), "parking");
  EXPECT_TRUE(becomes(server, id, "complete"));
}

TEST_F(Embeddings, without_a_provider_words_serve_and_a_provider_may_come_later) {
  Server server;
  const auto id = id_of(upload(server, "parking.md", parking));
  const auto found = search(server, "boathouse");
  EXPECT_EQ(first_title(found), "parking");
  EXPECT_EQ(found.at("byMeaning"), false);
  EXPECT_EQ(embedding(server, id).at("state"), "waiting");
  EXPECT_FALSE(http_get(server.url("/health")).json().at("services").as_object().contains("embeddings"));
  server.process().signal(SIGTERM);
  server.process().wait(seconds{30});
  server.set_environment(settings(provider_, "first"));
  server.start();
  EXPECT_TRUE(becomes(server, id, "complete"));
}

TEST_F(Embeddings, another_model_embeds_anew_while_the_old_vectors_still_serve) {
  provider_.alias("automobile", "vehicles");
  Server server{settings(provider_, "first")};
  const auto id = id_of(upload(server, "parking.md", parking));
  ASSERT_TRUE(becomes(server, id, "complete"));
  server.process().signal(SIGTERM);
  server.process().wait(seconds{30});
  provider_.set("second", Mood::broken);
  server.set_environment(settings(provider_, "second"));
  server.start();
  EXPECT_TRUE(becomes(server, id, "renewing"));
  EXPECT_EQ(embedding(server, id).at("model"), "first");
  ASSERT_TRUE(until([&] { return search(server, "automobile").at("byMeaning").as_bool(); }, seconds{10}));
  EXPECT_EQ(first_title(search(server, "automobile")), "parking");
  provider_.set(Mood::well);
  ASSERT_TRUE(until([&] { return embedding(server, id).at("model") == "second"; }, seconds{60}));
  ASSERT_TRUE(becomes(server, id, "complete"));
  EXPECT_TRUE(until([&] { return search(server, "automobile").at("byMeaning").as_bool(); }, seconds{10}));
  expect_whole_vectors(server);
}

TEST_F(Embeddings, queries_are_cut_and_empty_ones_refused) {
  Server server{settings(provider_, "first")};
  const auto id = id_of(upload(server, "parking.md", parking));
  ASSERT_TRUE(becomes(server, id, "complete"));
  for (const char* empty : {"", " \n\t "}) {
    const auto answer =
        http_post_json(server.url("/api/knowledge-base/search"), json::object{{"query", empty}});
    EXPECT_EQ(answer.status, 400) << answer.body;
    EXPECT_THAT(std::string{answer.json().at("error").as_string()}, HasSubstr("query"));
  }
  EXPECT_EQ(upload(server, "empty.md", " \n").status, 400);
  std::string euros = "boathouse ";
  for (int i = 0; i < 9'000; ++i) euros += "\u20AC";
  EXPECT_EQ(first_title(search(server, euros)), "parking");
  for (const auto& asked : provider_.asked())
    for (const auto& text : asked.texts) {
      const auto characters =
          std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
      EXPECT_LE(characters, 8'000);
      EXPECT_NE(text, "");
    }
}

TEST_F(Embeddings, documents_of_every_kind_name_their_source) {
  Server server;
  const std::string table = "Treatment,Price\nWaxing,£25\nManicure,£30\n";
  const std::pair<std::string, std::string> files[] = {
      {"hours.pdf", pdf({"We are a small place.", "The sauna opens at seven on Fridays."})},
      {"prices.csv", table},
      {"team.docx", docx({docx_heading("Team", 1), docx_paragraph("Yolanda does the tattoos.")})},
      {"visit.html", "<h1>Visit</h1><p>Dogs must stay outside the greenhouse.</p>"}};
  for (const auto& [name, bytes] : files) EXPECT_EQ(upload(server, name, bytes).status, 200) << name;
  const auto sauna = search(server, "when does the sauna open").at("results").at(0);
  EXPECT_EQ(sauna.at("title"), "hours");
  EXPECT_EQ(sauna.at("page"), 2);
  EXPECT_THAT(std::string{search(server, "manicure price").at("results").at(0).at("text").as_string()},
              HasSubstr("Manicure: Price £30"));
  EXPECT_EQ(search(server, "tattoos").at("results").at(0).at("heading"), "Team");
  EXPECT_EQ(first_title(search(server, "dogs in the greenhouse")), "visit");
}

TEST_F(Embeddings, bombs_locked_and_broken_files_are_refused_with_what_to_do) {
  Server server;
  struct Case {
    std::string name, bytes;
    int status;
    std::string code;
  };
  std::string nodes;  // small in a file, 1.7 GB as a tree
  while (nodes.size() < (60u << 20)) nodes += "<a/> ";
  nodes = "<a>" + nodes + "</a>";
  std::vector<Case> cases{
      {"bomb.docx", zip_bomb("word/document.xml", 200u << 20), 413, "docx_unpacks_too_large"},
      {"locked.docx", encrypted_zip("word/document.xml", "<a/>"), 400, "docx_encrypted"},
      {"old.docx", "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1....", 400, "word_binary"},
      {"broken.docx", "PK\x03\x04 and no more", 400, "docx_unreadable"},
      {"locked.pdf", encrypted_pdf(), 400, "pdf_encrypted"},
      {"broken.pdf", "%PDF-1.7 and no more", 400, "pdf_unreadable"},
      {"scan.pdf", pdf({""}), 400, "pdf_without_text"},
      {"open.csv", "a,b\n\"c,d\n", 400, "csv_quote_open"},
      {"program.exe", "MZ", 415, "document_type_unsupported"},
  };
  // Under a sanitizer documents are read in the server itself, without the child's bound on memory.
  if (slowness == 1)
    cases.push_back({"nodes.docx", zip({{"word/document.xml", nodes}}), 413, "document_too_costly"});
  for (const auto& [name, bytes, status, code] : cases) {
    const auto answer = upload(server, name, bytes);
    EXPECT_EQ(answer.status, status) << name << answer.body;
    EXPECT_EQ(answer.json().at("code"), json::string_view{code}) << name;
  }
  EXPECT_EQ(http_get(server.url("/health/ready")).status, 200);
}

}  // namespace
}  // namespace voxanne::test
