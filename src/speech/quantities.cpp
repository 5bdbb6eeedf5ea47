#include "speech/quantities.h"

#include "speech/expand.h"
#include "speech/plain_text.h"
#include "speech/saying.h"
#include "speech/spellings.h"

#include <charconv>

namespace voxanne::speech {
namespace {

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

class Quantity : public Saying {
 public:
  using Saying::Saying;

  bool say_any(std::string_view text) {
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
      expand({.text = in.rest(), .previous = {}, .next = {}}, out_);
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
};

}  // namespace

bool say_quantity(std::string_view text, std::vector<SaidWord>& out) { return Quantity{out}.say_any(text); }

void say_number(std::string_view digits, bool may_be_year, std::vector<SaidWord>& out) {
  Quantity{out}.plain_number(digits, may_be_year);
}

}  // namespace voxanne::speech
