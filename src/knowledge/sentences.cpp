#include "knowledge/sentences.h"

#include <algorithm>
#include <array>
#include <utility>

namespace voxanne::knowledge {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word(char c) { return is_letter(c) || is_digit(c) || static_cast<unsigned char>(c) >= 0x80; }

struct Entity {
  std::string_view name, text;
};
constexpr std::array<Entity, 8> entities{{{"&amp;", "&"},
                                          {"&lt;", "<"},
                                          {"&gt;", ">"},
                                          {"&quot;", "\""},
                                          {"&apos;", "'"},
                                          {"&nbsp;", " "},
                                          {"&pound;", "£"},
                                          {"&euro;", "€"}}};

// How far the end of a link or tag is looked for: what opens one and never ends it must not cost a
// search of the whole line each time.
constexpr std::size_t longest_mark = 2'000;

// "[words](target)" and "[words][ref]" at text[at] == '[': where the words and the whole end.
struct Link {
  std::size_t words_end, end;
};
bool find_link(std::string_view whole, std::size_t at, Link& link) {
  const auto text = whole.substr(0, at + longest_mark);
  const auto close = text.find(']', at);
  if (close == std::string_view::npos || close + 1 >= text.size()) return false;
  const char opens = text[close + 1];
  if (opens != '(' && opens != '[') return false;
  const auto end = text.find(opens == '(' ? ')' : ']', close + 2);
  if (end == std::string_view::npos) return false;
  link = {close, end + 1};
  return true;
}

// Emphasis marks: a run of * or _ that touches a word on one side only, or ** and __ anywhere.
bool is_mark(std::string_view text, std::size_t at, std::size_t run) {
  const bool before = at > 0 && !is_blank(text[at - 1]);
  const bool after = at + run < text.size() && !is_blank(text[at + run]);
  if (!before && !after) return false;
  if (run >= 2 || before != after) return true;
  // Within a word, only * is emphasis ("snake_case" is not).
  return text[at] == '*' || !(is_word(text[at - 1]) && is_word(text[at + run]));
}

void put(std::string& out, char c) {
  if (is_blank(c)) {
    if (!out.empty() && out.back() != ' ') out.push_back(' ');
  } else {
    out.push_back(c);
  }
}

constexpr std::array<std::string_view, 29> abbreviations{
    {"dr",  "mr",  "mrs",  "ms",   "prof", "rev",    "st",  "no",  "nos", "tel",
     "ext", "vs",  "etc",  "e.g",  "i.e",  "approx", "inc", "ltd", "min", "mins",
     "hr",  "hrs", "appt", "dept", "ave",  "rd",     "jr",  "sr",  "a.m"}};

// Whether the dot at `at` ends a sentence, as far as the word before it tells.
bool dot_may_end(std::string_view text, std::size_t at) {
  auto start = at;
  while (start > 0 && (is_word(text[start - 1]) || text[start - 1] == '.')) --start;
  std::string word;
  for (const char c : text.substr(start, at - start))
    word.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  if (word.size() == 1 && is_letter(word[0])) return false;  // an initial
  if (word == "p.m" || word == "a.m") return true;           // decided by what follows
  return std::find(abbreviations.begin(), abbreviations.end(), word) == abbreviations.end();
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace

std::string plain_line(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    Link link{};
    if (c == '\\' && i + 1 < text.size() && !is_word(text[i + 1]) && !is_blank(text[i + 1])) {
      put(out, text[i + 1]);
      i += 2;
    } else if (c == '!' && i + 1 < text.size() && text[i + 1] == '[' && find_link(text, i + 1, link)) {
      i += 1;
    } else if (c == '[' && find_link(text, i, link)) {
      // The words may hold emphasis, but no link (CommonMark 6.3), so this nests once only.
      for (const char word : plain_line(text.substr(i + 1, link.words_end - i - 1))) put(out, word);
      i = link.end;
    } else if (c == '<') {
      const auto end = text.substr(0, i + longest_mark).find('>', i);
      const bool tag = end != std::string_view::npos && i + 1 < text.size() &&
                       (is_letter(text[i + 1]) || text[i + 1] == '/' || text[i + 1] == '!');
      if (!tag) {
        put(out, c);
        ++i;
        continue;
      }
      const auto inside = text.substr(i + 1, end - i - 1);
      // <https://…> and <a@b.c> are their own words; anything else is HTML.
      if (inside.find_first_of(":@") != std::string_view::npos && inside.find(' ') == std::string_view::npos)
        for (const char word : inside) put(out, word);
      i = end + 1;
    } else if (c == '*' || c == '_' || c == '~') {
      const auto run = std::min(text.find_first_not_of(c, i), text.size()) - i;
      if (!is_mark(text, i, run)) out.append(run, c);
      i += run;
    } else if (c == '`') {
      ++i;
    } else if (c == '&') {
      const auto known = std::find_if(entities.begin(), entities.end(), [&](const Entity& entity) {
        return text.substr(i).starts_with(entity.name);
      });
      if (known == entities.end()) {
        put(out, c);
        ++i;
      } else {
        for (const char word : known->text) put(out, word);
        i += known->name.size();
      }
    } else {
      put(out, c);
      ++i;
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

void for_each_sentence(std::string_view text, const std::function<bool(std::string_view)>& take) {
  std::size_t start = 0;
  bool more = true;
  const auto end_at = [&](std::size_t end) {
    const auto sentence = trim(text.substr(start, end - start));
    if (!sentence.empty()) more = take(sentence);
    start = end;
  };
  for (std::size_t i = 0; more && i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n' && i + 1 < text.size() && text[i + 1] == '\n') {
      end_at(i);
      continue;
    }
    if (c != '.' && c != '!' && c != '?') continue;
    auto after = i + 1;
    while (after < text.size() && (text[after] == '"' || text[after] == '\'' || text[after] == ')' ||
                                   text[after] == '.' || text[after] == '!' || text[after] == '?'))
      ++after;
    const auto mark = std::exchange(i, after - 1);
    if (after < text.size() && !is_blank(text[after])) continue;
    auto next = after;
    while (next < text.size() && is_blank(text[next])) ++next;
    if (next < text.size() && is_lower(text[next])) continue;
    if (c == '.' && next < text.size() && !dot_may_end(text, mark)) continue;
    end_at(after);
  }
  if (more) end_at(text.size());
}

std::vector<std::string_view> split_sentences(std::string_view text) {
  std::vector<std::string_view> out;
  for_each_sentence(text, [&](std::string_view sentence) {
    out.push_back(sentence);
    return true;
  });
  return out;
}

}  // namespace voxanne::knowledge
