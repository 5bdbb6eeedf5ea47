// An organization's language model and pronouncing dictionary for PocketSphinx, built from what it
// knows: its texts, the topics in them as callers would ask about them, its people's names, and what
// callers say to any receptionist. A closed model of some thousand words is recognized with a third
// of the errors and a quarter of the CPU of the stock one.
//
//   build_model({.knowledge = texts, .names = {"Dr Emma Clarke"}}, data / "models" / org)
//
//   DIRECTORY/3f2a…/model.lm, model.dict     one version, named by the hash of its input
//   DIRECTORY/current → 3f2a…                replaced atomically; the version before it is kept
//                                            for decoders that are just opening it
//
// Takes a few hundred ms: on a worker. One build at a time per directory. Texts may hold anything;
// what cannot be said is left out, and an empty input gives the receptionist's model, which is the
// one to use for organizations that have none yet.
#pragma once

#include "base/result.h"

#include <filesystem>
#include <string>
#include <vector>

namespace voxanne::speech::pocketsphinx {

struct ModelInput {
  std::vector<std::string> knowledge;  // texts; the first max_knowledge_bytes of all are used
  std::vector<std::string> names;      // of the organization, its people, its assistant
};

inline constexpr std::size_t max_knowledge_bytes = 512u << 10;
inline constexpr std::size_t max_knowledge_words = 3'000;  // different ones, the most frequent

struct BuiltModel {
  std::string version;
  bool was_current = false;  // this input had been built before: nothing was written
  std::size_t words = 0, guessed_words = 0, ngrams = 0;
};

struct Cmudict {
  std::filesystem::path file = "/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict";
};

// not_found when CMUdict is missing, internal when the directory cannot be written.
Result<BuiltModel> build_model(const ModelInput& input, const std::filesystem::path& directory,
                               const Cmudict& cmudict = {});

}  // namespace voxanne::speech::pocketsphinx
