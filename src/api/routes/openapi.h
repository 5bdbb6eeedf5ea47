// The API's description (OpenAPI 3.1.0), generated from the table of routes; the shapes that the
// table names are in openapi_components.json. Every answer in the tests of this folder is held
// against it (test_world.h).
#pragma once

#include <string>
#include <string_view>

namespace voxanne::api {

// Throws std::logic_error where the table names a shape or parameter that does not exist.
std::string openapi_description(std::string_view version);

}  // namespace voxanne::api
