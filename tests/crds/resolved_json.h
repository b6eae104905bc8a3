// `Resolved` as JSON, for goldens.
#pragma once

#include "crds/resolved.h"

namespace crds::testing {

Json to_json(const Resolved& resolved);

}  // namespace crds::testing
