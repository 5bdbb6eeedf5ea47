// Whatever is said, a mail's head has exactly the lines that we wrote.
#include "notify/mail_text.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace voxanne;
  const std::string text{reinterpret_cast<const char*>(data), size};
  static_cast<void>(notify::parse_mailbox(text));
  domain::Message message;
  message.caller_name = message.text = text;
  const auto mail = notify::render_mail({{text, "a@b.example"}, "c@d.example", "mail_1", {}},
                                        notify::text_of_message(message, text, text));
  const auto head = mail.substr(0, mail.find("\r\n\r\n") + 2);
  int fields = 0;
  for (std::size_t at = 0; at < head.size();) {
    const auto end = head.find('\n', at);
    if (end == head.npos || end == 0 || head[end - 1] != '\r') std::abort();
    if (head[at] != ' ') ++fields;
    at = end + 1;
  }
  if (fields != 9) std::abort();
  return 0;
}
