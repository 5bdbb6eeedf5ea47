#include "base/json_text.h"
#include "knowledge/chunk.h"
#include "knowledge/extract.h"
#include "knowledge/sentences.h"
#include "knowledge/terms.h"

#include <gtest/gtest.h>

namespace voxanne::knowledge {
namespace {

using Strings = std::vector<std::string>;

// ── extract ────────────────────────────────────────────────────────────────────────────────────

TEST(Extract, knows_a_format_by_name_or_type) {
  EXPECT_EQ(format_of("Prices.MD", "").value(), Format::markdown);
  EXPECT_EQ(format_of("a.markdown", "application/octet-stream").value(), Format::markdown);
  EXPECT_EQ(format_of("a.txt", "application/octet-stream").value(), Format::text);
  EXPECT_EQ(format_of("notes", "text/markdown; charset=utf-8").value(), Format::markdown);
  EXPECT_EQ(format_of("", "text/plain").value(), Format::text);
  EXPECT_EQ(format_of("a.PDF", "text/plain").value(), Format::pdf);
  EXPECT_EQ(format_of("a.docx", "").value(), Format::docx);
  EXPECT_EQ(format_of("a.htm", "").value(), Format::html);
  EXPECT_EQ(format_of("prices", "text/csv").value(), Format::csv);
  for (const auto& [name, type] : {std::pair{"a.doc", "application/msword"},
                                   {"a.png", "text/plain"},
                                   {"a", "application/octet-stream"},
                                   {"", ""}})
    EXPECT_EQ(format_of(name, type).error().code, "document_type_unsupported") << name;
}

TEST(Extract, other_formats_become_text_that_the_chunker_reads) {
  const auto page = extract(Format::html, "<h1>Hours</h1><p>Nine to five.</p>").value();
  EXPECT_EQ(page.format, Format::markdown);
  EXPECT_EQ(page.content_type, "text/html");
  const auto pieces = chunk(page.format, page.text);
  ASSERT_EQ(pieces.size(), 1u);
  EXPECT_EQ(pieces[0].heading, "Hours");
  EXPECT_EQ(pieces[0].text, "Nine to five.");
  const auto table = extract(Format::csv, "Item,Price\nCrown,\"£650\"\n").value();
  EXPECT_EQ(chunk(table.format, table.text).at(0).text, "Crown: Price £650.");
}

TEST(Chunk, knows_its_page_and_where_it_stood) {
  const std::string text = "First page.\n\f\fThird page,\nmore of it.\n\nAnd a last line.";
  const auto pieces = chunk(Format::pdf, text);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].page, 1);
  EXPECT_EQ(text.substr(pieces[0].offset, pieces[0].end - pieces[0].offset), "First page.");
  EXPECT_EQ(pieces[1].page, 3);
  EXPECT_EQ(pieces[1].text, "Third page, more of it. And a last line.");
  EXPECT_EQ(text.substr(pieces[1].offset, pieces[1].end - pieces[1].offset),
            "Third page,\nmore of it.\n\nAnd a last line.");
  EXPECT_EQ(chunk(Format::text, "No pages.").at(0).page, 0);
}

TEST(Extract, cleans_line_ends_marks_and_controls) {
  EXPECT_EQ(extract(Format::text,
                    "\xEF\xBB\xBF"
                    "a\r\nb\rc\fd\x07"
                    "e\tf")
                .value()
                .text,
            "a\nb\nc\nde\tf");
  EXPECT_EQ(extract(Format::markdown, "x").value().content_type, "text/markdown");
}

