// The components of a resource as they stand: how many replicas are ready, what a Job has come to,
// and why something is not. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "reconcilers/desired/desired.h"
#include "reconcilers/memory.h"
#include "reconcilers/observe.h"
#include "reconcilers/plan.h"

namespace reconcilers {

struct Component {
  std::string name;    // "database"; the label's value
  std::string object;  // "StatefulSet demo-postgres"
  std::int64_t ready = 0, desired = 0;
  std::string message = {};  // empty: nothing to say
  bool exists = false;
  bool serving = false;  // all its replicas are ready; a Job has succeeded
  bool current = false;  // … and they run what this generation asks for
  bool failed = false;   // a Job that failed and is run again
  bool empty = false;    // no pod is left
  std::int64_t updated = 0, total = 0;
};

// In the order in which components come up. `desired` null: of what exists (the spec is invalid).
std::vector<Component> take_stock(const desired::Objects* desired, const Observed& observed,
                                  const std::vector<Held>& held,
                                  const std::set<std::string>& refused,
                                  const std::map<std::string, JobFailures>& jobs);

const Component* find_component(const std::vector<Component>& components, const std::string& name);

// Redis pods keep their template until something restarts them: those of `set` that were made from
// an earlier one; and what is said of them.
std::vector<k8s::RecordPtr> outdated_pods(const k8s::Record& set, const Observed& observed);
std::vector<Held> outdated_redis(const Observed& observed);

}  // namespace reconcilers
