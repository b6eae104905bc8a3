// Which failed requests are sent again, by how far they got. A request that was not written
// completely can not have been carried out: it is repeated at once, whatever its method (that is
// what a restarted API server does to every pooled connection). A request whose fate is unknown is
// repeated only when doing it twice does no harm. 429 and 503 with Retry-After were refused before
// they were carried out: they wait, within bounds. Pure but for the transport and `sleep`.
#pragma once

#include <chrono>

#include "k8s-client/clock.h"
#include "k8s-client/transport.h"

namespace k8s {

struct RetryPolicy {
  int unwritten = 9;  // repeats at once; more than connections that a restart can leave stale
  int unknown = 2;    // repeats of idempotent requests
  std::chrono::milliseconds pause{200};   // before these, doubled each time
  int refused = 3;                        // repeats after Retry-After
  std::chrono::seconds longest_wait{10};  // a longer Retry-After is the caller's business
};

// `idempotent`: GET, server-side apply, PUT with resourceVersion, DELETE with uid. All attempts and
// waits together keep `request.deadline`. Returns what the API server answered last; throws the
// last TransportError.
Response send_with_retry(Transport& transport, const Request& request, bool idempotent,
                         const Sleep& sleep, const RetryPolicy& policy = {});

}  // namespace k8s
