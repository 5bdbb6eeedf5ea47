#include "api/routes/test_world.h"

#include "store/knowledge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

using testing::HasSubstr;
namespace json = boost::json;

class Knowledge : public testing::Test {
 protected:
  static constexpr std::string_view hours =
      "# Opening hours\n\nWe are open on weekdays from nine in the morning to six in the evening.\n\n"
      "# Parking\n\nThere is free parking behind the building.\n";

  // As a browser or curl would send it.
  test::HttpAnswer upload(std::string_view name, std::string_view bytes, const std::string& fields = "",
                          const std::string& org = "demo") {
    std::string body = fields;
    body.append("--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"").append(name);
    body.append("\"\r\n\r\n").append(bytes).append("\r\n--XX--\r\n");
    return post_form(body, org);
  }
  test::HttpAnswer post_form(const std::string& body, const std::string& org = "demo") {
    return world.send({.method = "POST",
                       .url = "/api/knowledge-base/upload",
                       .headers = {"Authorization: Bearer " + world.token(org),
                                   "Content-Type: multipart/form-data; boundary=XX"},
                       .body = body});
  }
  json::array search(const std::string& query, const std::string& org = "demo") {
    return world
        .ask("POST", "/api/knowledge-base/search", org, json::serialize(json::object{{"query", query}}))
        .json()
        .at("results")
        .as_array();
  }

  World world;
};

TEST_F(Knowledge, an_upload_is_searchable_at_once_and_told) {
  const auto answer = upload("hours.md", hours);
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto document = answer.json();
  EXPECT_EQ(document.at("fileName"), "hours.md");
  EXPECT_EQ(document.at("contentType"), "text/markdown");
  EXPECT_EQ(document.at("bytes"), hours.size());
  EXPECT_GE(document.at("chunkCount").as_int64(), 1);
  EXPECT_EQ(document.at("embedding").at("state"), "waiting");
  EXPECT_EQ(document.at("embedding").at("attempts"), 0);
  EXPECT_TRUE(document.at("embedding").at("lastError").is_null());
  EXPECT_EQ(world.knowledge_changed, std::vector<std::string>{"demo"});

  const auto results = search("when are you open in the morning");
  ASSERT_FALSE(results.empty());
  EXPECT_EQ(results[0].at("documentId"), document.at("id"));
  EXPECT_THAT(std::string{results[0].at("text").as_string()}, HasSubstr("nine in the morning"));
  EXPECT_EQ(results[0].at("startsAt"), 17);
  EXPECT_TRUE(results[0].at("page").is_null());
  EXPECT_TRUE(results[0].at("similarity").is_null());
  EXPECT_TRUE(search("open", "other").empty());

  EXPECT_EQ(world.get("/api/knowledge-base").json().at("documents").as_array().size(), 1u);
  const std::string path = "/api/knowledge-base/" + std::string{document.at("id").as_string()};
  EXPECT_EQ(world.get(path).json(), document);
}

TEST_F(Knowledge, the_same_file_again_replaces_the_document) {
  const auto first = upload("hours.md", hours).json();
  const auto second =
      upload("hours.md", "# Opening hours\n\nWe are closed for the summer holidays.\n").json();
  EXPECT_EQ(first.at("id"), second.at("id"));
  EXPECT_EQ(world.get("/api/knowledge-base").json().at("documents").as_array().size(), 1u);
  EXPECT_TRUE(search("parking").empty());
  EXPECT_FALSE(search("holidays").empty());

  const std::string path = "/api/knowledge-base/" + std::string{first.at("id").as_string()};
  EXPECT_EQ(world.ask("PATCH", path, "demo", R"({"title":"When we are open"})").status, 200);
  EXPECT_EQ(upload("hours.md", hours).json().at("title"), "When we are open") << "somebody's choice";
}

TEST_F(Knowledge, a_title_can_be_given_and_changed) {
  const auto document =
      upload("hours.md", hours, "--XX\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nOur hours\r\n")
          .json();
  EXPECT_EQ(document.at("title"), "Our hours");
  const std::string path = "/api/knowledge-base/" + std::string{document.at("id").as_string()};
  EXPECT_EQ(world.ask("PATCH", path, "demo", R"({"title":"Hours"})").json().at("title"), "Hours");
  EXPECT_EQ(world.ask("PATCH", path, "demo", R"({"title":""})").status, 400);
  EXPECT_EQ(world.ask("DELETE", path).status, 204);
  EXPECT_EQ(world.get(path).status, 404);
  EXPECT_EQ(world.ask("DELETE", path).status, 404);
  EXPECT_EQ(world.ask("PATCH", path, "demo", R"({"title":"x"})").status, 404);
}

TEST_F(Knowledge, a_bad_upload_is_refused_precisely_and_changes_nothing) {
  struct Case {
    test::HttpAnswer answer;
    int status;
    std::string says;
  };
  const Case cases[] = {
      {upload("hours.md", ""), 400, "no text"},
      {upload("hours.md", std::string_view{"\0\1\2 binary", 10}), 400, "not a text file"},
      {upload("hours.txt", "caf\xe9 latin-1 and more of it"), 400, "UTF-8"},
      {upload("hours.exe", "MZ"), 415, ""},
      {upload("", hours), 400, "file name"},
      {post_form("--XX--\r\n"), 400, "file is missing"},
      {post_form("--XX\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n--XX--"), 400,
       "file is missing"},
      {post_form("nonsense"), 400, "boundary"},
      {world.ask("POST", "/api/knowledge-base/upload", "demo", R"({"file":"x"})"), 415,
       "multipart/form-data"},
      {upload(
           "hours.md", hours,
           "--XX\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n" + std::string(201, 'x') + "\r\n"),
       400, "title"},
  };
  for (const auto& [answer, status, says] : cases) {
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_THAT(std::string{answer.json().at("error").as_string()}, HasSubstr(says));
  }
  EXPECT_EQ(upload("large.txt", std::string((25u << 20) + 100'000, 'x')).status, 413);
  EXPECT_TRUE(world.get("/api/knowledge-base").json().at("documents").as_array().empty());
  EXPECT_TRUE(world.knowledge_changed.empty());
}

TEST_F(Knowledge, a_bad_search_is_refused) {
  for (const char* body :
       {R"({})", R"({"query":""})", R"({"query":7})", R"({"query":" \n"})", R"({"query":"x","limit":0})"})
    EXPECT_EQ(world.ask("POST", "/api/knowledge-base/search", "demo", body).status, 400) << body;
}

TEST_F(Knowledge, a_gap_is_answered_once_and_becomes_knowledge) {
  domain::Gap gap;
  gap.id = GapId{"gap_1"};
  gap.org = OrgId{"demo"};
  gap.question = "do you treat children";
  gap.created_at = world.clock().utc();
  store::Batch batch;
  store::open_gap(batch, gap);
  world.write(std::move(batch));
  const auto gaps = world.get("/api/knowledge-base/gaps").json();
  ASSERT_EQ(gaps.at("gaps").as_array().size(), 1u);
  EXPECT_EQ(gaps.at("gaps").at(0).at("question"), "do you treat children");
  EXPECT_EQ(gaps.at("gaps").at(0).at("asked"), 1);

  const std::string path = "/api/knowledge-base/gaps/gap_1/answer";
  EXPECT_EQ(world.ask("POST", path, "demo", R"({"answer":""})").status, 400);
  EXPECT_EQ(world.ask("POST", path, "other", R"({"answer":"No"})").status, 404);
  EXPECT_EQ(world.ask("POST", path, "demo", R"({"answer":"Yes, from the age of three."})").status, 200);
  EXPECT_EQ(world.ask("POST", path, "demo", R"({"answer":"No."})").status, 409);
  EXPECT_TRUE(world.get("/api/knowledge-base/gaps").json().at("gaps").as_array().empty());
  EXPECT_FALSE(search("do you treat children").empty());
}

}  // namespace
}  // namespace voxanne::api
