// A dental practice's knowledge and what callers say to it: what recognition and retrieval are tested
// on. Utterances are as the recognizer answers them: lower case, numbers in words.
#pragma once

#include <string>
#include <vector>

namespace voxanne::test::dental_practice {

std::vector<std::string> knowledge();
std::vector<std::string> names();
std::vector<std::string> questions();      // about the practice
std::vector<std::string> short_answers();  // yes and no, days, times, names, numbers
std::vector<std::string> off_topic();      // nothing a receptionist can know

}  // namespace voxanne::test::dental_practice
