#include "store/knowledge.h"

#include "support/store/temp_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::store {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::IsEmpty;

class Knowledge : public testing::Test {
 protected:
  domain::Document document(std::string id, OrgId org = harbour) {
    return {.id = DocumentId{std::move(id)},
            .org = std::move(org),
            .title = "Leaflet",
            .file_name = "leaflet.md",
            .content_type = "text/markdown",
            .bytes = 100,
            .sha256 = "00ff",
            .created_at = noon,
            .updated_at = noon};
  }
  static domain::Chunk chunk(std::string heading, std::string text, std::int64_t position = 0) {
    return {ChunkId::make(), {}, position, std::move(heading), std::move(text)};
  }
  Result<> put(const domain::Document& doc, const std::vector<domain::Chunk>& chunks) {
    return store.write([&](Batch& batch) { put_document(batch, doc, chunks); });
  }
  std::vector<std::string> search(std::vector<std::string> words, OrgId org = harbour, int limit = 10) {
    std::vector<std::string> texts;
    double last = std::numeric_limits<double>::max();
    for (const WordMatch& match : store.run(search_words(*store, org, std::move(words), limit)).value()) {
      EXPECT_LE(match.score, last) << "best first";
      last = match.score;
      texts.push_back(match.chunk.text);
    }
    return texts;
  }
  // FTS5 compares its index with what the chunks say.
  void expect_index_intact() {
    static constexpr Statement check{
        "test.fts",
        "INSERT INTO knowledge_base_chunks_fts (knowledge_base_chunks_fts, rank) "
        "VALUES ('integrity-check', 1)"};
    Batch batch;
    batch.add(check, {});
    const auto intact = store.run(store.sqlite().write(std::move(batch)));
    EXPECT_TRUE(intact) << intact.error().message;
  }

  TempStore store;
};

TEST_F(Knowledge, a_document_comes_back_with_its_chunks) {
  ASSERT_TRUE(put(document("d"), {chunk("Hours", "second", 1), chunk("Prices", "first", 0)}));
  const auto back = store.run(find_document(*store, harbour, DocumentId{"d"})).value().value();
  EXPECT_EQ(back.title, "Leaflet");
  EXPECT_EQ(back.file_name, "leaflet.md");
  EXPECT_EQ(back.content_type, "text/markdown");
  EXPECT_EQ(back.bytes, 100);
  EXPECT_EQ(back.sha256, "00ff");
  EXPECT_EQ(back.chunk_count, 2);
  EXPECT_EQ(back.embedded_chunks, 0);
  const auto chunks = store.run(chunks_of_document(*store, harbour, DocumentId{"d"})).value();
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].text, "first");
  EXPECT_EQ(chunks[1].heading, "Hours");
  EXPECT_EQ(chunks[1].document, DocumentId{"d"});
  EXPECT_FALSE(store.run(find_document(*store, rival, DocumentId{"d"})).value());
}

TEST_F(Knowledge, words_find_chunks_stemmed_and_ranked) {
  ASSERT_TRUE(
      put(document("d"),
          {chunk("Opening hours", "We are open from eight until six."),
           chunk("Parking", "Patients park behind the building; opening the gate takes a moment, and so on."),
           chunk("Prices", "A check-up costs forty five pounds. Caf\xc3\xa9 vouchers are free.")}));
  EXPECT_THAT(search({"costs", "checkup"}), ElementsAre(testing::HasSubstr("forty five")));
  EXPECT_THAT(search({"parking"}), ElementsAre(testing::HasSubstr("behind the building")));
  EXPECT_THAT(search({"open"}),
              ElementsAre(testing::HasSubstr("eight until six"), testing::HasSubstr("gate")))
      << "a heading weighs double";
  EXPECT_THAT(search({"cafe"}), ElementsAre(testing::HasSubstr("vouchers")));
  EXPECT_THAT(search({"open"}, harbour, 1), testing::SizeIs(1));
  EXPECT_THAT(search({"elephants"}), IsEmpty());
  EXPECT_THAT(search({}), IsEmpty());
}

