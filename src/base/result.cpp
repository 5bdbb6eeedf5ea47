#include "base/result.h"

namespace voxanne {

void throw_exception_from_error(const Error& error, const boost::source_location&) { throw BadResult(error); }

}  // namespace voxanne
