// The volume claims that our StatefulSets have, against the sizes that the spec asks for. Growth is
// stateless: spec against claim, in every pass. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crds/condition.h"
#include "crds/resolved.h"
#include "reconcilers/desired/desired.h"
#include "reconcilers/memory.h"
#include "reconcilers/observe.h"

namespace reconcilers {

struct VolumeClaim {
  std::string name;     // "data-demo-redis-0"
  std::string wanted;   // quantity
  k8s::RecordPtr live;  // null: there is none, or it is …
  bool leaving;         // … on its way out
};
using VolumeClaims = std::vector<VolumeClaim>;

// In the order of the components; never what the spec names (existingClaim) nor what another
// controller has.
VolumeClaims volume_claims(const crds::Resolved& resolved, const desired::Objects& desired,
                           const Observed& observed);

// It asks for less than is wanted, and is bound: the API server lets no other claim grow.
bool must_grow(const VolumeClaim& claim);

// StorageReady; nullopt where there is no volume. `refusals`: of claims that must grow.
std::optional<crds::Condition> storage_condition(const VolumeClaims& claims,
                                                 const std::map<k8s::ObjectKey, Refusal>& refusals);

}  // namespace reconcilers