TEST_F(Knowledge, words_are_words_and_never_a_query) {
  ASSERT_TRUE(put(document("d"), {chunk("", "NEAR the harbour AND not far"), chunk("", "harbour")}));
  EXPECT_THAT(search({"\"", "*", "()", "-"}), IsEmpty());
  EXPECT_THAT(search({"NEAR("}), testing::SizeIs(1));
  EXPECT_THAT(search({"harb*"}), IsEmpty());
  EXPECT_THAT(search({"org_id"}), IsEmpty());
  EXPECT_THAT(search({"AND"}), testing::SizeIs(1));
  EXPECT_THAT(search({std::string{"har\0bour", 8}}), testing::SizeIs(2)) << "what is no letter is left out";
  std::vector<std::string> many(1'000, "elephant");
  many.front() = "harbour";
  EXPECT_THAT(search(many), testing::SizeIs(2));
}

TEST_F(Knowledge, another_organizations_words_are_not_found) {
  const OrgId alike{"harbour-2"};
  ASSERT_TRUE(put(document("d"), {chunk("", "our secret price")}));
  ASSERT_TRUE(put(document("d", rival), {chunk("", "their secret price")}));
  EXPECT_THAT(search({"secret"}), ElementsAre("our secret price"));
  EXPECT_THAT(search({"secret"}, rival), ElementsAre("their secret price"));
  EXPECT_THAT(search({"secret"}, alike), IsEmpty());
  EXPECT_THAT(search({"rival"}), IsEmpty()) << "an organization's id is not among the words";
}

TEST_F(Knowledge, replacing_and_erasing_leave_nothing_in_the_index) {
  ASSERT_TRUE(put(document("d"), {chunk("", "old words"), chunk("", "older words")}));
  domain::Document next = document("d");
  next.title = "New leaflet";
  next.created_at = next.updated_at = noon + 1h;
  ASSERT_TRUE(put(next, {chunk("", "new words")}));
  EXPECT_THAT(search({"old", "older", "words"}), ElementsAre("new words"));
  const auto back = store.run(find_document(*store, harbour, DocumentId{"d"})).value().value();
  EXPECT_EQ(back.title, "New leaflet");
  EXPECT_EQ(back.created_at, noon);
  EXPECT_EQ(back.updated_at, noon + 1h);
  EXPECT_EQ(back.chunk_count, 1);
  expect_index_intact();

  EXPECT_EQ(store.write([&](Batch& b) { erase_document(b, rival, DocumentId{"d"}); }).error().kind,
            Fault::conflict);
  ASSERT_TRUE(store.write([&](Batch& b) { erase_document(b, harbour, DocumentId{"d"}); }));
  EXPECT_THAT(search({"new"}), IsEmpty());
  EXPECT_THAT(store.run(chunks_of_document(*store, harbour, DocumentId{"d"})).value(), IsEmpty());
  expect_index_intact();
}

TEST_F(Knowledge, renaming_needs_the_document) {
  ASSERT_TRUE(put(document("d"), {chunk("", "words")}));
  ASSERT_TRUE(
      store.write([&](Batch& b) { rename_document(b, harbour, DocumentId{"d"}, "Other", noon + 1s); }));
  EXPECT_EQ(store.run(search_words(*store, harbour, {"words"}, 1)).value().at(0).title, "Other");
  EXPECT_FALSE(store.write([&](Batch& b) { rename_document(b, rival, DocumentId{"d"}, "Stolen", noon); }));
}

TEST_F(Knowledge, every_chunk_is_visited_once_across_many_pages) {
  std::vector<domain::Chunk> chunks;
  for (int i = 0; i < 1'234; ++i) chunks.push_back(chunk("", "text " + std::to_string(i), i));
  ASSERT_TRUE(put(document("d"), chunks));
  ASSERT_TRUE(put(document("d", rival), {chunk("", "theirs")}));
  int seen = 0;
  ASSERT_TRUE(store.run(visit_chunks(*store, harbour, [&](const domain::Chunk& c) {
    EXPECT_EQ(c.text, "text " + std::to_string(seen++));
  })));
  EXPECT_EQ(seen, 1'234);
}

TEST_F(Knowledge, documents_page_newest_first) {
  for (int i = 0; i < 5; ++i) {
    domain::Document doc = document("d" + std::to_string(i));
    doc.created_at = noon + milliseconds{i / 2};
    ASSERT_TRUE(put(doc, {}));
  }
  std::vector<std::string> ids;
  const auto visit = [&](const Row& row) { ids.push_back(document_from(row).id.str()); };
  const auto first = store.run(page_of_documents(*store, harbour, {.limit = 3}, visit)).value();
  ASSERT_TRUE(first.next);
  const auto second =
      store.run(page_of_documents(*store, harbour, {.limit = 3, .after = first.next}, visit)).value();
  EXPECT_FALSE(second.next);
  EXPECT_THAT(ids, ElementsAre("d4", "d3", "d2", "d1", "d0"));
}

TEST_F(Knowledge, a_gap_asked_again_counts_up_and_comes_back_when_its_answer_did_not_help) {
  const auto ask = [&](std::string question, OrgId org = harbour) {
    const domain::Gap gap{
        GapId::make(), std::move(org), CallId{"call"}, std::move(question), 1, noon, {}, {}};
    EXPECT_TRUE(store.write([&](Batch& b) { open_gap(b, gap); }));
    return gap.id;
  };
  const auto open = [&] {
    std::vector<domain::Gap> gaps;
    EXPECT_TRUE(store.run(
        page_of_open_gaps(*store, harbour, {}, [&](const Row& r) { gaps.push_back(gap_from(r)); })));
    return gaps;
  };
  const GapId first = ask("Do you treat horses?");
  ask("  do you treat HORSES ");
  ask("Don't you treat cats?");
  ask("Do you treat horses?", rival);
  ASSERT_EQ(open().size(), 2u);
  EXPECT_EQ(store.run(find_gap(*store, harbour, first)).value()->asked, 2);

  const auto answer = [&](OrgId org) {
    return store.write([&](Batch& b) { answer_gap(b, org, first, DocumentId{"d"}, noon + 1h); });
  };
  EXPECT_EQ(answer(rival).error().kind, Fault::conflict);
  EXPECT_TRUE(answer(harbour));
  EXPECT_EQ(answer(harbour).error().kind, Fault::conflict);
  EXPECT_EQ(open().size(), 1u);
  EXPECT_EQ(store.run(find_gap(*store, harbour, first)).value()->answer, DocumentId{"d"});
  ask("do you treat horses");
  EXPECT_EQ(open().size(), 2u);
}

}  // namespace
}  // namespace voxanne::store
