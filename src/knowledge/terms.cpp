#include "knowledge/terms.h"

#include "knowledge/vocabulary_tables.h"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace voxanne::knowledge {
namespace {

constexpr std::array<std::string_view, 7> days{
    {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}};

constexpr std::string_view stop_words =
    "a an the and or but if then than of to in on at by for with from as into onto out off up down over is "
    "are was "
    "were be been being am do does did done doing have has had having can could will would shall should may "
    "might "
    "must i me my mine we us our ours you your yours he him his she her it its they them their this that "
    "these those "
    "there here what which whom whose when why how not no nor yes yeah yep please thanks thank hi hello hey "
    "um uh er "
    "erm ah oh okay ok well so just like actually really also too very much many more most some any all each "
    "every "
    "get gets got getting want wants wanted need needs needed know knows tell say says ask asking let give "
    "gives "
    "going gonna go goes about able possible something anything thing things question quick maybe kind sort "
    "bit "
    "offer offers provide provides take takes taking make makes making accept accepts accepting see sees "
    "come comes "
    "coming use uses using look looking wondering wonder hoping hope think mean called calling today "
    "tomorrow now "
    "currently still already again someone anyone anybody somebody person people place guys ones one time "
    "times "
    "find put set back turn leave lot lots little big quite pretty terrible terribly awful bad badly mouth "
    "somewhere "
    "anywhere near nearby happen happens stop stops dont cant im ive id ill youre were thats whats theres "
    "isnt "
    "arent doesnt wont didnt practice "
    "clinic "
    "office";

// Words of a question that say little about what is asked.
constexpr std::string_view weak_words =
    "work works working moment soon seen last lasts proper properly several few age number early kind type "
    "types "
    "first next other others another same different own both enough right sure "
    "certain "
    "certainly normally usually usual generally exactly roughly approximately minimum maximum between during "
    "until "
    "before after within without over under around still yet ever never always often sometimes once twice "
    "only even "
    "else especially particular particularly special specific various available possible necessary required "
    "require "
    "allow allowed allows bring brings keep keeps try trying start starts begin begins show shows talk "
    "talking speak "
    "speaking explain understand hear include includes included including send sends receive receives handle "
    "handles "
    "deal deals expect expected arrange plan plans planning visit visits visiting patient patients service "
    "services "
    "treatment treatments day days week weeks month months year years morning afternoon night area call";

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

bool is_vowel(char c) { return std::string_view{"aeiouy"}.find(c) != std::string_view::npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<std::size_t> day_index(std::string_view word) {
  if (word.ends_with('s')) word.remove_suffix(1);
  for (std::size_t i = 0; i < days.size(); ++i) {
    // "mon", "tues", "thurs": three letters or more of the name, but not "sun" or "sat", which mean
    // other things as often.
    if (word == days[i]) return i;
    if (i < 5 && word.size() >= 3 && word.size() <= 5 && days[i].starts_with(word)) return i;
  }
  return std::nullopt;
}

// Lower-case words; "to" for a dash that joins a range, "@price" for a currency sign, "am" and "pm"
// apart from their numbers.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  const auto end_word = [&] {
    if (word.empty()) return;
    const auto digits = std::min(word.find_first_not_of("0123456789"), word.size());
    const std::string rest = word.substr(digits);
    if (digits > 0 && (rest == "am" || rest == "pm")) {
      out.push_back(word.substr(0, digits));
      out.push_back(rest);
    } else {
      out.push_back(std::move(word));
    }
    word.clear();
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const auto rest = text.substr(i);
    if (c >= 'A' && c <= 'Z') {
      word.push_back(static_cast<char>(c + ('a' - 'A')));
    } else if ((c >= 'a' && c <= 'z') || is_digit(c)) {
      word.push_back(c);
    } else if (c == '\'' || rest.starts_with("’")) {
      if (c != '\'') i += 2;
      const auto after = text.substr(i + 1);
      if (after.starts_with("s ") || after == "s" || after.starts_with("s?")) ++i;  // "what's", "dentist's"
    } else if (rest.starts_with("£") || rest.starts_with("€") || c == '$') {
      end_word();
      out.emplace_back("@price");
      if (c != '$') i += rest.starts_with("£") ? 1 : 2;
    } else if (rest.starts_with("–") || rest.starts_with("—")) {
      end_word();
      out.emplace_back("to");
      i += 2;
    } else if (c == '-') {
      end_word();
      if (!out.empty() && day_index(out.back())) out.emplace_back("to");
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      word.push_back(c);
    } else if (c == '.' && !word.empty() && i + 1 < text.size() && text[i + 1] != ' ' && word.size() == 1) {
      continue;  // "a.m." is one word
    } else {
      end_word();
    }
  }
  end_word();
  return out;
}

