#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"

namespace reconcilers::desired {

// The application never calls the Kubernetes API: an account of its own, without rules or token,
// keeps its pods from whatever the namespace's default account may do.
Objects identity(const Resolved& resolved) {
  return list_of(object(resolved, kIdentity, "v1", "ServiceAccount", resolved.name,
                        {{"automountServiceAccountToken", false}}));
}

}  // namespace reconcilers::desired
