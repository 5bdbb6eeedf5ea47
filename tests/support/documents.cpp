#include "support/documents.h"

#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace voxanne::test {
namespace {

void require(bool so, const char* what) {
  if (!so) throw std::runtime_error(std::string{"documents: "} + what);
}

std::string archive(const std::vector<std::pair<std::string, std::string>>& parts, bool encrypted) {
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, &error);
  require(target, "no buffer");
  zip_source_keep(target);
  zip_t* out = zip_open_from_source(target, ZIP_CREATE | ZIP_TRUNCATE, &error);
  require(out, "no archive");
  for (const auto& [name, content] : parts) {
    zip_source_t* part = zip_source_buffer(out, content.data(), content.size(), 0);
    const auto index = zip_file_add(out, name.c_str(), part, ZIP_FL_ENC_UTF_8);
    require(index >= 0, "no part");
    if (encrypted)
      require(zip_file_set_encryption(out, static_cast<zip_uint64_t>(index), ZIP_EM_AES_256, "secret") == 0,
              "no encryption");
  }
  require(zip_close(out) == 0, "not written");
  zip_stat_t about;
  zip_stat_init(&about);
  require(zip_source_stat(target, &about) == 0 && zip_source_open(target) == 0, "not readable");
  std::string bytes(about.size, '\0');
  require(zip_source_read(target, bytes.data(), bytes.size()) == static_cast<zip_int64_t>(bytes.size()),
          "not read");
  zip_source_close(target);
  zip_source_free(target);
  zip_error_fini(&error);
  return bytes;
}

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else
      out.push_back(c);
  }
  return out;
}

std::string run(const std::string& text) {
  return "<w:r><w:t xml:space=\"preserve\">" + escaped(text) + "</w:t></w:r>";
}

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  require(compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                    bytes.size(), 9) == Z_OK,
          "not deflated");
  out.resize(size);
  return out;
}

// The objects with their table and trailer (ISO 32000-1 §7.5); the first is the catalogue.
std::string pdf_file(const std::vector<std::string>& objects, const std::string& trailer = "") {
  std::string out = "%PDF-1.4\n";
  std::vector<std::size_t> offsets;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    offsets.push_back(out.size());
    out += std::to_string(i + 1) + " 0 obj\n" + objects[i] + "\nendobj\n";
  }
  const auto table = out.size();
  out += "xref\n0 " + std::to_string(objects.size() + 1) + "\n0000000000 65535 f \n";
  for (const auto offset : offsets) {
    const std::string digits = std::to_string(offset);
    out += std::string(10 - digits.size(), '0') + digits + " 00000 n \n";
  }
  return out + "trailer\n<< /Size " + std::to_string(objects.size() + 1) + " /Root 1 0 R " + trailer +
         " >>\nstartxref\n" + std::to_string(table) + "\n%%EOF\n";
}

std::string stream(const std::string& bytes, const std::string& filter = "") {
  return "<< /Length " + std::to_string(bytes.size()) + " " + filter + " >>\nstream\n" + bytes +
         "\nendstream";
}

std::string content_of(const std::string& page) {
  std::string out = "BT /F1 12 Tf 14 TL 72 720 Td\n", line;
  const auto end_line = [&] {
    out += "(" + line + ") Tj T*\n";
    line.clear();
  };
  for (const char c : page + "\n") {
    if (c == '\n') {
      end_line();
      continue;
    }
    if (c == '(' || c == ')' || c == '\\') line.push_back('\\');
    line.push_back(c);
  }
  return out + "ET";
}

std::string pdf_of_contents(const std::vector<std::string>& contents, const std::string& trailer = "") {
  std::vector<std::string> objects{"<< /Type /Catalog /Pages 2 0 R >>", "",
                                   "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"};
  std::string kids;
  for (const auto& content : contents) {
    const auto page = objects.size() + 1;
    kids += std::to_string(page) + " 0 R ";
    objects.push_back(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> "
        "/Contents " +
        std::to_string(page + 1) + " 0 R >>");
    objects.push_back(content);
  }
  objects[1] = "<< /Type /Pages /Kids [" + kids + "] /Count " + std::to_string(contents.size()) + " >>";
  return pdf_file(objects, trailer);
}

}  // namespace

