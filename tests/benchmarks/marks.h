// What the controllers of a real cluster would write about a workload, all at once: it is ready.
// And the volume claims and pods that they would make. Pure.
#pragma once

#include <vector>

#include "k8s-client/json.h"
#include "k8s-client/resource.h"

namespace bench {

const k8s::Resource& stateful_sets();
const k8s::Resource& deployments();
const k8s::Resource& jobs();
const k8s::Resource& claims();
const k8s::Resource& pods();
// The kinds of children that are watched for no more than their being there.
const std::vector<k8s::Resource>& plain_kinds();

bool is_ready(const std::string& kind, const k8s::Json& workload);
// The status of the workload once it is ready.
k8s::Json ready_status(const std::string& kind, const k8s::Json& workload);
// Of a StatefulSet, one for each template and replica.
std::vector<k8s::Json> claims_of(const k8s::Json& set);
// Of any workload, one for each replica; with the status of a pod that is ready, or of a Job's that
// has ended.
std::vector<k8s::Json> pods_of(const std::string& kind, const k8s::Json& workload);

}  // namespace bench
