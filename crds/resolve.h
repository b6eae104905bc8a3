// Reading an EntityService: JSON as the API server holds it → `Resolved`, or what is wrong with it.
// Pure. All rules of the resource are here as code (the schema repeats those that it can say).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crds/json.h"
#include "crds/problem.h"
#include "crds/resolved.h"

namespace crds {

struct Outcome {
  std::optional<Resolved> resolved;  // empty exactly when there are problems
  Problems problems;
};

// Where a namespace's resources may use versions that are not releases (channel Develop, Commit).
struct Policy {
  bool prerelease_allowed = false;
};

// `object` is the whole resource. Unknown fields are problems too (a typo must not be ignored),
// except in metadata and status.
Outcome resolve(const Json& object, const Policy& policy);

// Rules that compare with what was stored before (the schema's transition rules): immutability,
// sizes that only grow. Both are whole resources.
Problems check_transition(const Json& before, const Json& after);

}  // namespace crds
