// Quantities as they are written: money, times of day, dates, numbers with units. Pure.
#pragma once

#include "speech/normalise.h"

#include <string_view>
#include <vector>

namespace voxanne::speech {

// Says the whole token, or nothing and false when it is not one quantity.
bool say_quantity(std::string_view text, std::vector<SaidWord>& out);

// A run of digits: by its digits when it starts with zero or is long, else as a number or year.
void say_number(std::string_view digits, bool may_be_year, std::vector<SaidWord>& out);

}  // namespace voxanne::speech
