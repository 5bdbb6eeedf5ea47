// Web pages, Word documents and tables, read by a child of our own program that can do nothing else
// (confined.h): what a parser makes of hostile input, a tree of a gigabyte or a search without end, goes with
// the child, and calls never notice.
//
//   read_confined(…)  ─ stdin: the document ─▶  document_reader_main(kind)   `voxanne document-reader KIND`
//                     ◀─ stdout: Markdown ────  and 0
//                     ◀─ stderr: the error ───  and its status
//
// What comes back is text, whoever wrote it: a child that was taken over can lie about its own document only.
#pragma once

#include "knowledge/formats/confined.h"

namespace voxanne::knowledge::formats {

// Address space, of which the program and its libraries take their part.
inline constexpr Confines of_our_own{.max_memory = 512u << 20};

// `command`: our program and the arguments after which the kind comes: "html", "docx" or "csv". Blocks; on a
// worker. Errors: those of the kind's reader; too_large (document_too_costly: the confines end it;
// document_text_too_large), malformed (document_unreadable: it ended the child), unavailable
// (document_reader_failed, and those of run_confined()).
Result<std::string> read_confined(std::vector<std::string> command, const std::string& kind,
                                  std::string_view bytes, const Confines& confines = of_our_own);

// The same here, within no bounds but the reader's own.
Result<std::string> read_here(std::string_view kind, std::string_view bytes);

// The child's side: its exit status. Nothing else may run in its process.
int document_reader_main(const std::string& kind);

}  // namespace voxanne::knowledge::formats
