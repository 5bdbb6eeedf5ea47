// The reader as a program of its own, for tests; the server runs `voxanne document-reader`. Its argument: the
// kind of document.
#include "knowledge/formats/confined_reader.h"

int main(int count, char** arguments) {
  return voxanne::knowledge::formats::document_reader_main(count > 1 ? arguments[1] : "");
}
