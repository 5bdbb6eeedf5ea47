#include "knowledge/formats/confined_reader.h"
#include "knowledge/formats/csv.h"
#include "knowledge/formats/docx.h"
#include "knowledge/formats/html.h"
#include "knowledge/formats/markdown_writer.h"
#include "knowledge/formats/pdf.h"
#include "support/documents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <sys/resource.h>

#include <fstream>
#include <tuple>

namespace voxanne::knowledge::formats {
namespace {

using testing::HasSubstr;
using testing::Not;
using End = ChildOutput::End;

// ── Tables ─────────────────────────────────────────────────────────────────────────────────────

TEST(Csv, every_value_is_said_with_the_name_of_its_column) {
  EXPECT_EQ(csv_to_markdown("Treatment,Price,Time\nCrown,£650,60 minutes\nFilling,,30 minutes\n").value(),
            "Crown: Price £650, Time 60 minutes\n\nFilling: Time 30 minutes\n\n");
}
TEST(Csv, a_first_row_with_values_is_no_heading) {
  EXPECT_EQ(csv_to_markdown("Crown,650\nFilling,90\n").value(), "Crown: 650\n\nFilling: 90\n\n");
}
TEST(Csv, quotes_hold_separators_quotes_and_line_ends) {
  const auto rows = read_csv("a,\"b, \"\"c\"\"\nd\",e\r\n\"\",f,\"\"\n").value();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], (std::vector<std::string>{"a", "b, \"c\"\nd", "e"}));
  EXPECT_EQ(rows[1], (std::vector<std::string>{"", "f", ""}));
}
TEST(Csv, the_separator_is_the_one_in_use) {
  EXPECT_EQ(read_csv("a;b;c,d\n").value()[0].size(), 3u);
  EXPECT_EQ(read_csv("a\tb, c\td\n").value()[0].size(), 3u);
}
TEST(Csv, an_open_quote_is_named_by_its_line) {
  const auto error = csv_to_markdown("a,b\nc,\"d\ne\n").error();
  EXPECT_EQ(error.code, "csv_quote_open");
  EXPECT_THAT(error.message, HasSubstr("line 2"));
  EXPECT_EQ(csv_to_markdown(std::string(300, ',')).error().code, "csv_too_wide");
}

// ── Web pages ──────────────────────────────────────────────────────────────────────────────────

