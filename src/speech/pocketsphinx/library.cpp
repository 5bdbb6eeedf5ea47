#include "speech/pocketsphinx/library.h"

#include <dlfcn.h>

#include <stdexcept>

namespace voxanne::speech::pocketsphinx {
namespace {

constexpr const char* file = "libpocketsphinx.so.3";

struct Loaded {
  Library functions{};
  std::string missing;
};

Loaded load() {
  Loaded loaded;
  // Its own calls are bound as they are made, like those of a library linked in.
  void* const handle = dlopen(file, RTLD_LAZY | RTLD_LOCAL);
  if (handle == nullptr) {
    loaded.missing = dlerror();
    return loaded;
  }
#define VOXANNE_LOAD(name)                                                           \
  loaded.functions.name = reinterpret_cast<decltype(&::name)>(dlsym(handle, #name)); \
  if (loaded.functions.name == nullptr) loaded.missing = std::string{file} + " has no " #name;
  VOXANNE_POCKETSPHINX_FUNCTIONS(VOXANNE_LOAD)
#undef VOXANNE_LOAD
  return loaded;
}

const Loaded& loaded() {
  static const Loaded once = load();
  return once;
}

}  // namespace

Result<> load_library() {
  if (loaded().missing.empty()) return {};
  return unavailable("recognition_library_missing",
                     "PocketSphinx cannot be loaded (" + loaded().missing + "); install libpocketsphinx3");
}

const Library& library() {
  if (auto there = load_library(); !there) throw std::runtime_error{there.error().message};
  return loaded().functions;
}

}  // namespace voxanne::speech::pocketsphinx
