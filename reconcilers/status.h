// The status document: everything of it but the times is recomputed each pass. Pure.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/assess.h"

namespace reconcilers {

// The whole status that we own, except for `conditions`.
k8s::Json status_fields(const crds::Resolved& resolved, const desired::Objects& desired,
                        const Observed& observed, const std::vector<Component>& components,
                        const std::vector<Held>& held, const std::string& now);

// Of an invalid spec: what is published stays, components and replicas are told anew.
k8s::Json kept_status_fields(const Observed& observed, const std::vector<Component>& components);

// The part of a status that says something: no times, and nothing that others put there.
k8s::Json meaning(const k8s::Json& status);

}  // namespace reconcilers
