// Where code stood: addresses, taken cheaply where it matters and given names later, elsewhere.
//
//   throw ─▶ our __cxa_throw notes the stack beside the exception (a ring, no lock, no allocation)
//   report ─▶ thrown_at(exception): its stack, if the ring still has it; else capture(): our own
//   client ─▶ resolve(): function, file and line by libdw, on the client's thread
//
// capture() and thrown_at() run on any thread and do not block. Under the sanitizers, which have an
// own __cxa_throw, thrown_at() finds nothing.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <vector>

namespace voxanne::ops::sentry {

inline constexpr std::size_t max_frames = 48;

using Addresses = std::vector<std::uintptr_t>;  // innermost first

// The first capture loads what unwinding needs: once at start, before anything must not block.
void prepare_stacks();
Addresses capture(std::size_t skip = 0);
Addresses thrown_at(const std::exception_ptr& error);

// What is mapped where, so that addresses of a process mean something after it has ended.
struct Module {
  std::uintptr_t bias = 0;             // what is added to the file's addresses
  std::uintptr_t first = 0, last = 0;  // of its code and data
  std::string build_id{};              // hex; empty where it has none
  std::string path{};
};
std::vector<Module> loaded_modules();

struct Frame {
  std::uintptr_t address = 0;
  std::string function{};  // demangled; empty when unknown
  std::string file{};      // as the compiler was given it, without the checkout's place
  int line = 0;
  std::string object{};  // path of the module
  bool ours = false;     // of this program, not of a library
};
// Blocking, some milliseconds; not on a loop that has anything else to do.
std::vector<Frame> resolve(const Addresses& addresses, const std::vector<Module>& modules);

// "std::runtime_error" and the like: of the exception's own type.
std::string type_of(const std::exception_ptr& error);

}  // namespace voxanne::ops::sentry
