// The resolved spec for people: every value that the operator goes by, in the shape of the
// resource.
#pragma once

#include <string>

#include "crds/json.h"
#include "crds/resolved.h"

namespace op {

crds::Json effective_spec(const crds::Resolved& resolved);

// effective_spec as YAML, each value with its origin as a comment: `spec` (written in `object`),
// `profile Test` (others have another value) or `default`.
std::string explain(const crds::Json& object, const crds::Resolved& resolved);

}  // namespace op
