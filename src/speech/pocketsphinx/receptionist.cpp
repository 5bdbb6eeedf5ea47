#include "speech/pocketsphinx/receptionist.h"

#include "speech/numbers.h"
#include "speech/pocketsphinx/names.h"

namespace voxanne::speech::pocketsphinx {
namespace {

// Weights are relative to one sentence of the organization's knowledge.
constexpr Pattern patterns[] = {
    // Short answers.
    {40, "yes"},
    {40, "no"},
    {16, "(yes|no|yeah|okay|sure|great|perfect|lovely|fine) (please|thanks|thank you|)"},
    {10,
     "(yeah|yep|yup|nope|nah|okay|ok|sure|right|alright|correct|exactly|absolutely|definitely|of course)"},
    {8,
     "(yes|yeah|no|okay) (that's|that is) (right|correct|fine|great|good|perfect|it|all|not "
     "right|wrong|okay)"},
    {6,
     "(that's|that is|it's) (right|correct|fine|wrong|not right|great|good|okay|not what i said|not "
     "correct|all)"},
    {4,
     "(yes|no) (it is|it isn't|i do|i don't|i am|i'm not|i would|i can|i can't|i have|i haven't|there "
     "is|there isn't)"},
    {4, "(no|) (that's all|that's everything|nothing else|that will be all) (thank you|thanks|for now|)"},
    {4,
     "(sorry|pardon|excuse me) (what did you say|can you say that again|could you repeat that|i didn't hear "
     "you|)"},
    {3, "(can|could) you (repeat|say) (that|it) (again|) (please|)"},
    {3, "(wait|hold on|one moment|just a second|hang on|give me a second|let me think|one second please)"},
    {2,
     "(i don't know|i'm not sure|maybe|perhaps|i think so|i don't think so|not really|it doesn't "
     "matter|either)"},
    // Said over the assistant, all the time: what else it could be must be much likelier.
    {40, "(uh huh|mm hmm|mm|hmm|okay|yeah|right|i see)"},
    {3, "(oh|ah|right i see|got it|understood)"},
    // Opening and closing.
    {8, "(hello|hi|hi there|good morning|good afternoon|good evening|hey) (there|)"},
    {4,
     "(hello|hi|good morning|good afternoon) (can you hear me|is anybody there|i have a question|i need some "
     "help)"},
    // Over the telephone nothing is left of the beginning of "thank": it sounds like "can" and "him".
    {16, "thank you"},
    {24,
     "(no|okay|great|that's all|that's great|lovely|) thank you (very much|so much|goodbye|bye|bye bye|)"},
    {12, "(no|okay|great|) thanks (very much|a lot|bye|goodbye|)"},
    {6, "(thank you|thanks) (for your help|for calling) (goodbye|bye|)"},
    {12, "(goodbye|bye|bye bye|see you|okay bye|have a nice day)"},
    {3, "(have a|you have a) (nice|good|great|lovely) (day|evening|weekend|one)"},
    // Opening hours.
    {8, "what are your (opening|business|office|) hours"},
    {8,
     "(when|what time|until when|how late) are you open (today|tomorrow|on <day>|on saturday|on sunday|at "
     "the weekend|)"},
    {8, "(when|what time) do you (open|close) (today|tomorrow|on <day>|on saturday|at the weekend|)"},
    {6,
     "are you open (today|tomorrow|now|on <day>|on the weekend|at the weekend|on bank holidays|over "
     "christmas|on saturday|on sunday|on saturdays)"},
    {3, "what are your (opening|) (hours|times) (on <day>|on saturday|at the weekend|today|tomorrow|)"},
    {2, "(are|when are) you closed (today|on <day>|for lunch|at the weekend|on bank holidays|)"},
    // Place.
    {5,
     "(where are you|where are you located|what is your address|what's your address|how do i get there|how "
     "do i find you)"},
    {4,
     "(where can i park|is there parking|do you have parking|is there a car park|is parking free|is there "
     "any parking nearby)"},
    {3, "(what is|what's) your (phone number|email|email address|address|website|name|post code)"},
    {2,
     "(how far is it from the station|which bus do i take|is there a bus|what is the nearest station|is it "
     "wheelchair accessible)"},
    // Prices.
    {4,
     "(how much|what) (is it|does it cost|do you charge|are your prices|will it cost|would it be|would that "
     "be)"},
    {4,
     "(do you take|can i pay by|do you accept) (cards|card|cash|credit cards|credit card|insurance|my "
     "insurance|new patients|new customers|payment plans)"},
    {3,
     "(how can i pay|do i have to pay now|can i pay in instalments|is there a deposit|do i need to pay a "
     "deposit)"},
    // Appointments.
    {8,
     "(i would like|i'd like|i want|i need|can i|could i) (to|) (book|make|get|have|schedule) an appointment "
     "(please|)"},
    {5,
     "(i would like|i'd like|i need) an appointment (for|on|) (<day>|tomorrow|next week|today|this week|next "
     "<day>|this afternoon) (please|)"},
    {5,
     "(i'd like to|i need to|can i|i want to) (book|change|cancel|move|reschedule|confirm) (my|an|the) "
     "(appointment|booking|visit)"},
    {4,
     "(do you have|have you got|is there) (anything|any appointments|any availability|any slots|a "
     "slot|something|a free appointment) (<day>|tomorrow|today|next week|this week|on <day>|in the "
     "morning|in the afternoon|available|earlier|later|free)"},
    {3,
     "(when is|what time is) (my|the next|your next|the first|your earliest) (appointment|available "
     "appointment|free appointment|slot)"},
    {3,
     "(how long|what) (does it take|will it take|should i bring|do i need to bring|happens next|is the "
     "waiting time)"},
    {3,
     "(it hurts|i'm in pain|i have a toothache|it's urgent|it's an emergency|this is an emergency|i need to "
     "see someone today)"},
    // Days, dates and times.
    {8, "(on|) <day> (morning|afternoon|evening|)"},
    {5, "(next|this) (<day>|week|month|weekend)"},
    {5,
     "(today|tomorrow|tomorrow morning|tomorrow afternoon|this afternoon|this morning|this "
     "evening|tonight|the day after tomorrow|as soon as possible|any time|next week)"},
    {8, "(at|around|about|) <time>"},
    {6, "<time> (on|) <day>"},
    {6, "(on|) <day> at <time>"},
    {3, "(tomorrow|today|<day> morning|<day> afternoon) at <time>"},
    {3,
     "(the morning|the afternoon|morning|afternoon|in the morning|in the afternoon|after <time>|before "
     "<time>) (please|is better|is fine|works|would be best|)"},
    {2, "between <time> and <time>"},
    {6, "(on|) (the|) <ordinal> of <month>"},
    {5, "(on|) <month> (the|) <ordinal>"},
    {3, "<day> (the|) <ordinal> (of <month>|)"},
    {2, "(my date of birth is|i was born on|) the <ordinal> of <month> <year>"},
    {2,
     "(<day>|tomorrow|<time>|that|the first one|the second one) (is fine|works for me|would be great|suits "
     "me|sounds good|please)"},
    // Numbers.
    {12, "<digit> <digit> <digit> <digit>"},
    {14, "<digit> <digit> <digit> <digit> <digit> <digit>"},
    {14,
     "(my number is|my phone number is|it's|the number is|) <digit> <digit> <digit> <digit> <digit> <digit> "
     "<digit> <digit> <digit> <digit> <digit>"},
    {10,
     "(it's|my number is|) (zero|oh) (seven|two|one|eight|three) <digit> <digit> <digit> <digit> <digit> "
     "<digit> <digit> <digit> <digit>"},
    {8,
     "(zero|oh) (seven|two|one|eight|three) (double|triple) <digit> <digit> <digit> <digit> <digit> double "
     "<digit> <digit> <digit>"},
    {5,
     "plus (four four|one|three five three) <digit> <digit> <digit> <digit> <digit> <digit> <digit> <digit> "
     "<digit> <digit>"},
    {6, "<number>"},
    {3, "(<number> people|<number> (years|months|weeks|days) ago|i'm <number>|for <number>)"},
    {3, "(you can|please|) call me back (on|at) (this number|my mobile)"},
    {3, "call me (back|) on <digit> <digit> <digit> <digit> <digit> <digit> <digit>"},
    {3,
     "(this number|the number i'm calling from|the same number|this number is fine|use this number|the one "
     "i'm calling from|yes this number is fine)"},
    // Names.
    {12, "my name is <given> <family>"},
    {6, "(my name is|my name's|it's|this is|i'm|i am|the name is) <given>"},
    {8, "(it's|this is|i'm|hello this is|hi it's|hi this is) <given> <family>"},
    {10, "<given> <family>"},
    {5,
     "(<given>|my first name is <given>|my surname is <family>|my last name is <family>|mister "
     "<family>|missus <family>|miss <family>|doctor <family>)"},
    {3, "(it's spelled|that's|spelled|) <letter> <letter> <letter> <letter> (<letter>|) (<letter>|)"},
    {2, "(that's|) <letter> for <given>"},
    // A person, a message.
    {8,
     "(can|could|may) i (speak|talk) (to|with) (someone|somebody|a person|a human|the manager|a "
     "receptionist|the receptionist|reception|the doctor|the dentist|an operator|<given>) (please|)"},
    {6,
     "(i want to|i'd like to|i need to|let me|please let me) (speak|talk) (to|with) (someone|somebody|a "
     "person|a human|a real person|the manager|the doctor|an operator|<given>)"},
    {3,
     "(put me through|transfer me|connect me) (to|with) (someone|a person|the manager|reception|<given>|the "
     "doctor) (please|)"},
    {8, "(i would like|i'd like|i want|can i|could i) (to|) leave a message (please|)"},
    {4,
     "(can|could) (someone|somebody|you|the doctor|they) (call|ring|phone) me back (please|today|tomorrow|)"},
    {4,
     "(please|could you|can you|) (tell|ask) (him|her|them|<given>|the doctor) (that i called|to call me "
     "back|to call me|i will be late)"},
    {3,
     "(i will|i'll|i'm going to) (be|) (late|call back|call back later|call again|come in tomorrow|be "
     "there)"},
    {3,
     "(i'm calling|i am calling|it's|this is) about (my appointment|my bill|my order|an appointment|a "
     "bill|an invoice|my account|my booking|a delivery|my results)"},
    {3,
     "(i have|i've got|i had) a (question|problem|complaint|quick question|question about my bill|question "
     "about my appointment)"},
    {2, "(are you a|am i speaking to a|is this a) (robot|machine|computer|person|real person|human)"},
    {2, "(what can you do|what can you help me with|who am i speaking to|who is this|how can you help me)"},
    {3, "(i need help|help|can you help me|please help me|i have an emergency|i didn't understand)"},
};

constexpr Pattern topics[] = {
    {1.0,
     "(how much is|how much are|how much is a|how much for|what is the price of|how much would) (a|the|) "
     "<topic>"},
    {0.8, "(how much does|what does) (a|the|) <topic> cost"},
    {1.0, "(do you|can you) (offer|do|have|provide|sell|take) (a|any|) <topic>"},
    {1.0,
     "(what is|what's|what are|tell me about|can you tell me about|i have a question about) (a|the|your|) "
     "<topic>"},
    {0.8, "(i would like|i'd like|i want|i need) (to book|to have|) (a|an|) <topic>"},
    {0.6,
     "(is there|are there|do i need|when is|where is|where are|how long is|how long does) (a|the|any|) "
     "<topic>"},
    {0.3, "(i'm calling about|it's about|about|and|) (the|my|a|) <topic> (please|take|)"},
};

Phrases clock_times() {
  Phrases times;
  const auto join = [](const Words& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
  };
  for (unsigned hour = 1; hour <= 12; ++hour) {
    const auto name = join(cardinal(hour));
    for (const std::string form : {"", " o'clock", " a m", " p m", " thirty", " fifteen", " forty five"})
      times.push_back(name + form);
    for (const std::string form : {"half past ", "quarter past ", "quarter to ", "ten past ", "twenty to "})
      times.push_back(form + name);
  }
  times.insert(times.end(), {"noon", "midday", "lunchtime"});
  return times;
}

template <class Word>
Phrases numbers(unsigned from, unsigned to, Word word) {
  Phrases out;
  for (unsigned n = from; n <= to; ++n) {
    std::string text;
    for (const auto& part : word(n)) text += (text.empty() ? "" : " ") + part;
    out.push_back(std::move(text));
  }
  return out;
}

}  // namespace

std::span<const Pattern> receptionist_patterns() { return patterns; }
std::span<const Pattern> topic_patterns() { return topics; }

Classes receptionist_classes() {
  Classes classes;
  classes["day"] = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
  for (unsigned m = 1; m <= 12; ++m) classes["month"].emplace_back(month_name(m));
  classes["digit"] = {"zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"};
  for (char c = 'a'; c <= 'z'; ++c) classes["letter"].emplace_back(1, c);
  classes["time"] = clock_times();
  classes["ordinal"] = numbers(1, 31, [](unsigned n) { return ordinal(n); });
  classes["number"] = numbers(0, 100, [](unsigned n) { return cardinal(n); });
  classes["year"] = numbers(1940, 2026, [](unsigned n) { return year(n); });
  classes["given"] = given_names();
  classes["family"] = family_names();
  return classes;
}

}  // namespace voxanne::speech::pocketsphinx
