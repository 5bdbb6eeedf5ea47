// A PDF → its text, pages apart by form feeds, by poppler's pdftotext in a confined child: poppler is GPL and
// reads hostile input, so it is neither linked nor trusted. Blocks for as long as that takes; on a worker.
//
// Errors: malformed (pdf_unreadable, pdf_encrypted, pdf_without_text, pdf_too_costly), too_large
// (pdf_text_too_large), unavailable (pdf_reader_missing).
#pragma once

#include "base/result.h"
#include "knowledge/formats/confined.h"

#include <string>
#include <string_view>

namespace voxanne::knowledge::formats {

Result<std::string> pdf_to_text(std::string_view bytes, const Confines& confines = {});

}  // namespace voxanne::knowledge::formats