struct Tables {
  std::unordered_set<std::string_view> stops;
  std::unordered_set<std::string> weak;  // stems
  // Stem or "first second" → concepts; evidence counts in knowledge only.
  std::unordered_multimap<std::string, const Concept*> names, asked, evidence;
  std::unordered_map<std::string_view, const Concept*> by_name;

  Tables() {
    for (const auto word : split(stop_words, ' ')) stops.insert(word);
    for (const auto word : split(weak_words, ' ')) weak.insert(stem(word));
    for (const auto& entry : concepts) {
      by_name.emplace(entry.name, &entry);
      for (const auto word : split(entry.words, ' ')) add(names, stem(word), entry);
      for (const auto phrase : split(entry.phrases, '|')) add(names, std::string{phrase}, entry);
      for (const auto word : split(entry.asked, ' ')) add(asked, stem(word), entry);
      for (const auto word : split(entry.evidence, ' ')) add(evidence, stem(word), entry);
    }
  }
  static void add(std::unordered_multimap<std::string, const Concept*>& to, std::string key,
                  const Concept& entry) {
    const auto [begin, end] = to.equal_range(key);
    if (std::none_of(begin, end, [&](const auto& known) { return known.second == &entry; }))
      to.emplace(std::move(key), &entry);
  }
};

const Tables& tables() {
  static const Tables built;
  return built;
}

}  // namespace

std::string stem(std::string_view given) {
  std::string word{given};
  const auto ends = [&](std::string_view suffix) { return word.ends_with(suffix); };
  const auto has_vowel = [&](std::size_t length) {
    return std::any_of(word.begin(), word.begin() + static_cast<std::ptrdiff_t>(length), is_vowel);
  };
  if (word.size() <= 3 || is_digit(word.back())) return word;
  if (ends("ies") && word.size() > 4) {
    word.replace(word.size() - 3, 3, "y");
  } else if (ends("sses") || ends("xes") || ends("zes") || ends("ches") || ends("shes")) {
    word.resize(word.size() - 2);
  } else if (ends("s") && !ends("ss") && !ends("us") && !ends("is")) {
    word.pop_back();
  }
  const auto drop = [&](std::size_t suffix) {
    word.resize(word.size() - suffix);
    const auto last = word.back();
    if (word.size() > 2 && last == word[word.size() - 2] && !is_vowel(last) &&
        std::string_view{"lsz"}.find(last) == std::string_view::npos)
      word.pop_back();  // "fitting" → "fit"
  };
  if (ends("ing") && word.size() >= 6 && has_vowel(word.size() - 3))
    drop(3);
  else if (ends("ed") && !ends("eed") && word.size() >= 5 && has_vowel(word.size() - 2))
    drop(2);
  else if (ends("ily") && word.size() >= 7)
    word.replace(word.size() - 3, 3, "y");
  else if (ends("ly") && word.size() >= 7)
    word.resize(word.size() - 2);
  else if (ends("ation") && word.size() >= 7)
    word.replace(word.size() - 3, 3, "");
  if (ends("e") && word.size() > 3) word.pop_back();
  return word;
}

