#include "ops/sentry/stack.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <memory>

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define VOXANNE_NOTE_THROWS 0
#else
#define VOXANNE_NOTE_THROWS 1
#endif

namespace voxanne::ops::sentry {
namespace {

// The last throws of all threads. A slot is written by one thread and may be read by another at the
// same time: `version` is odd meanwhile, and a reader that saw it change looks elsewhere.
struct Thrown {
  std::atomic<std::uint32_t> version{0};
  std::atomic<void*> exception{nullptr};
  std::atomic<std::uint32_t> count{0};
  std::array<std::atomic<std::uintptr_t>, max_frames> frames{};
};
constexpr std::size_t slots = 32;
std::array<Thrown, slots> ring;
std::atomic<std::uint32_t> next_slot{0};

// std::exception_ptr is one pointer, to the object that was thrown (Itanium C++ ABI §2.5).
void* object_of(const std::exception_ptr& error) {
  static_assert(sizeof error == sizeof(void*));
  void* object = nullptr;
  std::memcpy(&object, &error, sizeof object);
  return object;
}

[[maybe_unused, gnu::noinline]] void note_throw(void* exception) noexcept {
  void* frames[max_frames + 2];
  const int count = backtrace(frames, int(max_frames + 2));
  Thrown& slot = ring[next_slot.fetch_add(1, std::memory_order_relaxed) % slots];
  auto version = slot.version.load(std::memory_order_relaxed);
  if ((version & 1) != 0 ||
      !slot.version.compare_exchange_strong(version, version + 1, std::memory_order_acquire))
    return;  // somebody writes here: this stack is lost
  slot.exception.store(exception, std::memory_order_relaxed);
  std::uint32_t kept = 0;
  for (int i = 2; i < count; ++i)  // without us and __cxa_throw
    slot.frames[kept++].store(reinterpret_cast<std::uintptr_t>(frames[i]), std::memory_order_relaxed);
  slot.count.store(kept, std::memory_order_relaxed);
  slot.version.store(version + 2, std::memory_order_release);
}

std::string hex(const unsigned char* bytes, std::size_t count) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(digits[bytes[i] >> 4]);
    out.push_back(digits[bytes[i] & 15]);
  }
  return out;
}

int note_module(dl_phdr_info* info, std::size_t, void* out) {
  Module module;
  module.bias = info->dlpi_addr;
  module.first = ~std::uintptr_t{0};
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& header = info->dlpi_phdr[i];
    const std::uintptr_t at = info->dlpi_addr + header.p_vaddr;
    if (header.p_type == PT_LOAD) {
      module.first = std::min(module.first, at);
      module.last = std::max(module.last, at + header.p_memsz);
    }
    if (header.p_type != PT_NOTE) continue;
    // Notes: name size, descriptor size, type, name, descriptor; each padded to four bytes (gABI).
    for (std::uintptr_t note = at; note + 12 <= at + header.p_memsz;) {
      const auto* word = reinterpret_cast<const std::uint32_t*>(note);
      const std::uintptr_t name = note + 12, description = name + ((word[0] + 3u) & ~3u);
      if (word[2] == NT_GNU_BUILD_ID && word[0] == 4 &&
          std::memcmp(reinterpret_cast<const char*>(name), "GNU", 4) == 0)
        module.build_id = hex(reinterpret_cast<const unsigned char*>(description), word[1]);
      note = description + ((word[1] + 3u) & ~3u);
    }
  }
  auto& modules = *static_cast<std::vector<Module>*>(out);
  if (modules.empty()) {
    std::array<char, 4'096> path{};
    const auto length = readlink("/proc/self/exe", path.data(), path.size() - 1);
    module.path.assign(path.data(), length > 0 ? std::size_t(length) : 0);
  } else if (info->dlpi_name) {
    module.path = info->dlpi_name;
  }
  modules.push_back(std::move(module));
  return 0;
}

}  // namespace

void prepare_stacks() { static_cast<void>(capture()); }

[[gnu::noinline]] Addresses capture(std::size_t skip) {
  void* frames[max_frames + 8];
  const int count = backtrace(frames, int(max_frames + 8));
  // A sanitizer may stand between.
  const void* const caller = __builtin_return_address(0);
  const auto found = std::find(frames, frames + count, caller);
  const int first = found != frames + count ? int(found - frames) : 1;
  Addresses out;
  for (int i = first + int(skip); i < count && out.size() < max_frames; ++i)
    out.push_back(reinterpret_cast<std::uintptr_t>(frames[i]));
  return out;
}

Addresses thrown_at(const std::exception_ptr& error) {
  void* const wanted = object_of(error);
  if (!wanted) return {};
  // An address may have been thrown twice: the latest is ours.
  const auto newest = next_slot.load(std::memory_order_relaxed);
  for (std::uint32_t back = 1; back <= slots; ++back) {
    Thrown& slot = ring[(newest - back) % slots];
    const auto version = slot.version.load(std::memory_order_acquire);
    if ((version & 1) != 0 || slot.exception.load(std::memory_order_relaxed) != wanted) continue;
    Addresses out;
    const auto count = std::min<std::uint32_t>(slot.count.load(std::memory_order_relaxed), max_frames);
    for (std::uint32_t i = 0; i < count; ++i) out.push_back(slot.frames[i].load(std::memory_order_relaxed));
    std::atomic_thread_fence(std::memory_order_acquire);
    if (slot.version.load(std::memory_order_relaxed) == version) return out;
  }
  return {};
}

std::vector<Module> loaded_modules() {
  std::vector<Module> out;
  dl_iterate_phdr(note_module, &out);
  return out;
}

std::string type_of(const std::exception_ptr& error) {
  const std::type_info* type = nullptr;
  try {
    if (error) std::rethrow_exception(error);
  } catch (...) {
    type = abi::__cxa_current_exception_type();
  }
  if (!type) return "unknown";
  int failed = 0;
  const std::unique_ptr<char, decltype(&std::free)> name{
      abi::__cxa_demangle(type->name(), nullptr, nullptr, &failed), &std::free};
  return failed == 0 ? name.get() : type->name();
}

}  // namespace voxanne::ops::sentry

#if VOXANNE_NOTE_THROWS
// In place of the C++ runtime's: the stack is gone once somebody catches, so it is noted here.
extern "C" void __cxa_throw(void* exception, std::type_info* type, void (*destroy)(void*)) {
  using Real = void (*)(void*, std::type_info*, void (*)(void*));
  static const auto real = reinterpret_cast<Real>(dlsym(RTLD_NEXT, "__cxa_throw"));
  voxanne::ops::sentry::note_throw(exception);
  real(exception, type, destroy);
  __builtin_unreachable();
}
#endif