std::string zip(const std::vector<std::pair<std::string, std::string>>& parts) {
  return archive(parts, false);
}
std::string zip_bomb(const std::string& name, std::size_t unpacked) {
  return archive({{name, std::string(unpacked, ' ')}}, false);
}
std::string encrypted_zip(const std::string& name, const std::string& content) {
  return archive({{name, content}}, true);
}

std::string docx(const std::vector<std::string>& blocks) {
  std::string body;
  for (const auto& block : blocks) body += block;
  const std::string name_space = "xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"";
  return zip({{"[Content_Types].xml",
               "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"},
              {"word/document.xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document " + name_space +
                                        "><w:body>" + body + "<w:sectPr/></w:body></w:document>"},
              {"word/styles.xml", "<w:styles " + name_space +
                                      "><w:style w:type=\"paragraph\" w:styleId=\"Heading1\"><w:name "
                                      "w:val=\"heading 1\"/></w:style></w:styles>"}});
}
std::string docx_heading(const std::string& text, int level) {
  return "<w:p><w:pPr><w:pStyle w:val=\"Heading" + std::to_string(level) + "\"/></w:pPr>" + run(text) +
         "</w:p>";
}
std::string docx_paragraph(const std::string& text) { return "<w:p>" + run(text) + "</w:p>"; }
std::string docx_item(const std::string& text) {
  return "<w:p><w:pPr><w:numPr><w:ilvl w:val=\"0\"/></w:numPr></w:pPr>" + run(text) + "</w:p>";
}
std::string docx_row(const std::vector<std::string>& cells) {
  std::string out;
  for (const auto& cell : cells) out += "<w:tc>" + docx_paragraph(cell) + "</w:tc>";
  return "<w:tbl><w:tr>" + out + "</w:tr></w:tbl>";
}

std::string pdf(const std::vector<std::string>& pages) {
  std::vector<std::string> contents;
  for (const auto& page : pages) contents.push_back(stream(content_of(page)));
  return pdf_of_contents(contents);
}

std::string encrypted_pdf() {
  // The standard handler with a 40-bit key (ISO 32000-1 §7.6.3); the entries fit no password, so none opens
  // it.
  const std::string entry(32, 'A');
  return pdf_of_contents({stream(content_of("secret"))},
                         "/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O (" + entry + ") /U (" + entry +
                             ") >> /ID [(0123456789abcdef) (0123456789abcdef)]");
}

std::string pdf_bomb(std::size_t unpacked) {
  // Deflated in two layers, as a filter chain: a gigabyte in a few kilobytes.
  const std::string line = "BT /F1 1 Tf 1 0 0 1 9 9 Tm (boom) Tj ET\n";
  std::string some;
  while (some.size() < (16u << 20)) some += line;
  z_stream packer{};
  require(deflateInit(&packer, 9) == Z_OK, "no packer");
  std::string once;
  std::string room(1u << 20, '\0');
  for (std::size_t fed = 0; fed < unpacked; fed += some.size()) {
    packer.next_in = reinterpret_cast<Bytef*>(some.data());
    packer.avail_in = static_cast<uInt>(some.size());
    const bool last = fed + some.size() >= unpacked;
    do {
      packer.next_out = reinterpret_cast<Bytef*>(room.data());
      packer.avail_out = static_cast<uInt>(room.size());
      deflate(&packer, last ? Z_FINISH : Z_NO_FLUSH);
      once.append(room.data(), room.size() - packer.avail_out);
    } while (packer.avail_out == 0);
  }
  deflateEnd(&packer);
  return pdf_of_contents({stream(deflated(once), "/Filter [/FlateDecode /FlateDecode]")});
}

}  // namespace voxanne::test
