// Holds real answers against an OpenAPI description: the status must be one that the operation
// declares, and the body must have the declared shape, with no field that is not described.
#pragma once

#include "support/http.h"

#include <boost/json/object.hpp>

#include <set>
#include <string>
#include <string_view>

namespace voxanne::test {

class ApiDescription {
 public:
  explicit ApiDescription(std::string_view openapi);

  // What is wrong with the answer; empty when nothing is. Paths that the description does not have
  // may only be answered 404 or 405, unless they are not of the API.
  std::string fault_of(std::string_view method, std::string_view target, const HttpAnswer& answer) const;

  // The operationId of what is asked; empty: it is not described.
  std::string operation(std::string_view method, std::string_view target) const;
  std::set<std::string> operations() const;  // all of them

 private:
  const boost::json::object* operation_of(std::string_view method, std::string_view path) const;
  std::string shape_fault(const boost::json::object& schema, std::string_view body) const;

  boost::json::object root_;
};

}  // namespace voxanne::test
