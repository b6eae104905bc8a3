// What the cache may not know when this process begins to lead in the place of another: the watch
// of a resource that fell silent before an edit does not tell of it, and a pass would undo what the
// leader before has done. So each resource that was cached by then is read once, before its first
// pass; of one that is not as the cache says, the watch is opened anew, and the pass waits for it.
// Thread-safe.
#pragma once

#include <functional>
#include <set>
#include <vector>

#include "k8s-client/client.h"
#include "k8s-client/guarded.h"
#include "k8s-client/store.h"

namespace op {

class Doubts {
 public:
  // `client` and `store` must outlive it. `reopen`: resumes the watch of `resource`.
  Doubts(const k8s::Client& client, const k8s::Store& store, k8s::Resource resource,
         std::function<void()> reopen);

  void raise(const std::vector<k8s::ObjectKey>& keys);
  // Whether the cache has the resource as the API server has it. Makes a request only for what is
  // in doubt; throws k8s::Error when that fails, but for a permission that is missing: then the
  // cache is believed.
  bool dispelled(const k8s::ObjectKey& key);

 private:
  bool is_as_cached(const k8s::ObjectKey& key) const;

  const k8s::Client& client_;
  const k8s::Store& store_;
  const k8s::Resource resource_;
  const std::function<void()> reopen_;
  k8s::Guarded<std::set<k8s::ObjectKey>> doubted_;
};

}  // namespace op
