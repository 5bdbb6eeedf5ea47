#include "knowledge/ingest.h"

#include "knowledge/gaps.h"
#include "knowledge/search.h"
#include "knowledge/vocabulary.h"
#include "store/knowledge.h"
#include "support/store/temp_store.h"

#include <gtest/gtest.h>

namespace voxanne::knowledge {
namespace {

using voxanne::test::harbour;
using voxanne::test::noon;
using voxanne::test::rival;
using voxanne::test::TempStore;

class IngestTest : public testing::Test {
 protected:
  Result<domain::Document> put(const std::string& title, const std::string& text, const OrgId& org = harbour,
                               UtcTime at = noon) {
    return store.run(
        ingest(*store, workers,
               {.org = org, .title = title, .file_name = "a.md", .content_type = {}, .bytes = text}, at));
  }
  std::string answer(const std::string& question, const OrgId& org = harbour) {
    const auto found = store.run(look_up(*store, org, question)).value();
    return found ? found->sentence : "";
  }

  TempStore store;
  async::WorkerPool workers{"workers", 1};
};

TEST_F(IngestTest, a_document_is_searchable_once_it_is_stored) {
  const auto document = put("Prices", "# Prices\nA crown costs £650.\n\nA filling costs £90.").value();
  EXPECT_EQ(document.title, "Prices");
  EXPECT_EQ(document.content_type, "text/markdown");
  EXPECT_EQ(document.chunk_count, 1);
  EXPECT_EQ(document.embedded_chunks, 0);
  EXPECT_EQ(document.sha256.size(), 64u);
  EXPECT_EQ(answer("how much is a crown"), "A crown costs £650.");
  EXPECT_EQ(answer("how much is a crown", rival), "");
}

TEST_F(IngestTest, a_web_page_is_known_by_its_headings) {
  const auto document = store.run(ingest(*store, workers,
                                         {.org = harbour,
                                          .title = {},
                                          .file_name = "page.html",
                                          .content_type = {},
                                          .bytes = "<h1>Prices</h1><p>A crown costs £650.</p>"},
                                         noon));
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(document->content_type, "text/html");
  const auto chunks = store.run(store::chunks_of_document(*store, harbour, document->id)).value();
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].heading, "Prices");
  EXPECT_EQ(chunks[0].text, "A crown costs £650.");
  EXPECT_EQ(chunks[0].page, std::nullopt);
  EXPECT_LT(chunks[0].starts_at, chunks[0].ends_at);
}

TEST_F(IngestTest, the_same_name_again_replaces_it) {
  const auto first = put("Prices", "A crown costs £650.").value();
  const auto second =
      put(" prices ", "A crown costs £700.\n\nA bridge costs £900.", harbour, noon + 1h).value();
  EXPECT_EQ(second.id, first.id);
  EXPECT_EQ(second.created_at, noon);
  EXPECT_EQ(second.updated_at, noon + 1h);
  EXPECT_EQ(answer("how much is a crown"), "A crown costs £700.");
  const auto chunks = store.run(store::chunks_of_document(*store, harbour, first.id)).value();
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].text, "A crown costs £700. A bridge costs £900.");
  EXPECT_NE(put("Other", "Something else.").value().id, first.id);
}

TEST_F(IngestTest, the_title_comes_from_the_file_where_none_is_given) {
  const auto document = store.run(ingest(*store, workers,
                                         {.org = harbour,
                                          .title = "",
                                          .file_name = "C:\\docs\\Price list.2026.md",
                                          .content_type = {},
                                          .bytes = "x is y."},
                                         noon));
  EXPECT_EQ(document.value().title, "Price list.2026");
}

TEST_F(IngestTest, files_that_differ_in_their_extension_are_two_documents) {
  const auto upload = [&](const char* name, const char* text) {
    return store
        .run(ingest(*store, workers,
                    {.org = harbour, .title = "", .file_name = name, .content_type = {}, .bytes = text},
                    noon))
        .value()
        .id;
  };
  const auto prices = upload("prices.txt", "A crown costs £650.");
  EXPECT_NE(upload("prices.md", "A bridge costs £900."), prices);
  EXPECT_EQ(upload("Prices.TXT", "A crown costs £700."), prices);
}

