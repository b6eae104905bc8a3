// What the tools of the benchmark tell the harness: one JSON object a line on standard output, each
// with the monotonic clock of the machine, which is the harness's own. Thread-safe.
#pragma once

#include "k8s-client/json.h"

namespace bench {

double monotonic_seconds();
// Adds "t", the time now.
void tell(k8s::Json line);
void tell_at(double time, k8s::Json line);

}  // namespace bench