std::vector<Term> terms_of(std::string_view text, Role role) {
  const Tables& known = tables();
  const auto words = words_of(text);
  std::vector<Term> out;
  std::unordered_set<std::string> seen;
  const auto add = [&](Term::Kind kind, std::string name, std::string said = {}) {
    if (seen.insert(name).second) out.push_back({kind, std::move(name), std::move(said)});
  };
  const auto add_concepts = [&](const auto& table, const std::string& key) {
    const auto [begin, end] = table.equal_range(key);
    for (auto at = begin; at != end; ++at) add(at->second->kind, std::string{at->second->name});
    return begin != end;
  };
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word.starts_with('@')) {
      add(known.by_name.at(word)->kind, word);
      continue;
    }
    const bool is_greeting =
        word == "good" && i + 1 < words.size() &&
        (words[i + 1] == "morning" || words[i + 1] == "afternoon" || words[i + 1] == "evening");
    if (is_greeting) {
      ++i;
      continue;
    }
    // "thank you very much": no price either.
    if (i + 1 < words.size() && words[i + 1] == "much" && (word == "very" || word == "so" || word == "too")) {
      ++i;
      continue;
    }
    // "how much notice", "how much time": not a price.
    if (word == "how" && i + 2 < words.size() && words[i + 1] == "much" &&
        (words[i + 2] == "notice" || words[i + 2] == "time")) {
      add(Term::Kind::frame, "@duration");
      ++i;
      continue;
    }
    if (i + 1 < words.size() && add_concepts(known.names, word + " " + words[i + 1])) {
      ++i;
      continue;
    }
    if (const auto day = day_index(word)) {
      add(Term::Kind::word, std::string{days[*day]}, std::string{days[*day]});
      const bool range = role == Role::knowledge && i + 2 < words.size() &&
                         (words[i + 1] == "to" || words[i + 1] == "until" || words[i + 1] == "through");
      const auto last = range ? day_index(words[i + 2]) : std::nullopt;
      if (last)
        for (auto between = *day; between != *last;) {
          between = (between + 1) % days.size();
          add(Term::Kind::word, std::string{days[between]}, std::string{days[between]});
        }
      continue;
    }
    const std::string root = stem(word);
    const bool implied = role == Role::knowledge && add_concepts(known.evidence, root);
    const bool named = add_concepts(known.names, root);
    if ((role == Role::question && add_concepts(known.asked, root)) || named) continue;
    if (known.stops.contains(word) || (word.size() == 1 && !is_digit(word[0]))) continue;
    if (!implied || root.size() > 2)
      add(known.weak.contains(root) ? Term::Kind::weak : Term::Kind::word, root, word);
  }
  return out;
}

std::vector<std::string> names_of(const Term& term) {
  const auto entry = tables().by_name.find(term.text);
  if (entry != tables().by_name.end()) {
    std::vector<std::string> out;
    for (const auto words : {entry->second->words, entry->second->asked, entry->second->evidence})
      for (const auto word : split(words, ' ')) out.emplace_back(word);
    for (const auto phrase : split(entry->second->phrases, '|'))
      for (const auto word : split(phrase, ' '))
        if (word.size() > 2 && !tables().stops.contains(word)) out.emplace_back(word);
    return out;
  }
  std::vector<std::string> out{term.said};
  // What is said of a range of days names only its ends.
  if (day_index(term.text)) out.insert(out.end(), {"monday", "friday", "weekdays"});
  return out;
}

std::span<const std::string_view> related_to(std::string_view term) {
  for (const auto& relation : relations)
    if (relation.term == term) {
      const auto used = std::find(relation.others.begin(), relation.others.end(), std::string_view{});
      return {relation.others.begin(), used};
    }
  return {};
}

}  // namespace voxanne::knowledge
