// What receptionists are asked about, by the names callers use. Data of terms.cpp.
#pragma once

#include "knowledge/terms.h"

#include <array>
#include <span>
#include <string_view>

namespace voxanne::knowledge {

struct Concept {
  std::string_view name;
  Term::Kind kind;
  std::string_view words;     // separated by blanks; one of them means the concept anywhere
  std::string_view phrases;   // of two words, separated by "|"
  std::string_view asked;     // words that mean it in a question only ("what are your hours")
  std::string_view evidence;  // words that mean it in knowledge only
};

inline constexpr auto subject = Term::Kind::subject;
inline constexpr auto frame = Term::Kind::frame;

inline constexpr std::array concepts{
    Concept{"@price", frame, "price cost fee charge rate expensive cheap afford",
            "how much|set me|pay for|paying for", "much", "free pound pence euro dollar"},
    Concept{"@hours", frame, "open opening close closing shut",
            "what time|which time|what hours|what days|which days", "hour", "noon midday clock am pm"},
    Concept{"@location", frame, "where address located location direction directions situated",
            "which street|what street|find you|get there|get to", "",
            "street road lane avenue square opposite behind corner postcode floor near"},
    Concept{"@duration", frame, "", "how long|how soon", "long minute", "minute hour day week month year"},
    Concept{"@who", frame, "who", "", "name", "doctor dr mr mrs ms"},
    Concept{"@parking", subject, "park parking car garage", "car park", "", ""},
    Concept{"@payment", subject, "pay payment card cash credit debit cheque visa mastercard", "", "", ""},
    Concept{"@instalments", subject, "instalment installment finance spread",
            "payment plan|pay monthly|monthly payments", "", ""},
    Concept{"@insurance", subject, "insurance insurer insured", "", "", ""},
    Concept{"@nhs", subject, "nhs", "national health|health service|n h", "", ""},
    Concept{"@phone", subject, "phone telephone", "phone number|telephone number", "", ""},
    Concept{"@email", subject, "email", "e mail", "", ""},
    Concept{"@website", subject, "website online internet", "web site", "", ""},
    Concept{"@emergency", subject, "emergency urgent urgently", "", "", ""},
    Concept{"@pain", subject, "pain painful toothache ache aching hurt hurting sore agony", "", "", ""},
    Concept{"@broken", subject, "break broke broken chip chipped crack cracked", "", "", ""},
    Concept{"@knocked", subject, "knock knocked", "fell out|fall out|fallen out|came out|come out", "", ""},
    Concept{"@holiday", subject, "holiday", "bank holiday|bank holidays|public holiday|public holidays", "",
            ""},
    Concept{"@children", subject, "child children kid son daughter baby toddler boy girl", "", "", ""},
    Concept{"@appointment", subject, "appointment book booking schedule slot", "", "", ""},
    Concept{"@cancel", subject, "cancel cancellation reschedule rearrange", "", "", ""},
    Concept{"@missed", subject, "miss missed noshow", "turn up|show up|no show", "", ""},
    Concept{"@checkup", subject, "checkup examination exam", "check up|check ups", "", "check"},
    Concept{"@hygienist", subject, "hygienist hygiene clean cleaning scale polish", "", "", ""},
    Concept{"@whitening", subject, "whitening whiten whiter bleach bleaching", "", "", ""},
    Concept{"@braces", subject, "brace orthodontic orthodontist invisalign aligner straighten straightening",
            "", "", ""},
    Concept{"@extraction", subject, "extraction extract remove removal pull pulled", "take out|taken out", "",
            ""},
    Concept{"@dentist", subject, "dentist", "", "", "dr doctor"},
    Concept{"@tooth", subject, "tooth teeth toothache", "", "", ""},
    Concept{"@xray", subject, "xray", "x ray|x rays", "", ""},
    Concept{"@access", subject, "wheelchair disabled accessible accessibility disability",
            "wheel chair|step free", "", ""},
    Concept{"@newpatient", subject, "register registration join", "new patient|new patients|sign up", "", ""},
    Concept{"@nervous", subject, "nervous anxious scared afraid fear frightened phobia", "", "", ""},
    Concept{
        "@language", subject, "language", "", "",
        "french spanish german italian polish portuguese arabic turkish russian chinese hindi urdu welsh"},
    Concept{"@lift", subject, "lift elevator", "", "", ""},
    Concept{"@weekend", subject, "weekend", "week end|week ends", "", ""},
    Concept{"@complaint", subject, "complaint complain unhappy", "", "", ""},
};

struct Relation {
  std::string_view term;
  std::array<std::string_view, 3> others;
};

// By stems and concepts.
inline constexpr std::array relations{
    Relation{"@pain", {"@emergency"}},
    Relation{"@broken", {"@emergency"}},
    Relation{"swollen", {"@emergency", "swell"}},
    Relation{"swell", {"@emergency"}},
    Relation{"bleed", {"@emergency"}},
    Relation{"@knocked", {"@emergency"}},
    Relation{"weekday", {"monday", "friday"}},
    Relation{"@weekend", {"saturday", "sunday"}},
    Relation{"saturday", {"@weekend"}},
    Relation{"sunday", {"@weekend"}},
    Relation{"even", {"lat", "@hours"}},
    Relation{"lat", {"even", "@hours"}},
    Relation{"latest", {"last"}},
    Relation{"lunch", {"lunchtim"}},
    Relation{"lunchtim", {"lunch"}},
    Relation{"@appointment", {"@website", "@phone"}},
    Relation{"@phone", {"call", "number"}},
    Relation{"sedat", {"@nervous"}},
    Relation{"@nervous", {"sedat"}},
    Relation{"train", {"station"}},
    Relation{"station", {"train"}},
    Relation{"run", {"manag"}},
    Relation{"@instalments", {"@payment"}},
};

}  // namespace voxanne::knowledge
