#include "speech/expand.h"

#include "speech/characters.h"
#include "speech/numbers.h"
#include "speech/plain_text.h"
#include "speech/quantities.h"
#include "speech/saying.h"
#include "speech/spellings.h"

#include <array>

namespace voxanne::speech {
namespace {

constexpr std::size_t longest_word = 40;

class Expansion : Saying {
 public:
  Expansion(const Token& token, std::vector<SaidWord>& out) : Saying(out), token_(token) {}

  Said run() {
    if (phone_group(token_.text)) return Said::phone_number_group;
    if (address(token_.text) || say_quantity(token_.text, out_) || range(token_.text)) return Said::words;
    mixed(token_.text);
    return Said::words;
  }

 private:
  // "+44", "07700", "(020)", "7946" after a group, "555-1234".
  bool phone_group(std::string_view text) {
    const bool international = text.starts_with('+');
    if (international) text.remove_prefix(1);
    std::string digits;
    std::size_t groups = 1;
    for (const char c : text) {
      if (is_digit(c))
        digits += c;
      else if (c == '-' || c == '(' || c == ')' || c == '.')
        ++groups;
      else
        return false;
    }
    const bool dashed = groups == 2 && digits.size() >= 7 && text.find('-') == 3;
    const bool local = digits.starts_with('0') && digits.size() >= 3 && groups != 2;
    const bool long_run = groups == 1 && digits.size() >= 7;
    const bool follows = token_.in_phone_number && groups == 1 && digits.size() >= 2;
    const bool several = groups >= 3 && digits.size() >= 9;
    if (digits.empty() || !(international || dashed || local || long_run || follows || several)) return false;
    if (international) say("plus");
    say(digit_by_digit(digits));
    return true;
  }

  // E-mail and web addresses.
  bool address(std::string_view text) {
    const bool mail = text.find('@') != text.npos && text.find('.') != text.npos;
    for (const std::string_view scheme : {"https://", "http://"})
      if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
    if (!mail && text.data() == token_.text.data() && !text.starts_with("www.")) return false;
    address_ = true;
    mixed(text);
    return true;
  }

  // 9-5, £40-£60, Mon-Fri, 9am-5pm: "to" between two quantities or days.
  bool range(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == text.npos || dash == 0 || dash + 1 >= text.size()) return false;
    const auto left = text.substr(0, dash), right = text.substr(dash + 1);
    if (right.find('-') != right.npos) return false;
    const auto is_end = [](std::string_view part) {
      const char c = part.front();
      return is_digit(c) || c == pound_sign || c == '$' || c == euro_sign || !day(part).empty();
    };
    if (!is_end(left) || !is_end(right)) return false;
    const auto side = [&](std::string_view part) {
      if (const auto name = day(part); !name.empty())
        say(name);
      else if (!say_quantity(part, out_))
        mixed(part);
    };
    side(left);
    say("to");
    side(right);
    return true;
  }

  static std::string_view day(std::string_view text) {
    if (text.size() < 3 || !is_upper(text.front())) return {};
    const auto key = lower(text);
    if (const auto name = day_name(key); !name.empty()) return name;
    return weekend_name(key);
  }

  // Anything else: runs of letters, of digits, and what the characters between are called.
  void mixed(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = at;
      if (is_letter(text[at])) {
        while (end < text.size() && (is_letter(text[end]) || text[end] == '\'')) ++end;
        word(text.substr(at, end - at), end - at == text.size());
      } else if (is_digit(text[at])) {
        while (end < text.size() && is_digit(text[end])) ++end;
        say_number(text.substr(at, end - at), false, out_);
      } else {
        symbol(text, end++);
      }
      at = end;
    }
  }

  void symbol(std::string_view text, std::size_t at) {
    const bool inner = at > 0 && at + 1 < text.size();
    const bool before_digit = at + 1 < text.size() && is_digit(text[at + 1]);
    switch (text[at]) {
      case '&':
        say("and");
        break;
      case '%':
        say("percent");
        break;
      case '+':
        say("plus");
        break;
      case '=':
        say("equals");
        break;
      case '@':
        say("at");
        break;
      case '#':
        if (before_digit) say("number");
        break;
      case pound_sign:
        say("pounds");
        break;
      case euro_sign:
        say("euros");
        break;
      case '$':
        say("dollars");
        break;
      case degree_sign:
        say("degrees");
        break;
      case '.':
        if (inner && address_)
          say("dot");
        else if (inner && before_digit)
          say("point");
        break;
      case '/':
        if (inner && address_) say("slash");
        break;
      case '-':
        if (inner && address_) say("dash");
        break;
      case '_':
        if (inner && address_) say("underscore");
        break;
      default:
        break;
    }
  }

