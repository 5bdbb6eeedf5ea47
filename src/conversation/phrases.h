// The shape of what is said, without its meaning: is it a backchannel ("mm-hmm"), does it look
// complete, where does a sentence end? Pure functions; any text is accepted.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace voxanne::conversation {

// Lower-case words without punctuation; apostrophes inside a word stay ("i'd"), hyphens part words.
// Bytes beyond ASCII are kept as letters. At most 400 words.
std::vector<std::string> words_of(std::string_view text);

// "mm-hmm", "uh-huh", "okay", "yes", "right", "i see": spoken to show attention, not to take the
// turn.
bool is_backchannel(const std::vector<std::string>& words);

// At least one word of it is such by itself.
bool has_attention(const std::vector<std::string>& words);

// A word and then attention: "lovely, okay", and "above okay", which "uh huh, okay" is taken for. Not "stop,
// okay".
bool ends_in_attention(const std::vector<std::string>& words);

// False for what is only attention, the beginning of something, or a sound taken for it: "of a", "you have",
// "i'd".
bool has_content(const std::vector<std::string>& words);

// "can i", "where": somebody begins who wants something. Not "but", "of a": what attention is taken for.
bool has_beginning(const std::vector<std::string>& words);

// "bye then", "thank you": what people say over a goodbye without wanting it to stop.
bool is_farewell(const std::vector<std::string>& words);

// "One moment", "hold on a second": the caller will be silent for a while.
bool asks_to_wait(const std::vector<std::string>& words);

// False where more is likely to follow: "my name is", "and um", a first lone word.
bool looks_complete(const std::vector<std::string>& words);

// True when the words stand in this order, one after the other, in `text`: our own voice coming
// back.
bool occurs_in(const std::vector<std::string>& words, const std::vector<std::string>& text);

// Its sentences, each with its full stop. "Dr. Who" and "9 a.m. to 5" are not parted.
std::vector<std::string> sentences_of(std::string_view text);

}  // namespace voxanne::conversation
