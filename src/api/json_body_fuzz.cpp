#include "api/json_body.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace voxanne::api;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto body = JsonBody::parse(std::string_view{reinterpret_cast<const char*>(data), size});
  if (!body) {
    if (body.error().code != "invalid_json") std::abort();
    return 0;
  }
  for (const auto& field : body->json()) {
    const std::string_view name{field.key().data(), field.key().size()};
    if (const auto text = body->text(name, {.min = 1, .max = 8}); text && (text->empty() || text->size() > 8))
      std::abort();
    if (const auto number = body->integer(name, -5, 5); number && (*number < -5 || *number > 5)) std::abort();
    static_cast<void>(body->boolean(name, false));
    if (const auto inner = body->optional_object(name); inner && *inner)
      static_cast<void>((*inner)->text("x"));
  }
  return 0;
}
