// Changes that another version of the operator would make to the pods of database, Redis and object
// store by itself: `spec.updates: OnRequest` lets them wait for an approval. Each StatefulSet
// records what its template was rendered from (desired/stateful.h), so that the answer is the same
// after a restart and needs no state elsewhere. Pure.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/desired/desired.h"
#include "reconcilers/observe.h"

namespace reconcilers {

// The pod template would change although neither the admin's part of the spec nor the cluster gave
// a reason, and nobody has approved it yet.
bool is_unasked_update(const desired::Object& object, const k8s::Record& live);

// The token of the approval that every StatefulSet was rendered under; empty while one is not.
std::string acted_on_approval(const crds::Resolved& resolved, const desired::Objects& desired,
                              const Observed& observed);

// Of a StatefulSet's pod template; "" when there is none. Equal: no pod restarts.
std::string template_hash(const k8s::Json& body);

// For people: how these objects are let go on.
std::string how_to_approve(const crds::Resolved& resolved, const std::vector<std::string>& objects);

}  // namespace reconcilers
