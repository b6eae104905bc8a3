// The garbage collector and the end of namespaces, as of kube-controller-manager, in steps that
// come when a test wants them: what they do late is what the operator must stand.
#pragma once

#include "tests/faults/api_server.h"

namespace faults {

// Deletes dependents whose owners are all gone, ends deletions with propagation Foreground and
// Orphan, empties terminating namespaces. True: it changed something.
bool collect_garbage(ApiServer& server);

}  // namespace faults
