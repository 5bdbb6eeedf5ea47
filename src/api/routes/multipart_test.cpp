#include "api/routes/multipart.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace voxanne::api {
namespace {

using testing::HasSubstr;

constexpr std::string_view type = "multipart/form-data; boundary=XX";

TEST(Multipart, what_browsers_and_curl_send_is_read) {
  const std::string body =
      "--XX\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nOpening hours\r\n"
      "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"hours.md\"\r\n"
      "Content-Type: text/markdown\r\n\r\n# Hours\r\n--X\r\nis no boundary\r\n\r\n--XX--\r\n";
  const auto parts = parse_multipart(type, body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 2u);
  EXPECT_EQ((*parts)[0].name, "title");
  EXPECT_FALSE((*parts)[0].filename);
  EXPECT_EQ((*parts)[0].content_type, "text/plain");
  EXPECT_EQ((*parts)[0].data, "Opening hours");
  EXPECT_EQ((*parts)[1].filename, "hours.md");
  EXPECT_EQ((*parts)[1].content_type, "text/markdown");
  EXPECT_EQ((*parts)[1].data, "# Hours\r\n--X\r\nis no boundary\r\n");
}

TEST(Multipart, binary_data_and_empty_parts_are_exact) {
  std::string data{"\0\r\n--\xff\r\n\r\n--XY", 13};
  const std::string head = "\r\nContent-Disposition: form-data; name=f\r\n\r\n";
  // The last part has no blank line of its own before the delimiter (RFC 2046 §5.1.1 permits it).
  const std::string body =
      "preamble\r\n--XX" + head + data + "\r\n--XX  " + head + "\r\n--XX" + head + "--XX--epilogue --XX";
  const auto parts = parse_multipart(type, body);
  ASSERT_TRUE(parts) << parts.error().message;
  ASSERT_EQ(parts->size(), 3u);
  EXPECT_EQ((*parts)[0].data, data);
  EXPECT_EQ((*parts)[1].data, "");
  EXPECT_EQ((*parts)[2].data, "");
}

TEST(Multipart, names_are_decoded_and_paths_cut) {
  struct Case {
    std::string sent, read;
  };
  for (const auto& [sent, read] :
       {Case{R"("a.txt")", "a.txt"}, Case{R"("C:\docs\a.txt")", "a.txt"},
        Case{R"("../../etc/passwd")", "passwd"}, Case{R"("a\"b.txt")", "a\"b.txt"},
        Case{R"("a%22b.txt")", "a\"b.txt"}, Case{R"("a%0D%0Ab.txt")", "ab.txt"},
        Case{R"("prix 100%.txt")", "prix 100%.txt"}, Case{R"("f;x=y.txt")", "f;x=y.txt"},
        Case{"\"\xc3\xbc.txt\"", "\xc3\xbc.txt"}, Case{R"(plain.txt)", "plain.txt"}, Case{R"("")", ""}}) {
    const auto parts =
        parse_multipart(type, "--XX\r\ncontent-disposition: FORM-DATA; name=\"file\"; filename=" + sent +
                                  "\r\n\r\nx\r\n--XX--");
    ASSERT_TRUE(parts) << sent << ": " << parts.error().message;
    EXPECT_EQ((*parts)[0].filename, read);
  }
}

TEST(Multipart, boundaries_may_be_quoted_and_padded) {
  for (const std::string_view spelled :
       {"multipart/form-data;boundary=a'b", "Multipart/Form-Data; charset=utf-8; BOUNDARY=\"a'b\"",
        "multipart/form-data; boundary=\"a'b\";"}) {
    const auto parts = parse_multipart(
        spelled, "--a'b \t\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nx\r\n--a'b--");
    ASSERT_TRUE(parts) << spelled << ": " << parts.error().message;
    EXPECT_EQ(parts->size(), 1u);
  }
}

TEST(Multipart, a_body_without_parts_is_empty_not_broken) {
  const auto parts = parse_multipart(type, "--XX--\r\n");
  ASSERT_TRUE(parts);
  EXPECT_TRUE(parts->empty());
}

TEST(Multipart, bad_input_is_answered_precisely) {
  const std::string field = "Content-Disposition: form-data; name=\"f\"\r\n";
  std::string many;
  for (int i = 0; i < 33; ++i) many += "--XX\r\n" + field + "\r\nx\r\n";
  std::string crowded;
  for (int i = 0; i < 20; ++i) crowded += "X-" + std::to_string(i) + ": y\r\n";
  struct Case {
    std::string body, says;
  };
  for (const auto& [body, says] :
       {Case{"", "does not occur"}, Case{"--XY\r\n", "does not occur"},
        Case{"--XXY\r\n", "not followed by a line break"}, Case{"--XX\r\n" + field + "\r\nx", "cut off"},
        Case{"--XX\r\n" + field + "\r\nx\r\n--X", "cut off"}, Case{"--XX\r\n" + field, "within 8 KiB"},
        Case{"--XX\r\n\r\nx\r\n--XX--", "Content-Disposition"},
        Case{"--XX\r\nX: y\r\n\r\nx\r\n--XX--", "Content-Disposition"},
        Case{"--XX\r\nnonsense\r\n\r\nx\r\n--XX--", "has no name"},
        Case{"--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--", "with a name"},
        Case{"--XX\r\nContent-Disposition: attachment; name=f\r\n\r\nx\r\n--XX--", "form-data"},
        Case{"--XX\r\nContent-Disposition: form-data; name=\"f\r\n\r\nx\r\n--XX--", "with a name"},
        Case{"--XX\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nx\r\n--XX--", "UTF-8"},
        Case{"--XX\r\n" + field + field + "\r\nx\r\n--XX--", "two Content-Disposition"},
        Case{"--XX\r\n" + field + "Content-Transfer-Encoding: base64\r\n\r\neA==\r\n--XX--", "unencoded"},
        Case{"--XX\r\n" + field + "X: " + std::string(9'000, 'x') + "\r\n\r\nx\r\n--XX--", "within 8 KiB"},
        Case{"--XX\r\n" + field + crowded + "\r\nx\r\n--XX--", "16 header fields"},
        Case{many + "--XX--", "over 32 parts"}}) {
    const auto parts = parse_multipart(type, body);
    ASSERT_FALSE(parts) << body;
    EXPECT_EQ(parts.error().code, "invalid_multipart");
    EXPECT_THAT(parts.error().message, HasSubstr(says)) << body;
  }
  for (const std::string_view other :
       {"", "application/json", "multipart/mixed; boundary=XX", "multipart/form-dat"})
    EXPECT_EQ(parse_multipart(other, "--XX--").error().kind, Fault::unsupported_type) << other;
  for (const std::string& bad :
       {std::string{"multipart/form-data"}, std::string{"multipart/form-data; boundary="},
        std::string{"multipart/form-data; boundary=\"a"}, std::string{"multipart/form-data; boundary=a@b"},
        "multipart/form-data; boundary=" + std::string(71, 'a')})
    EXPECT_THAT(parse_multipart(bad, "--XX--").error().message, HasSubstr("valid boundary")) << bad;
}

}  // namespace
}  // namespace voxanne::api
