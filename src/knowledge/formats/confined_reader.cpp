#include "knowledge/formats/confined_reader.h"

#include "base/json_text.h"
#include "knowledge/formats/csv.h"
#include "knowledge/formats/docx.h"
#include "knowledge/formats/html.h"

#include <libxml/xmlmemory.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <pugixml.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace voxanne::knowledge::formats {
namespace {

// How the child ends. Apart from what a shell, the loader or the command line say.
constexpr int no_room = 40, failed = 41, refused_from = 50;
constexpr std::array refusals{Fault::malformed, Fault::too_large, Fault::impossible};

// A parser that gets no memory may leave out what it had no room for, and call that a success.
[[noreturn]] void end_without_room() { ::_exit(no_room); }
void* or_end(void* room) {
  if (!room) end_without_room();
  return room;
}
void* allocate(std::size_t size) { return or_end(std::malloc(std::max<std::size_t>(size, 1))); }
void* reallocate(void* room, std::size_t size) {
  return or_end(std::realloc(room, std::max<std::size_t>(size, 1)));
}
char* duplicate(const char* text) { return static_cast<char*>(or_end(::strdup(text))); }

std::string all_of(int descriptor) {
  std::string out;
  std::string block(256u << 10, '\0');
  for (;;) {
    const auto count = ::read(descriptor, block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return out;
    out.append(block.data(), static_cast<std::size_t>(count));
  }
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const auto count = ::write(descriptor, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

// "code\nmessage", as the child wrote it.
Error refusal(Fault kind, std::string_view said) {
  const auto line = std::min(said.find('\n'), said.size());
  const auto code = said.substr(0, line);
  if (code.empty() || code.size() > 64 ||
      code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") != std::string_view::npos)
    return malformed("document_unreadable", "the document cannot be read; upload its text instead");
  auto message = said.substr(std::min(line + 1, said.size()));
  message = message.substr(0, std::min<std::size_t>(message.size(), 500));
  return {kind, std::string{code}, std::string{message.substr(0, valid_utf8_prefix(message))}};
}

}  // namespace

Result<std::string> read_here(std::string_view kind, std::string_view bytes) {
  if (kind == "html") return html_to_markdown(bytes);
  if (kind == "docx") return docx_to_markdown(bytes);
  if (kind == "csv") return csv_to_markdown(bytes);
  return internal("document_kind_unknown", "there is no reader for " + std::string{kind});
}

Result<std::string> read_confined(std::vector<std::string> command, const std::string& kind,
                                  std::string_view bytes, const Confines& confines) {
  using End = ChildOutput::End;
  const std::string program = command.front();
  command.push_back(kind);
  auto output = run_confined(command, bytes, confines);
  if (!output) return output.error();
  if (output->end == End::too_much_output)
    return Error{Fault::too_large, "document_text_too_large",
                 "the document holds more than 32 MB of text; split it into several"};
  if (output->end == End::out_of_time ||
      (output->end == End::killed && (output->status == SIGXCPU || output->status == SIGKILL)) ||
      (output->end == End::exited && output->status == no_room))
    return Error{Fault::too_large, "document_too_costly",
                 "reading the document takes too much memory or time; split it into several, or upload "
                 "its text"};
  if (output->end == End::killed)
    return malformed("document_unreadable", "the document cannot be read; upload its text instead");
  if (output->status == 0) return std::move(output->out);
  const int refused = output->status - refused_from;
  if (refused >= 0 && refused < static_cast<int>(refusals.size()))
    return refusal(refusals[static_cast<std::size_t>(refused)], output->err);
  return unavailable("document_reader_failed", "documents cannot be read: the reader ends with " +
                                                   std::to_string(output->status) + "; " + program +
                                                   " must be executable by every user");
}

int document_reader_main(const std::string& kind) {
  ::prctl(PR_SET_NAME, "document-reader");
  std::set_new_handler(end_without_room);
  xmlMemSetup(std::free, allocate, reallocate, duplicate);
  pugi::set_memory_management_functions(allocate, std::free);
  const auto markdown = read_here(kind, all_of(STDIN_FILENO));
  if (markdown) return write_all(STDOUT_FILENO, *markdown) ? 0 : failed;
  const auto& error = markdown.error();
  for (std::size_t i = 0; i < refusals.size(); ++i) {
    if (error.kind != refusals[i]) continue;
    write_all(STDERR_FILENO, error.code + "\n" + error.message);
    return refused_from + static_cast<int>(i);
  }
  return failed;
}

}  // namespace voxanne::knowledge::formats