TEST(Extract, says_what_is_wrong) {
  const auto code = [](std::string_view bytes) { return extract(Format::text, bytes).error().code; };
  EXPECT_EQ(code(""), "document_empty");
  EXPECT_EQ(code(" \r\n\t "), "document_empty");
  EXPECT_EQ(code("\xEF\xBB\xBF"), "document_empty");
  EXPECT_EQ(code(std::string_view{"%PDF\0\1\2", 7}), "document_binary");
  EXPECT_EQ(code(std::string(100, '\x02')), "document_binary");
  EXPECT_EQ(code("caf\xE9"), "document_not_utf8");
  EXPECT_NE(extract(Format::text, "caf\xE9").error().message.find("offset 3"), std::string::npos);
  EXPECT_EQ(code(std::string(max_document_bytes + 1, 'a')), "document_too_large");
}

// ── sentences ──────────────────────────────────────────────────────────────────────────────────

TEST(Sentences, plain_line_keeps_the_words) {
  EXPECT_EQ(plain_line("**Bold** and *thin* and `code`"), "Bold and thin and code");
  EXPECT_EQ(plain_line("see [our *prices*](https://x/y?z=(1)) now"), "see our prices) now");
  EXPECT_EQ(plain_line("![a map](map.png) here"), "a map here");
  EXPECT_EQ(plain_line("<b>x</b> & y &amp; z<br>"), "x & y & z");
  EXPECT_EQ(plain_line("write to <info@x.org>"), "write to info@x.org");
  EXPECT_EQ(plain_line("2 * 3, snake_case, a < b"), "2 * 3, snake_case, a < b");
  EXPECT_EQ(plain_line("\\*not thin\\*"), "*not thin*");
  EXPECT_EQ(plain_line("  a \t b  "), "a b");
  EXPECT_EQ(plain_line("[broken](link"), "[broken](link");
}

TEST(Sentences, end_where_sentences_end) {
  const auto split = [](std::string_view text) {
    const auto views = split_sentences(text);
    return Strings{views.begin(), views.end()};
  };
  EXPECT_EQ(split("One. Two! Three? Four"), (Strings{"One.", "Two!", "Three?", "Four"}));
  EXPECT_EQ(split("See Dr. Bennett at 9.30 a.m. or later. Thanks."),
            (Strings{"See Dr. Bennett at 9.30 a.m. or later.", "Thanks."}));
  EXPECT_EQ(split("Open until 6 p.m. Closed on Sunday."),
            (Strings{"Open until 6 p.m.", "Closed on Sunday."}));
  EXPECT_EQ(split("It costs £4.50. (Or less.) J. Smith said so."),
            (Strings{"It costs £4.50.", "(Or less.)", "J. Smith said so."}));
  EXPECT_EQ(split("e.g. this, i.e. that."), (Strings{"e.g. this, i.e. that."}));
  EXPECT_EQ(split("Wait... what?"), (Strings{"Wait... what?"}));
  EXPECT_EQ(split("One\n\nTwo"), (Strings{"One", "Two"}));
  EXPECT_TRUE(split(" \n ").empty());
}

// ── chunk ──────────────────────────────────────────────────────────────────────────────────────

