// Ids are types: a CallId is not an OrgId. Each is an opaque string, `call_01J…`: a type prefix
// and a ULID (time-ordered, 26 characters of Crockford base 32). Ids that came from elsewhere
// (`test-assistant-123`, a UUID) are accepted as they are, within is_sane_id().
#pragma once

#include <compare>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace voxanne {

template <class Tag>
class Id {
 public:
  Id() = default;
  explicit Id(std::string text) : text_(std::move(text)) {}

  // A new, unique id with the type's prefix. Ids made by one thread sort by creation.
  static Id make();

  const std::string& str() const noexcept { return text_; }
  bool empty() const noexcept { return text_.empty(); }
  auto operator<=>(const Id&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Id& id) { return out << id.text_; }

 private:
  std::string text_;
};

// 26 characters; monotonic within a thread even inside one millisecond.
std::string make_ulid();

// 1–128 characters of [A-Za-z0-9._:@+-], no dot first: safe as a file name, in a URL, a log line and a key.
bool is_sane_id(std::string_view text);

struct OrgTag {
  static constexpr std::string_view prefix = "org_";
};
struct CallTag {
  static constexpr std::string_view prefix = "call_";
};
struct AssistantTag {
  static constexpr std::string_view prefix = "asst_";
};
struct PhoneNumberTag {
  static constexpr std::string_view prefix = "phone_";
};
struct ContactTag {
  static constexpr std::string_view prefix = "cont_";
};
struct DocumentTag {
  static constexpr std::string_view prefix = "doc_";
};
struct ChunkTag {
  static constexpr std::string_view prefix = "chunk_";
};
struct GapTag {
  static constexpr std::string_view prefix = "gap_";
};
struct MessageTag {
  static constexpr std::string_view prefix = "msg_";
};
struct AppointmentTag {
  static constexpr std::string_view prefix = "appt_";
};
struct UploadTag {
  static constexpr std::string_view prefix = "upl_";
};
struct TurnTag {
  static constexpr std::string_view prefix = "turn_";
};

using OrgId = Id<OrgTag>;
using CallId = Id<CallTag>;
using AssistantId = Id<AssistantTag>;
using PhoneNumberId = Id<PhoneNumberTag>;
using ContactId = Id<ContactTag>;
using DocumentId = Id<DocumentTag>;
using ChunkId = Id<ChunkTag>;
using GapId = Id<GapTag>;
using MessageId = Id<MessageTag>;
using AppointmentId = Id<AppointmentTag>;
using UploadId = Id<UploadTag>;
using TurnId = Id<TurnTag>;

template <class Tag>
Id<Tag> Id<Tag>::make() {
  return Id{std::string{Tag::prefix} + make_ulid()};
}

}  // namespace voxanne

template <class Tag>
struct std::hash<voxanne::Id<Tag>> {
  std::size_t operator()(const voxanne::Id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
