#include "knowledge/ingest.h"

#include "base/json_text.h"
#include "base/secret.h"
#include "knowledge/chunk.h"
#include "store/knowledge.h"

#include <algorithm>

namespace voxanne::knowledge {
namespace {

// "C:\docs\Prices 2026.md" → "Prices 2026"
std::string_view name_of_file(std::string_view file_name) {
  file_name.remove_prefix(std::min(file_name.size(), file_name.find_last_of("/\\") + 1));
  return file_name.substr(0, file_name.rfind('.') == 0 ? file_name.size() : file_name.rfind('.'));
}

std::string clean_title(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, valid_utf8_prefix(text.substr(0, max_title_bytes)))) {
    const bool blank = static_cast<unsigned char>(c) <= 0x20 || c == 0x7F;
    if (!blank)
      out.push_back(c);
    else if (!out.empty() && out.back() != ' ')
      out.push_back(' ');
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

struct Prepared {
  domain::Document document;
  std::vector<domain::Chunk> chunks;
};

Result<Prepared> prepare(const Source& source, const std::vector<std::string>& reader, UtcTime at) {
  const auto format = format_of(source.file_name, source.content_type);
  if (!format) return format.error();
  auto extracted = extract(*format, source.bytes, reader);
  if (!extracted) return extracted.error();
  const auto title = clean_title(source.title.empty() ? name_of_file(source.file_name) : source.title);
  if (title.empty())
    return Error{Fault::impossible, "document_without_title", "give the document a title or a file name"};

  auto pieces = chunk(extracted->format, extracted->text, max_chunks + 1);
  if (pieces.empty()) return malformed("document_empty", "the document holds no text");
  if (pieces.size() > max_chunks)
    return Error{Fault::impossible, "document_too_long",
                 "the document has more than 10,000 passages; split it into several"};
  Prepared out;
  out.document.id = !source.id.empty()     ? source.id
                    : source.title.empty() ? document_id_of(source.file_name)
                                           : document_id_of(title);
  out.document.org = source.org;
  out.document.title = title;
  out.document.file_name = std::string{source.file_name};
  out.document.content_type = extracted->content_type;
  out.document.bytes = static_cast<std::int64_t>(source.bytes.size());
  out.document.sha256 = to_hex(sha256(source.bytes));
  out.document.chunk_count = static_cast<std::int64_t>(pieces.size());
  out.document.created_at = out.document.updated_at = at;
  for (auto& piece : pieces)
    out.chunks.push_back({.id = ChunkId::make(),
                          .document = out.document.id,
                          .position = static_cast<std::int64_t>(out.chunks.size()),
                          .heading = std::move(piece.heading),
                          .text = std::move(piece.text),
                          .page = piece.page > 0 ? std::optional<std::int64_t>{piece.page} : std::nullopt,
                          .starts_at = static_cast<std::int64_t>(piece.offset),
                          .ends_at = static_cast<std::int64_t>(piece.end)});
  return out;
}

}  // namespace

DocumentId document_id_of(std::string_view name) {
  std::string key;
  for (const char c : clean_title(name))
    key.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c);
  return DocumentId{"doc_" + to_hex(sha256(key)).substr(0, 26)};
}

async::Task<Result<domain::Document>> ingest(store::Store& store, DocumentReader reader, Source source,
                                             UtcTime at) {
  auto prepared = co_await reader.workers.run([&] { return prepare(source, reader.command, at); });
  if (!prepared) co_return prepared.error();
  store::Batch batch;
  store::put_document(batch, prepared->document, prepared->chunks,
                      source.title.empty() ? store::Title::is_of_file : store::Title::is_given);
  const auto written = co_await store.write(std::move(batch));
  if (!written) co_return written.error();
  // A document that was replaced keeps the time it was first uploaded.
  const auto stored = co_await store::find_document(store, source.org, prepared->document.id);
  if (!stored) co_return stored.error();
  co_return stored->value_or(std::move(prepared->document));
}

async::Task<Result<>> erase(store::Store& store, OrgId org, DocumentId id) {
  const auto found = co_await store::find_document(store, org, id);
  if (!found) co_return found.error();
  if (!*found) co_return not_found("document_not_found", "there is no document of that id");
  store::Batch batch;
  store::erase_document(batch, org, id);
  co_return co_await store.write(std::move(batch));
}

}  // namespace voxanne::knowledge
