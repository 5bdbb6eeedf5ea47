// An assistant as a request describes it. Private to the routes.
#pragma once

#include "api/json_body.h"
#include "domain/assistant.h"

namespace voxanne::api {

// What the body says, over what the assistant has; `complete`: a new one, which needs name and greeting.
Result<domain::Assistant> changed_assistant(domain::Assistant assistant, const JsonBody& body, bool complete);

}  // namespace voxanne::api
