// Server-side apply and the bookkeeping of managedFields, on whole objects. A set of fields is a
// tree as in fieldsV1: {} owns the value itself, other members lead to its parts, "." says that an
// item of a list is owned as such. Pure.
#pragma once

#include <optional>
#include <string>

#include "tests/faults/schema.h"

namespace faults {

struct Manager {
  std::string name;
  std::string subresource = {};
};

// Lays `intent` over `object` as an apply of the manager's full intent: what it owned and no longer
// says goes, unless somebody else owns it. Without `force` the managers that own what would change
// are named, and nothing is done.
std::optional<std::string> apply(Json& object, const Json& intent, const Manager& manager,
                                 bool force);

// `object` was `before`, and another verb than apply made it what it is: what was changed is the
// manager's, what went away is nobody's.
void note_update(const Json& before, Json& object, const Manager& manager);

}  // namespace faults