struct Flat {
  std::string heading, text;
  bool operator==(const Flat&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Flat& flat) {
  return out << flat.heading << ": " << flat.text;
}

std::vector<Flat> chunks(const std::string& markdown, Format format = Format::markdown) {
  std::vector<Flat> out;
  for (auto& piece : chunk(format, markdown)) out.push_back({piece.heading, piece.text});
  return out;
}

TEST(Chunk, headings_make_a_path) {
  EXPECT_EQ(
      chunks("Intro.\n# A\nOne.\n## B ##\nTwo.\n### C\nThree.\n## D\nFour.\n\nE\n===\nFive.\n\nF\n---\nSix."),
      (std::vector<Flat>{{"", "Intro."},
                         {"A", "One."},
                         {"A › B", "Two."},
                         {"A › B › C", "Three."},
                         {"A › D", "Four."},
                         {"E", "Five."},
                         {"E › F", "Six."}}));
  EXPECT_EQ(chunks("### Deep\nx."), (std::vector<Flat>{{"Deep", "x."}}));
}

TEST(Chunk, lists_rows_and_paragraphs_become_sentences) {
  EXPECT_EQ(chunks("- One\n- Two, which\n  goes on\n1. Three\n* Four"),
            (std::vector<Flat>{{"", "One. Two, which goes on. Three."}, {"", "Four."}}));
  EXPECT_EQ(chunks("| Treatment | Price |\n|---|---:|\n| Check-up | £45 |\n| Crown | £650 | from |"),
            (std::vector<Flat>{{"", "Check-up: £45. Crown: £650, from."}}));
  EXPECT_EQ(chunks("A paragraph\nin two lines.\n\nAnother."),
            (std::vector<Flat>{{"", "A paragraph in two lines. Another."}}));
  EXPECT_EQ(chunks("Text.\n\n---\n<!-- a\ncomment -->\n> Quoted.\n\n<!-- one --> <!-- two --> Said."),
            (std::vector<Flat>{{"", "Text. Quoted. Said."}}));
  EXPECT_EQ(chunks("<!-- one --> <!-- two"), (std::vector<Flat>{{"", "<!-- two."}}));
  EXPECT_EQ(chunks("# not a heading\n- nor a list", Format::text),
            (std::vector<Flat>{{"", "# not a heading - nor a list."}}));
}

TEST(Chunk, nothing_is_lost_behind_a_fence_or_a_comment_without_end) {
  EXPECT_EQ(chunks("Here is your FAQ:\n```markdown\n# Prices\nA crown costs £650.\n```\nAnything else?"),
            (std::vector<Flat>{{"", "Here is your FAQ:"}, {"Prices", "A crown costs £650. Anything else?"}}));
  EXPECT_EQ(chunks("~~~\nA crown costs £650."), (std::vector<Flat>{{"", "A crown costs £650."}}));
  EXPECT_EQ(chunks("<!-- note -->\n<!-- A crown costs £650.\n\nA bridge costs £900."),
            (std::vector<Flat>{{"", "<!-- A crown costs £650. A bridge costs £900."}}));
}

TEST(Chunk, stays_small_and_valid_whatever_comes) {
  std::string text = "# Long\n" + std::string(5'000, 'x') + "\n\n";
  for (int i = 0; i < 500; ++i) text += "wörd ";
  for (const auto& piece : chunk(Format::markdown, text)) {
    EXPECT_LE(piece.text.size(), max_chunk_bytes);
    EXPECT_TRUE(is_valid_utf8(piece.text));
    EXPECT_EQ(piece.heading, "Long");
  }
}

TEST(Chunk, headings_are_cut_since_every_chunk_repeats_them) {
  std::string euros;
  for (int i = 0; i < 100; ++i) euros += "€";
  const auto pieces = chunk(Format::markdown, "# " + euros + "\n## Prices of " + std::string(300, 'a') +
                                                  "\n### Crowns\nOne.\n#### " + std::string(300, 'b') +
                                                  "\nTwo.\n##### " + std::string(300, 'c') + "\nThree.");
  ASSERT_EQ(pieces.size(), 3u);
  std::string cut;
  for (int i = 0; i < 66; ++i) cut += "€";
  EXPECT_EQ(pieces[0].heading, cut + " › Prices of › Crowns") << "at characters and blanks";
  EXPECT_EQ(pieces[2].heading,
            "Prices of › Crowns › " + std::string(200, 'b') + " › " + std::string(200, 'c'))
      << "outermost first";
  for (const auto& piece : pieces) EXPECT_LE(piece.heading.size(), max_heading_path_bytes);
}

TEST(Chunk, a_heading_without_end_costs_no_more_than_its_text) {
  std::string text = "# " + std::string(1'000'000, 'a') + "\n";
  for (int i = 0; i < 10'000; ++i) text += std::string(250, 'x') + ".\n\n";
  std::size_t bytes = 0;
  for (const auto& piece : chunk(Format::markdown, text)) bytes += piece.heading.size() + piece.text.size();
  EXPECT_LE(bytes, 10'000 * (max_chunk_bytes + max_heading_bytes));
}

TEST(Chunk, ends_at_the_most_that_are_wanted) {
  for (const char* unit : {"x. Y. ", "# H\nx.\n", "- item\n", "| a | b |\n", "xxxxxxx"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    const auto all = chunk(Format::markdown, text);
    ASSERT_GT(all.size(), 100u) << unit;
    const auto some = chunk(Format::markdown, text, 100);
    ASSERT_EQ(some.size(), 100u) << unit;
    for (std::size_t i = 0; i < some.size(); ++i) {
      EXPECT_EQ(some[i].text, all[i].text);
      EXPECT_EQ(some[i].heading, all[i].heading);
    }
  }
}

TEST(Chunk, offsets_point_to_the_first_line) {
  const std::string text = "# A\n\nFirst.\n\n# B\nSecond.";
  const auto pieces = chunk(Format::markdown, text);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(text.substr(pieces[0].offset, 6), "First.");
  EXPECT_EQ(text.substr(pieces[1].offset, 7), "Second.");
}

TEST(Chunk, hostile_input_costs_linear_time) {
  // Each of these was chosen to make a careless parser look ahead again and again.
  for (const char* unit : {"[", "[a](", "<", "*", "`", "\\", "&", ". ", ".", "a.", "|", "> ", "- ", "<!--",
                           "\n#", "…", "\n# a\nb.", "# ", "\n=\n"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    const auto start = std::chrono::steady_clock::now();
    for (const auto& piece : chunk(Format::markdown, text)) {
      ASSERT_LE(piece.text.size(), max_chunk_bytes);
      ASSERT_LE(piece.heading.size(), max_heading_path_bytes);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{20}) << unit;
  }
}

// ── terms ──────────────────────────────────────────────────────────────────────────────────────

Strings terms(std::string_view text, Role role = Role::question) {
  Strings out;
  for (const auto& term : terms_of(text, role)) out.push_back(term.text);
  return out;
}

TEST(Terms, forms_of_a_word_have_one_stem) {
  for (const auto& [a, b] : {std::pair{"opening", "opened"},
                             {"practices", "practice"},
                             {"fitting", "fit"},
                             {"emergencies", "emergency"},
                             {"fillings", "filling"},
                             {"crowns", "crown"},
                             {"buses", "bus"},
                             {"closing", "close"},
                             {"monthly", "month"},
                             {"heavily", "heavy"}})
    EXPECT_EQ(stem(a), stem(b)) << a;
  EXPECT_NE(stem("bus"), stem("bu"));
  EXPECT_EQ(stem("glass"), "glass");
  EXPECT_EQ(stem("need"), "need");
  EXPECT_EQ(stem("24"), "24");
}

TEST(Terms, a_question_is_what_it_is_about) {
  EXPECT_EQ(terms("Hi, um, how much is a check-up, please?"), (Strings{"@price", "@checkup"}));
  EXPECT_EQ(terms("what's the cost of a checkup"), (Strings{"@price", "@checkup"}));
  EXPECT_EQ(terms("When are you open on Saturdays?"), (Strings{"@hours", "saturday"}));
  EXPECT_EQ(terms("thank you very much good morning"), Strings{});
  EXPECT_EQ(terms("where can I park my car"), (Strings{"@location", "@parking"}));
  EXPECT_EQ(terms(""), Strings{});
}

TEST(Terms, knowledge_yields_what_it_implies) {
  EXPECT_EQ(terms("Mon–Thu 9am", Role::knowledge),
            (Strings{"monday", "tuesday", "wednesday", "thursday", "9", "@hours"}));
  EXPECT_EQ(terms("Friday to Monday", Role::knowledge), (Strings{"friday", "saturday", "sunday", "monday"}));
  EXPECT_EQ(terms("Crown: £650", Role::knowledge), (Strings{"crown", "@price", "650"}));
  EXPECT_EQ(terms("monday or friday", Role::knowledge), (Strings{"monday", "friday"}));
}

}  // namespace
}  // namespace voxanne::knowledge
