#include "recordings/s3/s3_xml.h"

#include <pugixml.hpp>

namespace voxanne::recordings::s3 {
namespace {

Error unreadable(std::string_view what) {
  return malformed("s3_answer_unreadable", "the S3 service's answer is no " + std::string{what});
}

// The document's root, empty where it has another name.
pugi::xml_node root_of(pugi::xml_document& document, std::string_view body, const char* name) {
  const auto read = document.load_buffer(body.data(), body.size(), pugi::parse_default, pugi::encoding_utf8);
  if (!read || document.document_element().name() != std::string_view{name}) return {};
  return document.document_element();
}

std::string text_of(const pugi::xml_node& node, const char* name) { return node.child(name).text().get(); }

std::string quoted(std::string etag) { return etag.empty() || etag.front() == '"' ? etag : '"' + etag + '"'; }

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out.push_back(c);
    }
  return out;
}

}  // namespace

Refusal parse_error(std::string_view body) {
  pugi::xml_document document;
  const auto root = root_of(document, body, "Error");
  if (!root) return {};
  return {text_of(root, "Code"), text_of(root, "Message"), text_of(root, "Region")};
}

Result<std::string> parse_upload_id(std::string_view body) {
  pugi::xml_document document;
  auto id = text_of(root_of(document, body, "InitiateMultipartUploadResult"), "UploadId");
  if (id.empty()) return unreadable("InitiateMultipartUploadResult");
  return id;
}

Result<std::string> parse_completed(std::string_view body) {
  pugi::xml_document document;
  const auto root = root_of(document, body, "CompleteMultipartUploadResult");
  if (!root) return unreadable("CompleteMultipartUploadResult");
  return quoted(text_of(root, "ETag"));
}

Result<Listing> parse_listing(std::string_view body) {
  pugi::xml_document document;
  const auto root = root_of(document, body, "ListBucketResult");
  if (!root) return unreadable("ListBucketResult");
  Listing out;
  for (const auto& entry : root.children("Contents")) {
    const auto modified = text_of(entry, "LastModified");
    const auto time = parse_rfc3339(modified);
    // By it what nobody knows any more is deleted: no age is made up.
    if (!time)
      return malformed("s3_answer_unreadable", "the S3 service's listing has no time of \"" +
                                                   text_of(entry, "Key") + "\" that can be read (\"" +
                                                   modified + "\")");
    out.objects.push_back({text_of(entry, "Key"), entry.child("Size").text().as_ullong(), *time});
  }
  out.truncated = root.child("IsTruncated").text().as_bool();
  out.next = text_of(root, "NextContinuationToken");
  return out;
}

Result<std::vector<OpenUpload>> parse_open_uploads(std::string_view body) {
  pugi::xml_document document;
  const auto root = root_of(document, body, "ListMultipartUploadsResult");
  if (!root) return unreadable("ListMultipartUploadsResult");
  std::vector<OpenUpload> out;
  for (const auto& entry : root.children("Upload"))
    out.push_back({text_of(entry, "Key"), text_of(entry, "UploadId")});
  return out;
}

std::string completion(const std::vector<std::string>& etags) {
  std::string out = "<CompleteMultipartUpload>";
  for (std::size_t i = 0; i < etags.size(); ++i)
    out += "<Part><PartNumber>" + std::to_string(i + 1) + "</PartNumber><ETag>" + escaped(etags[i]) +
           "</ETag></Part>";
  return out + "</CompleteMultipartUpload>";
}

}  // namespace voxanne::recordings::s3
