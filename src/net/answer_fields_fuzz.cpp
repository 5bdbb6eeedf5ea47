// What others send us in single fields: Retry-After of an answer, and the URL of a mail server.
#include "net/http.h"
#include "net/smtp_client.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  if (text.find_first_of(std::string_view{"\r\n\0", 3}) == text.npos) {
    net::Headers headers;
    headers.add("Retry-After", text);
    const UtcTime now{std::chrono::sys_days{std::chrono::year{2026} / 10 / 21}};
    if (const auto wait = net::retry_after(headers, now); wait && (*wait < 0s || *wait > 24h)) std::abort();
  }
  if (const auto url = net::parse_smtp_url(text)) {
    // libcurl is given it as it is.
    const auto again = net::parse_smtp_url(url->url);
    if (!again || again->url != url->url || again->here != url->here) std::abort();
  }
  return 0;
}
