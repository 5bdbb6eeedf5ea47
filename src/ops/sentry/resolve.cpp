#include "ops/sentry/stack.h"

#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace voxanne::ops::sentry {
namespace {

// Only what is in the files themselves: nothing is looked for elsewhere, least of all on a network.
int no_debuginfo(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word, char**) {
  return -1;
}
int no_elf(Dwfl_Module*, void**, const char*, Dwarf_Addr, char**, Elf**) { return -1; }

constexpr Dwfl_Callbacks callbacks{.find_elf = no_elf,
                                   .find_debuginfo = no_debuginfo,
                                   .section_address = nullptr,
                                   .debuginfo_path = nullptr};

std::string demangled(const char* name) {
  int failed = 0;
  const std::unique_ptr<char, decltype(&std::free)> text{abi::__cxa_demangle(name, nullptr, nullptr, &failed),
                                                         &std::free};
  return failed == 0 ? text.get() : name;
}

// "/build/voxanne/src/api/router.cpp" and "../src/api/router.cpp" → "src/api/router.cpp".
std::string place_of(std::string_view file) {
  for (const std::string_view folder : {"/src/", "/tests/", "/benchmarks/"})
    if (const auto at = file.rfind(folder); at != std::string_view::npos && !file.starts_with("/usr/"))
      return std::string{file.substr(at + 1)};
  return std::string{file};
}

// There is no .debug_aranges in what clang makes: each unit is asked whether it has the address.
void find_line(Dwfl_Module* module, Dwarf_Addr address, Frame& frame) {
  Dwarf_Addr bias = 0;
  for (Dwarf_Die* unit = nullptr; (unit = dwfl_module_nextcu(module, unit, &bias)) != nullptr;) {
    if (dwarf_haspc(unit, address - bias) != 1) continue;
    Dwarf_Line* line = dwarf_getsrc_die(unit, address - bias);
    if (!line) return;
    if (const char* file = dwarf_linesrc(line, nullptr, nullptr)) frame.file = place_of(file);
    dwarf_lineno(line, &frame.line);
    return;
  }
}

}  // namespace

std::vector<Frame> resolve(const Addresses& addresses, const std::vector<Module>& modules) {
  const std::unique_ptr<Dwfl, decltype(&dwfl_end)> session{dwfl_begin(&callbacks), &dwfl_end};
  std::vector<Frame> out;
  std::vector<bool> reported(modules.size());
  if (session) dwfl_report_begin(session.get());
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    Frame frame{.address = addresses[i]};
    const auto module = std::ranges::find_if(
        modules, [&](const Module& m) { return frame.address >= m.first && frame.address < m.last; });
    if (module != modules.end()) {
      frame.object = module->path;
      frame.ours = module == modules.begin();
      if (const auto index = std::size_t(module - modules.begin()); session && !reported[index]) {
        reported[index] = true;
        dwfl_report_elf(session.get(), module->path.c_str(), module->path.c_str(), -1, module->bias, true);
      }
    }
    out.push_back(std::move(frame));
  }
  if (!session) return out;
  dwfl_report_end(session.get(), nullptr, nullptr);
  for (std::size_t i = 0; i < out.size(); ++i) {
    // A return address is behind its call.
    const Dwarf_Addr at = out[i].address - 1;
    Dwfl_Module* module = dwfl_addrmodule(session.get(), at);
    if (!module) continue;
    if (const char* name = dwfl_module_addrname(module, at)) out[i].function = demangled(name);
    find_line(module, at, out[i]);
  }
  return out;
}

}  // namespace voxanne::ops::sentry
