// Common given and family names of callers, so that a name said on the phone has a chance of being
// understood; an organization adds its own.
#pragma once

#include "speech/pocketsphinx/templates.h"

namespace voxanne::speech::pocketsphinx {

Phrases given_names();
Phrases family_names();

}  // namespace voxanne::speech::pocketsphinx
