#include "recordings/s3/s3_xml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::recordings::s3 {
namespace {

using testing::HasSubstr;

std::string listing_of(const std::string& modified) {
  return "<ListBucketResult><Contents><Key>voxanne/o/c.ogg</Key>" + modified +
         "<Size>12</Size></Contents></ListBucketResult>";
}

TEST(S3Xml, an_objects_age_is_read_however_it_is_written) {
  for (const char* text :
       {"2026-06-01T12:00:00.000Z", "2026-06-01T12:00:00Z", "2026-06-01T12:00:00.000000Z",
        "2026-06-01T12:00:00+00:00", "2026-06-01T12:00:00.5+00:00", "2026-06-01T14:00:00.123456789+02:00"}) {
    const auto listing = parse_listing(listing_of("<LastModified>" + std::string{text} + "</LastModified>"));
    ASSERT_TRUE(listing) << text;
    EXPECT_EQ(std::chrono::floor<seconds>(listing->objects.at(0).modified),
              parse_rfc3339("2026-06-01T12:00:00Z"))
        << text;
  }
}

// An object that counted as 56 years old would be deleted as one that nobody knows any more.
TEST(S3Xml, a_listing_with_an_object_of_no_readable_age_is_refused) {
  for (const char* modified :
       {"", "<LastModified/>", "<LastModified>Mon, 01 Jun 2026 12:00:00 GMT</LastModified>",
        "<LastModified>1780315200</LastModified>", "<LastModified>2026-06-01T12:00:00</LastModified>"}) {
    const auto listing = parse_listing(listing_of(modified));
    ASSERT_FALSE(listing) << modified;
    EXPECT_EQ(listing.error().code, "s3_answer_unreadable");
    EXPECT_THAT(listing.error().message, HasSubstr("voxanne/o/c.ogg"));
  }
  EXPECT_TRUE(parse_listing("<ListBucketResult/>").value().objects.empty());
}

}  // namespace
}  // namespace voxanne::recordings::s3
