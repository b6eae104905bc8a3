// What only a cluster knows, in what is printed without one.
#pragma once

#include "crds/json.h"

namespace op {

// `one` with every text, or part of a text, in which `other` differs replaced by "<generated>":
// both were built from the same input, but with different values for all that is unknown.
crds::Json mark_unknown(const crds::Json& one, const crds::Json& other);

}  // namespace op
