#include "conversation/spoken_digits.h"

#include "conversation/phrases.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

namespace voxanne::conversation {
namespace {

struct Named {
  std::string_view word;
  int value;
};

constexpr auto units = std::to_array<Named>({{"zero", 0},
                                             {"oh", 0},
                                             {"o", 0},
                                             {"nought", 0},
                                             {"naught", 0},
                                             {"nil", 0},
                                             {"one", 1},
                                             {"two", 2},
                                             {"three", 3},
                                             {"four", 4},
                                             {"five", 5},
                                             {"six", 6},
                                             {"seven", 7},
                                             {"eight", 8},
                                             {"nine", 9},
                                             {"niner", 9}});
constexpr auto teens = std::to_array<Named>({{"ten", 10},
                                             {"eleven", 11},
                                             {"twelve", 12},
                                             {"thirteen", 13},
                                             {"fourteen", 14},
                                             {"fifteen", 15},
                                             {"sixteen", 16},
                                             {"seventeen", 17},
                                             {"eighteen", 18},
                                             {"nineteen", 19}});
constexpr auto tens = std::to_array<Named>({{"twenty", 2},
                                            {"thirty", 3},
                                            {"forty", 4},
                                            {"fourty", 4},
                                            {"fifty", 5},
                                            {"sixty", 6},
                                            {"seventy", 7},
                                            {"eighty", 8},
                                            {"ninety", 9}});
constexpr auto homophones =
    std::to_array<Named>({{"to", 2}, {"too", 2}, {"for", 4}, {"won", 1}, {"ate", 8}, {"sex", 6}});
constexpr auto fillers = std::to_array<std::string_view>(
    {"um",     "uh",        "er",   "erm",  "and",  "then", "it's",   "its",   "that's", "my",
     "number", "is",        "the",  "yes",  "so",   "dash", "hyphen", "space", "area",   "code",
     "it",     "would",     "be",   "on",   "yeah", "okay", "ok",     "a",     "please", "mobile",
     "phone",  "telephone", "sure", "well", "i'm",  "call", "me",     "reach"});

template <std::size_t N>
std::optional<int> value_of(std::string_view word, const std::array<Named, N>& set) {
  const auto found = std::ranges::find(set, word, &Named::word);
  if (found == set.end()) return std::nullopt;
  return found->value;
}

bool is_numeral(std::string_view word) {
  return !word.empty() && std::ranges::all_of(word, [](char c) { return c >= '0' && c <= '9'; });
}

bool is_number_word(std::string_view word) {
  return value_of(word, units) || value_of(word, teens) || value_of(word, tens) || is_numeral(word) ||
         word == "double" || word == "triple" || word == "treble";
}

class Parser {
 public:
  explicit Parser(const std::vector<std::string>& words) : words_(words) {}

  Dictation parse() {
    while (at_ < words_.size())
      if (!number()) other();
    return std::move(out_);
  }

 private:
  std::string_view word(std::size_t ahead = 0) const {
    return at_ + ahead < words_.size() ? std::string_view{words_[at_ + ahead]} : std::string_view{};
  }

  bool number() {
    const auto current = word();
    if ((current == "plus" || current.front() == '+') && out_.digits.empty()) return plus();
    if (current == "double" || current == "triple" || current == "treble")
      return repeated(current == "double" ? 2 : 3);
    if (is_numeral(current)) return take(current, 1);
    if (const auto unit = value_of(current, units)) return hundreds(*unit);
    if (const auto teen = value_of(current, teens)) return take(std::to_string(*teen), 1);
    if (const auto ten = value_of(current, tens)) return composed(*ten);
    if (const auto like = value_of(current, homophones); like && out_.trailing > 0 && is_number_word(word(1)))
      return take(std::to_string(*like), 1);
    return false;
  }

  bool plus() {
    const auto rest = word() == "plus" ? std::string_view{} : word().substr(1);
    if (!rest.empty() && !is_numeral(rest)) return false;
    out_.digits = "+";
    if (rest.empty()) ++at_;
    return rest.empty() || take(rest, 1);
  }

  bool repeated(int times) {
    const auto next = word(1);
    const auto unit = value_of(next, units);
    const bool numeral = next.size() == 1 && is_numeral(next);
    if (!unit && !numeral) return false;
    const char digit = unit ? static_cast<char>('0' + *unit) : next.front();
    return take(std::string(static_cast<std::size_t>(times), digit), 2);
  }

  // "nine hundred" is 900 and "nine hundred and one" 901; "nine" alone is 9.
  bool hundreds(int unit) {
    if (word(1) != "hundred" || unit == 0) return take(std::to_string(unit), 1);
    if (word(2) == "and") {
      if (const auto small = value_of(word(3), units)) return take(std::to_string(unit * 100 + *small), 4);
      if (const auto teen = value_of(word(3), teens)) return take(std::to_string(unit * 100 + *teen), 4);
    }
    return take(std::to_string(unit) + "00", 2);
  }

  // "twenty one" is 21, "twenty oh one" 2001.
  bool composed(int ten) {
    const auto unit = value_of(word(1), units);
    if (unit && *unit > 0 && word(2) != "hundred") return take(std::to_string(ten * 10 + *unit), 2);
    return take(std::to_string(ten * 10), 1);
  }

  bool take(std::string_view digits, std::size_t used) {
    const std::size_t room = longest_dictation - std::min(longest_dictation, out_.digits.size());
    const auto kept = digits.substr(0, room);
    out_.digits += kept;
    out_.trailing += kept.size();
    at_ += used;
    return true;
  }

  void other() {
    const bool filler = std::ranges::find(fillers, word()) != fillers.end();
    if (!filler) {
      out_.only_digits = false;
      out_.trailing = 0;
    }
    ++at_;
  }

  const std::vector<std::string>& words_;
  std::size_t at_ = 0;
  Dictation out_;
};

}  // namespace

Dictation parse_spoken_digits(std::string_view text) {
  const auto words = words_of(text);
  auto dictation = Parser{words}.parse();
  if (dictation.digits == "+") dictation.digits.clear();
  return dictation;
}

bool looks_like_whole_number(std::string_view digits) {
  if (digits.starts_with('+')) return digits.size() >= 11;
  if (digits.starts_with("00")) return digits.size() >= 12;
  return digits.size() >= (digits.starts_with('0') ? 11u : 10u);
}

std::string say_digits(std::string_view digits) {
  static constexpr auto names = std::to_array<std::string_view>(
      {"oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"});
  std::string out;
  const auto pause = [&] { out += out.empty() ? "" : ", "; };
  const auto group = [&](std::string_view part) {
    pause();
    for (std::size_t i = 0; i < part.size(); ++i) {
      if (i > 0) out += ' ';
      const char c = part[i];
      if (c == '+')
        out += "plus";
      else if (c >= '0' && c <= '9')
        out += names[static_cast<std::size_t>(c - '0')];
      else if (c == '*' || c == '#')
        out += c == '*' ? "star" : "hash";
    }
  };
  if (digits.starts_with('+') && digits.size() > 3) {
    group(digits.substr(0, 3));
    digits.remove_prefix(3);
  } else if (digits.starts_with("07") && digits.size() == 11) {
    group(digits.substr(0, 5));
    digits.remove_prefix(5);
  }
  // Threes, and at the end a four rather than a lone digit.
  while (!digits.empty()) {
    const std::size_t size =
        digits.size() == 4 || digits.size() == 2 ? digits.size() : std::min<std::size_t>(3, digits.size());
    group(digits.substr(0, size));
    digits.remove_prefix(size);
  }
  return out;
}

}  // namespace voxanne::conversation
