#include "base/json_text.h"
#include "knowledge/chunk.h"
#include "knowledge/extract.h"
#include "knowledge/sentences.h"
#include "knowledge/terms.h"

#include <cstdint>
#include <cstdlib>

// Any upload becomes small, valid chunks or an error.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  using knowledge::Format;
  for (const auto format :
       {Format::markdown, Format::text, Format::html, Format::csv, Format::docx, Format::pdf}) {
    // Of a PDF what a child process makes of it, which is any text.
    if (format == Format::pdf && !is_valid_utf8(bytes)) continue;
    const auto extracted = format == Format::pdf
                               ? Result<knowledge::Extracted>{{Format::pdf, "", std::string{bytes}}}
                               : knowledge::extract(format, bytes);
    if (!extracted) continue;
    for (const auto& piece : knowledge::chunk(extracted->format, extracted->text)) {
      if (piece.text.empty() || piece.text.size() > knowledge::max_chunk_bytes) std::abort();
      if (piece.heading.size() > knowledge::max_heading_path_bytes) std::abort();
      if (!is_valid_utf8(piece.text) || !is_valid_utf8(piece.heading)) std::abort();
      if (piece.offset >= piece.end || piece.end > extracted->text.size()) std::abort();
      for (const auto sentence : knowledge::split_sentences(piece.text))
        if (sentence.empty()) std::abort();
      static_cast<void>(knowledge::terms_of(piece.text, knowledge::Role::knowledge));
    }
  }
  return 0;
}
