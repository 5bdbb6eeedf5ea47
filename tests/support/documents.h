// Documents of other programs' formats, made from scratch: whole ones and broken ones. Pure.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace voxanne::test {

// An archive of these parts, deflated.
std::string zip(const std::vector<std::pair<std::string, std::string>>& parts);
// One part of so many bytes, packed into a thousandth of them.
std::string zip_bomb(const std::string& name, std::size_t unpacked);
std::string encrypted_zip(const std::string& name, const std::string& content);

// A Word document of these blocks, with the styles Word has.
std::string docx(const std::vector<std::string>& blocks);
std::string docx_heading(const std::string& text, int level);
std::string docx_paragraph(const std::string& text);
std::string docx_item(const std::string& text);
std::string docx_row(const std::vector<std::string>& cells);

// A page for each text, each of its lines (separated by "\n") a line on it. ASCII.
std::string pdf(const std::vector<std::string>& pages);
// That needs a password to be opened.
std::string encrypted_pdf();
// One page whose content unpacks to so many bytes of text operators.
std::string pdf_bomb(std::size_t unpacked);

}  // namespace voxanne::test
