// An organization's knowledge as plain texts: what its recognizer's language model is built from
// (speech::pocketsphinx::build_model), so that callers are understood in the organization's words.
#pragma once

#include "base/ids.h"
#include "store/store.h"

#include <string>
#include <vector>

namespace voxanne::knowledge {

struct Vocabulary {
  // Headings once each and sentences, oldest document first, without marks; at most
  // max_vocabulary_bytes of them.
  std::vector<std::string> sentences;
  // What the texts are about: the headings under a document's title (its title where it has no others),
  // once each, in order.
  std::vector<std::string> topics;
  bool truncated = false;
};

inline constexpr std::size_t max_vocabulary_bytes = 512u << 10;

// Errors: those of the store.
async::Task<Result<Vocabulary>> vocabulary_of(store::Store& store, OrgId org);

}  // namespace voxanne::knowledge