  void word(std::string_view text, bool alone) {
    while (text.ends_with('\'')) text.remove_suffix(1);
    text = text.substr(0, longest_word);
    const bool shouted = token_.previous.size() > 2 && std::ranges::all_of(token_.previous, is_upper) &&
                         !is_spelled(token_.previous);
    if (text.size() > 2 && text.back() == 's' && is_spelled(text.substr(0, text.size() - 1)) && !shouted) {
      spell(text.substr(0, text.size() - 1));  // GPs
      out_.back().text += "'s";
      return;
    }
    if (is_spelled(text) && !shouted) return spell(text);
    // An initial, a letter of a code (B12) or of A&E; the article and the pronoun are words.
    if (text.size() == 1 && is_letter(text[0]) && (is_upper(text[0]) || !alone)) {
      const bool article =
          alone && (text == "A" || text == "I") && !token_.next.empty() && token_.next != "&";
      return article ? say(lower(text)) : spell(text);
    }
    if (address_ && text.size() <= 4 && (text == "uk" || std::ranges::none_of(text, is_vowel)))
      return spell(text);
    if (alone) {
      if (const auto said = in_context(text); !said.empty()) return say(said);
    }
    say(lower(text));
  }

  std::string_view in_context(std::string_view text) {
    const auto key = lower(text);
    const bool after_number = starts_with_digit(token_.previous);
    const bool before_number = starts_with_digit(token_.next);
    if (after_number && (key == "am" || key == "pm")) return key == "am" ? "a m" : "p m";
    if (after_number)
      if (const auto unit = unit_name(key); key.size() > 1 && !unit.empty()) return unit;
    if (key == "no" && before_number && is_upper(text[0])) return "number";
    if (key == "st")
      return is_capitalised(token_.next) && !is_capitalised(token_.previous) ? "saint" : "street";
    if (is_upper(text.front())) {
      if (const auto name = day_name(key); !name.empty()) return name;
      if (after_number || before_number || !day(token_.previous).empty() || !day(token_.next).empty())
        if (const auto name = weekend_name(key); !name.empty()) return name;
      if (after_number || before_number)
        if (const auto name = month_of(key); !name.empty()) return name;
    }
    return abbreviation(key);
  }

  static bool is_capitalised(std::string_view text) { return !text.empty() && is_upper(text.front()); }

  const Token& token_;
  bool address_ = false;
};

}  // namespace

Said expand(const Token& token, std::vector<SaidWord>& out) {
  // Dotted forms first: e.g. → eg's entry, a.m → letters, U.K → letters.
  const auto key = lower(token.text);
  if (key == "e.g" || key == "i.e") {
    return Expansion{{abbreviation(key), {}, {}, false}, out}.run();
  }
  const bool initials = token.text.size() >= 3 && token.text.find('.') == 1 && token.text.size() % 2 == 1;
  if (initials) {
    std::string letters;
    for (std::size_t i = 0; i < token.text.size(); ++i) {
      const bool fits = i % 2 == 0 ? is_letter(token.text[i]) : token.text[i] == '.';
      if (!fits) {
        letters.clear();
        break;
      }
      if (i % 2 == 0) letters += lower(token.text[i]);
    }
    for (const char c : letters) out.push_back({std::string{c}, true});
    if (!letters.empty()) return Said::words;
  }
  return Expansion{token, out}.run();
}

bool is_dotted_abbreviation(std::string_view token) {
  if (!token.ends_with('.')) return false;
  token.remove_suffix(1);
  const auto key = lower(token);
  if (!abbreviation(key).empty() || key == "st" || key == "no") return true;
  // a.m. U.K.
  return token.size() >= 3 && token[token.size() - 2] == '.' && is_letter(token.back());
}

}  // namespace voxanne::speech
