#include "knowledge/formats/pdf.h"

#include <signal.h>

namespace voxanne::knowledge::formats {
namespace {

bool holds(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

Result<std::string> pdf_to_text(std::string_view bytes, const Confines& confines) {
  using End = ChildOutput::End;
  const Error unreadable = malformed(
      "pdf_unreadable", "this is not a PDF, or it is damaged; open it in a viewer and print it to a new PDF");
  // Readers look for the mark in the first kilobyte (ISO 32000, annex H).
  if (!holds(bytes.substr(0, 1'024), "%PDF-")) return unreadable;
  auto output = run_confined({"pdftotext", "-enc", "UTF-8", "-eol", "unix", "-", "-"}, bytes, confines);
  if (!output) {
    if (output.error().code == "program_missing")
      return unavailable("pdf_reader_missing",
                         "this server cannot read PDFs: pdftotext is not installed (package poppler-utils)");
    return output.error();
  }
  if (output->end == End::too_much_output)
    return Error{Fault::too_large, "pdf_text_too_large",
                 "the PDF holds more than 32 MB of text; split it into several"};
  if (output->end == End::out_of_time ||
      (output->end == End::killed && (output->status == SIGXCPU || output->status == SIGKILL)))
    return malformed("pdf_too_costly",
                     "reading the PDF takes too long; print it to a new PDF, or upload its text");
  if (output->end == End::killed || output->status != 0) {
    if (holds(output->err, "assword") || holds(bytes, "/Encrypt"))
      return malformed("pdf_encrypted", "the PDF is protected by a password; save it without one");
    return unreadable;
  }
  if (output->out.find_first_not_of(" \t\r\n\f") == std::string::npos)
    return malformed("pdf_without_text",
                     "the PDF holds pictures of text but no text; run text recognition (OCR) on it first");
  return std::move(output->out);
}

}  // namespace voxanne::knowledge::formats