TEST_F(IngestTest, bad_uploads_change_nothing) {
  ASSERT_TRUE(put("Prices", "A crown costs £650."));
  EXPECT_EQ(put("Prices", "").error().code, "document_empty");
  EXPECT_EQ(put("Prices", "caf\xE9").error().code, "document_not_utf8");
  EXPECT_EQ(put("Prices", std::string("a\0b", 3)).error().code, "document_binary");
  EXPECT_EQ(put("Prices", "<!-- only\na comment -->\n```\n```").error().code, "document_empty");
  EXPECT_EQ(store.run(ingest(*store, workers, {harbour, "x", "a.exe", "application/pdf", "%PDF"}, noon))
                .error()
                .code,
            "document_type_unsupported");
  EXPECT_EQ(store.run(ingest(*store, workers, {harbour, "", "", "text/plain", "x"}, noon)).error().code,
            "document_without_title");
  std::string endless;
  for (int i = 0; i < 10'001; ++i) endless += "# H\nx.\n";
  EXPECT_EQ(put("Prices", endless).error().code, "document_too_long");
  EXPECT_EQ(answer("how much is a crown"), "A crown costs £650.");
}

TEST_F(IngestTest, what_is_erased_is_found_no_more) {
  const auto id = put("Prices", "A crown costs £650.").value().id;
  EXPECT_EQ(store.run(erase(*store, rival, id)).error().code, "document_not_found");
  ASSERT_TRUE(store.run(erase(*store, harbour, id)));
  EXPECT_EQ(answer("how much is a crown"), "");
  EXPECT_EQ(store.run(erase(*store, harbour, id)).error().code, "document_not_found");
}

TEST_F(IngestTest, a_gap_that_is_answered_becomes_knowledge) {
  const auto gap = gap_of(harbour, CallId{"call_1"}, "do you have a swimming pool", noon);
  ASSERT_TRUE(gap);
  ASSERT_TRUE(store.write([&](store::Batch& batch) { store::open_gap(batch, *gap); }));
  EXPECT_EQ(answer("do you have a swimming pool"), "");
  EXPECT_EQ(store.run(answer_gap(*store, rival, gap->id, "No.", noon)).error().code, "gap_not_found");
  EXPECT_EQ(store.run(answer_gap(*store, harbour, gap->id, " \n", noon)).error().code, "answer_empty");
  EXPECT_EQ(store.run(answer_gap(*store, harbour, gap->id, std::string(3'000, 'x'), noon)).error().code,
            "answer_too_long");
  const auto document = store.run(answer_gap(*store, harbour, gap->id, "We have no pool.", noon));
  ASSERT_TRUE(document) << document.error().message;
  EXPECT_EQ(answer("is there a swimming pool"), "We have no pool.");
  EXPECT_EQ(store.run(answer_gap(*store, harbour, gap->id, "Yes.", noon)).error().code, "gap_answered");
  EXPECT_EQ(store.run(store::find_gap(*store, harbour, gap->id)).value()->answer, document->id);
}

TEST_F(IngestTest, what_holds_no_words_is_no_gap) {
  EXPECT_FALSE(gap_of(harbour, {}, "um, the of and?", noon));
  EXPECT_LE(gap_of(harbour, {}, "zeppelin " + std::string(5'000, 'x'), noon)->question.size(),
            max_question_bytes);
}

TEST_F(IngestTest, vocabulary_is_headings_once_and_sentences) {
  ASSERT_TRUE(
      put("A", "# Harbour\n## Prices\nA crown costs £650. A bridge costs £900.\n## Hours\nWe open at nine."));
  ASSERT_TRUE(put("B", "Foreign.", rival));
  const auto vocabulary = store.run(vocabulary_of(*store, harbour)).value();
  EXPECT_EQ(vocabulary.sentences,
            (std::vector<std::string>{"Harbour", "Prices", "A crown costs £650.", "A bridge costs £900.",
                                      "Hours", "We open at nine."}));
  EXPECT_EQ(vocabulary.topics, (std::vector<std::string>{"Prices", "Hours"})) << "not the document's title";
  EXPECT_FALSE(vocabulary.truncated);
}

}  // namespace
}  // namespace voxanne::knowledge
