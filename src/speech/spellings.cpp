#include "speech/spellings.h"

#include "speech/characters.h"

#include <array>

namespace voxanne::speech {
namespace {

struct Spelling {
  std::string_view written, said;
};

template <std::size_t N>
std::string_view look_up(const std::array<Spelling, N>& table, std::string_view written) {
  for (const auto& entry : table)
    if (entry.written == written) return entry.said;
  return {};
}

constexpr std::array<Spelling, 29> abbreviations{
    {{"dr", "doctor"},      {"mr", "mister"},        {"mrs", "missus"},         {"ms", "miss"},
     {"prof", "professor"}, {"rd", "road"},          {"ave", "avenue"},         {"blvd", "boulevard"},
     {"ln", "lane"},        {"sq", "square"},        {"apt", "apartment"},      {"dept", "department"},
     {"approx", "about"},   {"appt", "appointment"}, {"appts", "appointments"}, {"tel", "telephone"},
     {"etc", "et cetera"},  {"eg", "for example"},   {"e.g", "for example"},    {"ie", "that is"},
     {"i.e", "that is"},    {"vs", "versus"},        {"ltd", "limited"},        {"inc", "incorporated"},
     {"jr", "junior"},      {"sr", "senior"},        {"govt", "government"},    {"incl", "including"},
     {"excl", "excluding"}}};

constexpr std::array<Spelling, 24> units{
    {{"min", "minutes"},   {"mins", "minutes"}, {"hr", "hour"},        {"hrs", "hours"},
     {"h", "hours"},       {"sec", "seconds"},  {"secs", "seconds"},   {"s", "seconds"},
     {"km", "kilometres"}, {"m", "metres"},     {"cm", "centimetres"}, {"mm", "millimetres"},
     {"kg", "kilos"},      {"g", "grams"},      {"mg", "milligrams"},  {"ml", "millilitres"},
     {"l", "litres"},      {"ft", "feet"},      {"mi", "miles"},       {"mph", "miles an hour"},
     {"yrs", "years"},     {"yr", "year"},      {"p", "pence"},        {"x", "times"}}};

constexpr std::array<Spelling, 9> days{{{"mon", "monday"},
                                        {"tue", "tuesday"},
                                        {"tues", "tuesday"},
                                        {"wed", "wednesday"},
                                        {"thu", "thursday"},
                                        {"thur", "thursday"},
                                        {"thurs", "thursday"},
                                        {"fri", "friday"},
                                        {"weds", "wednesday"}}};
constexpr std::array<Spelling, 2> weekend{{{"sat", "saturday"}, {"sun", "sunday"}}};

constexpr std::array<Spelling, 12> months{{{"jan", "january"},
                                           {"feb", "february"},
                                           {"mar", "march"},
                                           {"apr", "april"},
                                           {"jun", "june"},
                                           {"jul", "july"},
                                           {"aug", "august"},
                                           {"sep", "september"},
                                           {"sept", "september"},
                                           {"oct", "october"},
                                           {"nov", "november"},
                                           {"dec", "december"}}};

// Capitals that are spelled although they could be read.
constexpr std::array<std::string_view, 18> spelled_acronyms{"UK",  "USA", "EU",  "ID",  "FAQ", "ATM",
                                                            "IV",  "AI",  "API", "HIV", "MRI", "ECG",
                                                            "EKG", "ENT", "IUD", "DIY", "BMI", "OAP"};

}  // namespace

std::string_view abbreviation(std::string_view key) { return look_up(abbreviations, key); }
std::string_view unit_name(std::string_view key) { return look_up(units, key); }
std::string_view day_name(std::string_view key) { return look_up(days, key); }
std::string_view weekend_name(std::string_view key) { return look_up(weekend, key); }
std::string_view month_of(std::string_view key) { return look_up(months, key); }

bool is_vowel(char c) {
  c = lower(c);
  return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u' || c == 'y';
}

bool is_spelled(std::string_view word) {
  if (word.size() < 2 || word.size() > 5 || !std::ranges::all_of(word, is_upper)) return false;
  return std::ranges::none_of(word, is_vowel) ||
         std::ranges::find(spelled_acronyms, word) != spelled_acronyms.end();
}

}  // namespace voxanne::speech
