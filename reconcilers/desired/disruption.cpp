#include <utility>

#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"

namespace reconcilers::desired {

// Below two replicas a budget would only block the drain of a node.
Objects disruption(const Resolved& resolved, const std::string& component, const std::string& name,
                   std::int64_t replicas) {
  if (replicas < 2) return {};
  Json spec = {{"maxUnavailable", 1},
               {"selector", {{"matchLabels", selector(resolved, component)}}}};
  return list_of(object(resolved, component, "policy/v1", "PodDisruptionBudget", name,
                        {{"spec", std::move(spec)}}));
}

}  // namespace reconcilers::desired
