// Conditions of the status, as kstatus and the API conventions have them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "crds/json.h"

namespace crds {

struct Condition {
  std::string type;
  std::string status;  // True | False | Unknown
  std::string reason;  // CamelCase, never empty
  std::string message;
  bool operator==(const Condition&) const = default;
};

// The condition list to publish: each of `fresh` with `generation`, keeping `lastTransitionTime` of
// `old` (a status's "conditions", may be null) where the status is the same, else `now` (RFC 3339).
// Sorted by type.
Json merge_conditions(const Json& old, const std::vector<Condition>& fresh, std::int64_t generation,
                      const std::string& now);

}  // namespace crds
