#include "speech/expand.h"

#include "speech/characters.h"
#include "speech/numbers.h"
#include "speech/plain_text.h"
#include "speech/spellings.h"

#include <array>
#include <charconv>
#include <optional>

namespace voxanne::speech {
namespace {

constexpr std::size_t longest_word = 40;

std::uint64_t number_of(std::string_view digits) {
  std::uint64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}

// Takes parts off the front of a token; a pattern that does not match leaves the token to others.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  std::string_view digits() {
    const auto end = std::ranges::find_if_not(rest_, is_digit) - rest_.begin();
    return take(static_cast<std::size_t>(end));
  }
  // Digits with thousands separators: "1,200" → 1200.
  std::string grouped_digits() {
    std::string all{digits()};
    while (!all.empty() && rest_.size() >= 4 && rest_[0] == ',' && all_digits(rest_.substr(1, 3)) &&
           (rest_.size() == 4 || !is_digit(rest_[4]))) {
      all += rest_.substr(1, 3);
      rest_.remove_prefix(4);
    }
    return all;
  }
  bool literal(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view rest() const { return rest_; }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view take(std::size_t count) {
    const auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::string_view rest_;
};

class Expansion {
 public:
  Expansion(const Token& token, std::vector<SaidWord>& out) : token_(token), out_(out) {}

  Said run() {
    if (phone_group(token_.text)) return Said::phone_number_group;
    if (address(token_.text) || whole(token_.text) || range(token_.text)) return Said::words;
    mixed(token_.text);
    return Said::words;
  }

 private:
  void say(std::string_view words) {
    for (std::size_t at = 0; at < words.size();) {
      const auto end = std::min(words.find(' ', at), words.size());
      if (end > at) out_.push_back({std::string{words.substr(at, end - at)}});
      at = end + 1;
    }
  }
  void say(const Words& words) {
    for (const auto& word : words) out_.push_back({word});
  }
  void spell(std::string_view letters) {
    for (const char c : letters)
      if (is_letter(c)) out_.push_back({std::string{lower(c)}, true});
  }

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

  // Patterns that are one quantity.
  bool whole(std::string_view text) {
    return money(text) || time(text) || iso_date(text) || quantity(text) || always_open(text);
  }

  bool money(std::string_view text) {
    Scanner in{text};
    struct Currency {
      std::string_view one, many, cent, cents;
    };
    Currency currency;
    if (in.literal(pound_sign))
      currency = {"pound", "pounds", "penny", "pence"};
    else if (in.literal('$'))
      currency = {"dollar", "dollars", "cent", "cents"};
    else if (in.literal(euro_sign))
      currency = {"euro", "euros", "cent", "cents"};
    else
      return false;
    const std::string units_part = in.grouped_digits();
    if (units_part.empty() || units_part.size() > 12) return false;
    std::string_view cents;
    if (in.literal('.')) cents = in.digits();
    if (cents.size() > 2 || (!in.done() && in.rest().front() != '/')) return false;
    const auto amount = number_of(units_part);
    const auto small_amount = number_of(cents) * (cents.size() == 1 ? 10 : 1);
    if (amount > 0 || small_amount == 0) {
      say(cardinal(amount));
      say(amount == 1 ? currency.one : currency.many);
      if (small_amount > 0) say(cardinal(small_amount));
    } else {
      say(cardinal(small_amount));
      say(small_amount == 1 ? currency.cent : currency.cents);
    }
    if (in.literal('/')) {
      say("per");
      mixed(in.rest());
    }
    return true;
  }

  // "9:30", "9am", "9.30pm", "17:00"
  bool time(std::string_view text) {
    Scanner in{text};
    const auto hour = in.digits();
    if (hour.empty() || hour.size() > 2 || number_of(hour) > 24) return false;
    std::string_view minute;
    bool colon = false;
    if ((colon = in.literal(':')) || in.literal('.')) {
      minute = in.digits();
      if (minute.size() != 2 || number_of(minute) > 59) return false;
    }
    const auto half = lower(in.rest());
    const bool morning = half == "am" || half == "a.m";
    const bool evening = half == "pm" || half == "p.m";
    if (!morning && !evening && !(colon && in.done())) return false;
    const auto h = static_cast<unsigned>(number_of(hour));
    const auto m = static_cast<unsigned>(number_of(minute));
    if (morning || evening) {
      if (m == 0)
        say(cardinal(h));
      else
        say(clock_time(h, m));
      spell(morning ? "am" : "pm");
    } else {
      say(clock_time(h, m));
    }
    return true;
  }

  // 2026-05-12
  bool iso_date(std::string_view text) {
    Scanner in{text};
    const auto y = in.digits();
    if (y.size() != 4 || !in.literal('-')) return false;
    const auto m = in.digits();
    if (m.size() != 2 || !in.literal('-')) return false;
    const auto d = in.digits();
    const auto month = month_name(static_cast<unsigned>(number_of(m)));
    if (d.size() != 2 || !in.done() || month.empty() || number_of(d) < 1 || number_of(d) > 31) return false;
    say("the");
    say(ordinal(number_of(d)));
    say("of");
    say(month);
    say(year(static_cast<unsigned>(number_of(y))));
    return true;
  }

  // "24/7" is not twenty four slash seven.
  bool always_open(std::string_view text) {
    if (text != "24/7") return false;
    say("twenty four seven");
    return true;
  }

  // 1,200  2.5  15%  3rd  30min  5°
  bool quantity(std::string_view text) {
    Scanner in{text};
    const std::string digits = in.grouped_digits();
    if (digits.empty()) return false;
    std::string_view fraction;
    if (in.rest().size() > 1 && in.rest()[0] == '.' && is_digit(in.rest()[1])) {
      in.literal('.');
      fraction = in.digits();
    }
    const auto suffix = lower(in.rest());
    const auto unit = unit_name(suffix);
    const bool is_ordinal = suffix == "st" || suffix == "nd" || suffix == "rd" || suffix == "th";
    if (!suffix.empty() && suffix != "%" && suffix[0] != degree_sign && unit.empty() && !is_ordinal)
      return false;
    if (is_ordinal && digits.size() <= 12) {
      say(ordinal(number_of(digits)));
      return true;
    }
    plain_number(digits, digits.size() == text.size());
    if (!fraction.empty()) {
      say("point");
      say(digit_by_digit(fraction.substr(0, 6)));
    }
    if (suffix == "%")
      say("percent");
    else if (!suffix.empty() && suffix[0] == degree_sign)
      say("degrees");
    else
      say(unit);
    return true;
  }

  void plain_number(std::string_view digits, bool may_be_year) {
    if ((digits.size() > 1 && digits[0] == '0') || digits.size() > 6)
      return say(digit_by_digit(digits.substr(0, 40)));
    const auto value = number_of(digits);
    if (may_be_year && digits.size() == 4 && value >= 1900 && value < 2100)
      return say(year(static_cast<unsigned>(value)));
    say(cardinal(value));
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
      else if (!whole(part))
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
        plain_number(text.substr(at, end - at), false);
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
  std::vector<SaidWord>& out_;
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