TEST(Html, is_read_as_a_reader_sees_it) {
  const auto markdown =
      html_to_markdown(R"(<!doctype html><html><head><title>Ours</title><style>p{}</style></head>
      <body><nav>Home | About</nav><h1>Opening <em>hours</em></h1><p>Open from&nbsp;9
      to 5.<script>alert(1)</script></p><ul><li>Cash</li><li>Cards</li></ul>
      <table><tr><th>Item</th><th>Price</th></tr><tr><td>Crown</td><td>&pound;650</td></tr></table>
      <div>By <a href="/x">the door</a><div>inside</div></div></body></html>)");
  EXPECT_EQ(markdown.value(),
            "\n# Opening hours\n\nOpen from 9 to 5.\n\n- Cash\n- Cards\n| Item | Price |\n| Crown | £650 |\n"
            "By the door\n\ninside\n\n");
}
TEST(Html, the_pages_own_encoding_is_used) {
  EXPECT_THAT(html_to_markdown("<meta charset=\"iso-8859-1\"><p>caf\xe9").value(), HasSubstr("café"));
  EXPECT_THAT(html_to_markdown("<p>café £5").value(), HasSubstr("café £5"));
}
TEST(Html, text_is_never_taken_for_marks) {
  EXPECT_EQ(html_to_markdown("<p># 5 *stars* [x](y)</p><p>- 3 &lt;b&gt;</p><p>1. first</p>").value(),
            "\\# 5 \\*stars\\* \\[x\\](y)\n\n\\- 3 \\<b\\>\n\n1\\. first\n\n");
}
TEST(Html, entities_of_its_own_are_not_expanded_and_files_not_fetched) {
  const auto markdown = html_to_markdown(
      R"(<!DOCTYPE html [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]><p>&b;&f;x</p>)");
  EXPECT_THAT(markdown.value(), Not(HasSubstr("root:")));
  EXPECT_THAT(markdown.value(), Not(HasSubstr("aaaaaaaa")));
}
TEST(Html, nesting_without_end_ends) {
  std::string deep;
  for (int i = 0; i < 200'000; ++i) deep += "<div>";
  static_cast<void>(html_to_markdown(deep + "x"));
  EXPECT_EQ(html_to_markdown(std::string(max_html_bytes + 1, 'x')).error().code, "html_too_large");
  EXPECT_EQ(html_to_markdown("").error().code, "html_unreadable");
}

// ── Word ───────────────────────────────────────────────────────────────────────────────────────

TEST(Docx, headings_lists_and_tables_keep_their_shape) {
  const auto bytes =
      test::docx({test::docx_heading("Prices", 1), test::docx_paragraph("All prices hold in 2026."),
                  test::docx_item("Cash"), test::docx_row({"Crown", "£650"})});
  EXPECT_EQ(docx_to_markdown(bytes).value(),
            "\n# Prices\n\nAll prices hold in 2026.\n\n- Cash\n| Crown | £650 |\n");
}
TEST(Docx, styles_say_what_a_heading_is) {
  const auto markdown = docx_parts_to_markdown(
      R"(<w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="berschrift2"/></w:pPr><w:r><w:t>Zeiten</w:t></w:r></w:p></w:body></w:document>)",
      R"(<w:styles xmlns:w="w"><w:style w:styleId="berschrift2"><w:name w:val="heading 2"/></w:style></w:styles>)");
  EXPECT_EQ(markdown.value(), "\n## Zeiten\n\n");
}
TEST(Docx, deleted_text_and_field_codes_are_not_said) {
  const auto markdown = docx_parts_to_markdown(
      R"(<w:document xmlns:w="w"><w:body><w:p><w:del><w:r><w:t>old</w:t></w:r></w:del><w:r><w:instrText>PAGE</w:instrText><w:t>new</w:t></w:r></w:p></w:body></w:document>)",
      "");
  EXPECT_EQ(markdown.value(), "new\n\n");
}
TEST(Docx, what_is_none_says_how_to_mend_it) {
  EXPECT_EQ(docx_to_markdown("no archive").error().code, "docx_unreadable");
  EXPECT_EQ(docx_to_markdown("").error().code, "docx_unreadable");
  EXPECT_EQ(docx_to_markdown(test::zip({{"other.xml", "<a/>"}})).error().code, "docx_unreadable");
  EXPECT_EQ(docx_to_markdown(test::zip({{"word/document.xml", "<broken"}})).error().code, "docx_unreadable");
  const auto old = docx_to_markdown("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and so on").error();
  EXPECT_EQ(old.code, "word_binary");
  EXPECT_THAT(old.message, HasSubstr("save it as .docx"));
  auto good = test::docx({test::docx_paragraph(std::string(5'000, 'x') + "text that fills a file")});
  for (std::size_t size = 0; size < good.size(); size += 7)
    EXPECT_FALSE(docx_to_markdown(good.substr(0, size))) << size;
}
TEST(Docx, a_bomb_is_refused_without_being_unpacked) {
  const auto bomb = test::zip_bomb("word/document.xml", 300u << 20);
  EXPECT_LT(bomb.size(), 1u << 20);
  const auto error = docx_to_markdown(bomb).error();
  EXPECT_EQ(error.code, "docx_unpacks_too_large");
  EXPECT_EQ(error.kind, Fault::too_large);
}
TEST(Docx, a_password_is_named_as_the_reason) {
  EXPECT_EQ(docx_to_markdown(test::encrypted_zip("word/document.xml", "<a/>")).error().code,
            "docx_encrypted");
}
TEST(Docx, nesting_and_entities_without_end_end) {
  std::string deep = R"(<w:document xmlns:w="w"><w:body>)", close;
  for (int i = 0; i < 100'000; ++i) deep += "<w:p>";
  for (int i = 0; i < 100'000; ++i) close += "</w:p>";
  static_cast<void>(docx_parts_to_markdown(deep + close + "</w:body></w:document>", ""));
  const auto laughs = docx_parts_to_markdown(
      R"(<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><w:document xmlns:w="w"><w:body><w:p><w:r><w:t>&b;</w:t></w:r></w:p></w:body></w:document>)",
      "");
  EXPECT_THAT(laughs.value(), Not(HasSubstr("haha")));
}

// ── PDF ────────────────────────────────────────────────────────────────────────────────────────

TEST(Pdf, pages_come_one_after_the_other) {
  const auto text = pdf_to_text(test::pdf({"Opening hours: nine to five.", "Parking is free."}));
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "Opening hours: nine to five.\n\n\fParking is free.\n\n\f");
}
TEST(Pdf, what_is_none_says_how_to_mend_it) {
  EXPECT_EQ(pdf_to_text("no pdf").error().code, "pdf_unreadable");
  EXPECT_EQ(pdf_to_text("%PDF-1.4\nnothing else").error().code, "pdf_unreadable");
  EXPECT_EQ(pdf_to_text(test::pdf({""})).error().code, "pdf_without_text");
  const auto locked = pdf_to_text(test::encrypted_pdf()).error();
  EXPECT_EQ(locked.code, "pdf_encrypted");
  EXPECT_THAT(locked.message, HasSubstr("save it without one"));
}
TEST(Pdf, a_bomb_ends_at_the_limits) {
  const auto bomb = test::pdf_bomb(1u << 30);
  EXPECT_LT(bomb.size(), 4u << 20);
  const auto begun = std::chrono::steady_clock::now();
  const auto text = pdf_to_text(bomb, {.max_memory = 512u << 20, .max_cpu_seconds = 3, .within = 8s});
  EXPECT_FALSE(text);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s);
}

// ── The confines ───────────────────────────────────────────────────────────────────────────────

class Confined : public testing::Test {
 protected:
  // What a shell inside them prints; the shell's own commands only, since it cannot start others.
  ChildOutput shell(const std::string& script, Confines confines = {.within = 10s}) {
    return run_confined({"bash", "-c", script}, "input", confines).value();
  }
};

TEST_F(Confined, a_child_reads_what_it_is_given) {
  const auto output = shell("read -r line; echo got $line; echo no >&2");
  EXPECT_EQ(output.out, "got input\n");
  EXPECT_EQ(output.err, "no\n");
  EXPECT_EQ(output.status, 0);
  EXPECT_EQ(shell("exit 3").status, 3);
}
TEST_F(Confined, there_is_no_network) {
  EXPECT_THAT(shell("echo x > /dev/tcp/127.0.0.1/9 && echo sent").out, Not(HasSubstr("sent")));
  EXPECT_THAT(shell("echo x > /dev/udp/127.0.0.1/9 && echo sent").out, Not(HasSubstr("sent")));
}
TEST_F(Confined, there_are_no_other_files) {
  ASSERT_TRUE(withholds_files()) << "this kernel has no Landlock";
  const auto secret = testing::TempDir() + "confined_secret";
  std::ofstream{secret} << "secret";
  EXPECT_THAT(shell("read -r line < " + secret + " && echo $line").out, Not(HasSubstr("secret")));
  EXPECT_THAT(shell("read -r line < /etc/passwd && echo $line").out, Not(HasSubstr("root")));
  EXPECT_THAT(shell("echo x > " + secret + ".new && echo written").out, Not(HasSubstr("written")));
}
TEST_F(Confined, there_are_no_other_processes) {
  EXPECT_THAT(shell("(echo forked)").out, Not(HasSubstr("forked")));
}
TEST_F(Confined, time_output_memory_and_processor_are_bounded) {
  EXPECT_EQ(shell("while :; do :; done", {.max_cpu_seconds = 60, .within = 300ms}).end, End::out_of_time);
  const auto busy = shell("while :; do :; done", {.max_cpu_seconds = 1, .within = 30s});
  EXPECT_EQ(busy.end, End::killed);
  EXPECT_TRUE(busy.status == SIGXCPU || busy.status == SIGKILL) << busy.status;
  EXPECT_EQ(
      shell("while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done", {.within = 10s, .max_output = 100'000})
          .end,
      End::too_much_output);
  const auto hungry = shell("x=x; while :; do x=$x$x; done", {.max_memory = 64u << 20, .within = 20s});
  EXPECT_TRUE(hungry.end != End::exited || hungry.status != 0);
}
TEST_F(Confined, a_program_that_is_not_there_is_named) {
  EXPECT_EQ(run_confined({"no-such-program-here"}, "", {}).error().code, "program_missing");
}

// ── Readers within confines ────────────────────────────────────────────────────────────────────

class ConfinedReader : public testing::Test {
 protected:
  void SetUp() override {
    if (!confines_our_own) GTEST_SKIP() << "NOT TESTED: a sanitizer needs more than the confines leave";
  }
  static Result<std::string> read(const std::string& kind, std::string_view bytes,
                                  const Confines& confines = of_our_own) {
    return read_confined({DOCUMENT_READER}, kind, bytes, confines);
  }
  static std::string times(std::string_view unit, std::size_t bytes) {
    std::string out;
    out.reserve(bytes + unit.size());
    while (out.size() < bytes) out += unit;
    return out;
  }
  static std::string word(const std::string& content) {
    return "<w:document xmlns:w=\"w\"><w:body>" + content + "</w:body></w:document>";
  }
  // Of this process, at its peak.
  static std::size_t resident() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    return static_cast<std::size_t>(used.ru_maxrss) << 10;
  }
};

TEST_F(ConfinedReader, reads_what_is_read_here) {
  const std::pair<const char*, std::string> documents[] = {
      {"html", "<h1>Hours</h1><p>Caf\u00e9, nine to five.</p>"},
      {"csv", "Item,Price\nCrown,\"£650\"\n"},
      {"docx", test::docx({test::docx_heading("Prices", 1), test::docx_row({"Crown", "£650"})})}};
  for (const auto& [kind, bytes] : documents) {
    const auto text = read(kind, bytes);
    ASSERT_TRUE(text) << kind << ": " << text.error().message;
    EXPECT_EQ(*text, read_here(kind, bytes).value());
    EXPECT_FALSE(text->empty());
  }
}
TEST_F(ConfinedReader, errors_come_back_as_they_are) {
  const std::pair<const char*, std::string> documents[] = {
      {"csv", "a,b\nc,\"d\ne\n"},
      {"csv", std::string(300, ',')},
      {"html", ""},
      {"docx", "no archive"},
      {"docx", test::encrypted_zip("word/document.xml", "<a/>")},
      {"docx", test::zip_bomb("word/document.xml", 80u << 20)}};
  for (const auto& [kind, bytes] : documents) {
    const auto here = read_here(kind, bytes).error(), there = read(kind, bytes).error();
    EXPECT_EQ(there.kind, here.kind) << here.code;
    EXPECT_EQ(there.code, here.code);
    EXPECT_EQ(there.message, here.message);
  }
}
TEST_F(ConfinedReader, what_would_take_gigabytes_ends_the_child_alone) {
  const auto nodes = word(times("<a/> ", max_docx_part - 100));
  const auto bomb = test::zip({{"word/document.xml", nodes}});
  const auto styles = test::zip(
      {{"word/document.xml", word("")}, {"word/styles.xml", "<s>" + times("<a/> ", 60u << 20) + "</s>"}});
  const auto attributes = times("<p a>", max_html_bytes - 100);
  const auto before = resident();
  for (const auto& [kind, bytes, memory] : {std::tuple{"docx", std::string_view{bomb}, 512u << 20},
                                            {"docx", std::string_view{styles}, 512u << 20},
                                            {"html", std::string_view{attributes}, 256u << 20}}) {
    const auto text = read(kind, bytes, {.max_memory = memory});
    ASSERT_FALSE(text) << kind;
    EXPECT_EQ(text.error().code, "document_too_costly");
    EXPECT_EQ(text.error().kind, Fault::too_large);
  }
  EXPECT_LT(resident() - before, 64u << 20);
}
TEST_F(ConfinedReader, tables_are_read_row_by_row_and_end_where_their_text_is_too_much) {
  const auto before = resident();
  const auto empty = read("csv", times(std::string(199, ',') + "\n", 25u << 20));
  ASSERT_TRUE(empty) << empty.error().message;
  EXPECT_EQ(*empty, "");
  std::string names;
  for (int i = 0; i < 199; ++i) names += std::string(59, 'n') + ",";
  const auto named = names + "n\n" + times(times("x,", 398) + "x\n", 20u << 20);
  EXPECT_EQ(read("csv", named).error().code, "csv_text_too_large");
  EXPECT_EQ(read_here("csv", named).error().code, "csv_text_too_large");
  EXPECT_LT(resident() - before, 256u << 20);
}
TEST_F(ConfinedReader, a_program_that_is_none_is_our_fault_and_not_the_documents) {
  EXPECT_EQ(read_confined({"/usr/bin/false"}, "html", "<p>x").error().code, "document_reader_failed");
  EXPECT_EQ(read_confined({"/usr/bin/false"}, "html", "<p>x").error().kind, Fault::unavailable);
  EXPECT_EQ(read_confined({"/no/such/program"}, "html", "<p>x").error().code, "program_missing");
  EXPECT_EQ(read("unknown", "x").error().code, "document_reader_failed");
}

// ── The writer ─────────────────────────────────────────────────────────────────────────────────

TEST(MarkdownWriter, blanks_collapse_and_broken_bytes_go) {
  EXPECT_EQ(collapsed(" a\t\n b\xC2\xA0 c "), "a b c");
  EXPECT_EQ(collapsed("a\xff\xfe b\xC3"), "a b");
}

}  // namespace
}  // namespace voxanne::knowledge::formats
