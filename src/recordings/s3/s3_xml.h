// What an S3 service says in XML, and the one document that is said to it. Pure.
//
// Whatever comes is read leniently: a service leaves out what it does not know. What is not XML, not the
// document expected, or a listing with an object of no readable age, is malformed (s3_answer_unreadable).
#pragma once

#include "base/result.h"
#include "base/time.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace voxanne::recordings::s3 {

// <Error>: its code is empty where the body is not one.
struct Refusal {
  std::string code, message, region;
};
Refusal parse_error(std::string_view body);

// <InitiateMultipartUploadResult>: the upload's id, never empty.
Result<std::string> parse_upload_id(std::string_view body);

// <CompleteMultipartUploadResult>: its ETag with quotes. A 200 may hold an <Error> all the same.
Result<std::string> parse_completed(std::string_view body);

struct Listed {
  std::string key;
  std::uint64_t size = 0;
  UtcTime modified{};  // from any RFC 3339 time
};
struct Listing {
  std::vector<Listed> objects;
  bool truncated = false;
  std::string next;  // continuation token
};
Result<Listing> parse_listing(std::string_view body);

struct OpenUpload {
  std::string key, upload_id;
};
// <ListMultipartUploadsResult>
Result<std::vector<OpenUpload>> parse_open_uploads(std::string_view body);

// <CompleteMultipartUpload> with parts 1, 2, …
std::string completion(const std::vector<std::string>& etags);

}  // namespace voxanne::recordings::s3
