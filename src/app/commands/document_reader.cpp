#include "app/commands/command.h"
#include "knowledge/formats/confined_reader.h"

namespace voxanne::app {

// The confined child that reads what strangers upload: what its parsers are made to do, it takes with it.
void add_document_reader(CommandLine& line) {
  auto kind = std::make_shared<std::string>();
  auto* command =
      line.parser.add_subcommand("document-reader", "internal: reads a document for the server")->group("");
  command->add_option("kind", *kind, "html, docx or csv")->required();
  command->callback([&line, kind] { line.exit_code = knowledge::formats::document_reader_main(*kind); });
}

}  // namespace voxanne::app
