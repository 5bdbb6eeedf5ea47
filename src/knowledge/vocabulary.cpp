#include "knowledge/vocabulary.h"

#include "knowledge/chunk.h"
#include "knowledge/sentences.h"
#include "store/knowledge.h"

#include <unordered_set>

namespace voxanne::knowledge {

async::Task<Result<Vocabulary>> vocabulary_of(store::Store& store, OrgId org) {
  Vocabulary out;
  std::size_t bytes = 0;
  std::unordered_set<std::string> headings, titles, topics;
  const auto add = [&](std::string_view text) {
    if (bytes + text.size() > max_vocabulary_bytes) {
      out.truncated = true;
      return;
    }
    bytes += text.size();
    out.sentences.emplace_back(text);
  };
  const auto read = co_await store::visit_chunks(store, std::move(org), [&](const domain::Chunk& chunk) {
    const auto first_end = chunk.heading.find(heading_separator);
    if (first_end != std::string::npos) titles.insert(chunk.heading.substr(0, first_end));
    const auto topic_at = first_end == std::string::npos ? 0 : first_end + heading_separator.size();
    auto topic = chunk.heading.substr(topic_at, chunk.heading.find(heading_separator, topic_at) - topic_at);
    if (!topic.empty() && topics.insert(topic).second) out.topics.push_back(std::move(topic));
    for (std::string_view path = chunk.heading; !path.empty();) {
      const auto end = std::min(path.find(heading_separator), path.size());
      const auto title = path.substr(0, end);
      if (!title.empty() && headings.emplace(title).second) add(title);
      path.remove_prefix(std::min(end + heading_separator.size(), path.size()));
    }
    for (const auto sentence : split_sentences(chunk.text)) add(sentence);
  });
  if (!read) co_return read.error();
  std::erase_if(out.topics, [&](const auto& topic) { return titles.contains(topic); });
  co_return out;
}

}  // namespace voxanne::knowledge
