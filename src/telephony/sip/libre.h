// The one door to libre. Include it after every other header: re.h defines common words as macros.
// libre's objects are counted without atomics: they are touched on the SIP thread only.
#pragma once

#include <boost/asio/ip/udp.hpp>

#include <cstring>
#include <new>
#include <string>
#include <string_view>
#include <utility>

extern "C" {
#include <re/re.h>
}
#undef MIN
#undef MAX
#undef ARRAY_SIZE

namespace voxanne::telephony::sip {

using Core = ::sip;  // libre's stack; the bare name is our namespace

// Owns one reference.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    if (this != &other) reset(std::exchange(other.object_, nullptr));
    return *this;
  }
  ~Ref() { reset(); }

  T* get() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  void reset(T* object = nullptr) {
    // Emptied first: the destructor of what goes may look here.
    T* old = std::exchange(object_, object);
    mem_deref(old);
  }
  // For functions that answer through a pointer to pointer.
  T** out() {
    reset();
    return &object_;
  }

 private:
  T* object_ = nullptr;
};

inline std::string_view view(const pl& text) {
  return text.p ? std::string_view{text.p, text.l} : std::string_view{};
}
inline bool is(const pl& text, std::string_view word) { return view(text) == word; }

inline boost::asio::ip::udp::endpoint endpoint_of(const sa& address) {
  boost::asio::ip::udp::endpoint endpoint;
  if (address.len > endpoint.capacity()) return endpoint;
  std::memcpy(endpoint.data(), &address.u.sa, address.len);
  endpoint.resize(address.len);
  return endpoint;
}
inline boost::asio::ip::address address_of(const sa& address) { return endpoint_of(address).address(); }

inline Ref<mbuf> buffer_of(std::string_view text) {
  Ref<mbuf> buffer{mbuf_alloc(text.size() + 1)};
  if (!buffer) throw std::bad_alloc{};
  mbuf_write_mem(buffer.get(), reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  mbuf_set_pos(buffer.get(), 0);
  return buffer;
}

}  // namespace voxanne::telephony::sip
