// The cache: what the API server last told us, as records. One writer per kind (its Watcher, and
// whoever has just written: read-your-writes), many readers. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "k8s-client/guarded.h"
#include "k8s-client/record.h"

namespace k8s {

class Store {
 public:
  // Called after each change, outside the lock, with the record before and after (either may be
  // null). Set before the first writer starts.
  using OnChange = std::function<void(const RecordPtr& before, const RecordPtr& after)>;
  void on_change(OnChange on_change) { on_change_ = std::move(on_change); }

  // An event or an answer to a write. Older than what is known (by resourceVersion of the same uid)
  // is ignored, so that a watch that lags does not undo what an answer said.
  void put(Record record);
  // A DELETED event: forgets the object if it is this uid.
  void remove(const ObjectKey& key, const std::string& uid);
  // The end of a list of `kind` in `ns` (empty: all): what was not in it is gone.
  void retain(const std::string& kind, const std::string& ns,
              const std::vector<ObjectKey>& listed);

  RecordPtr find(const ObjectKey& key) const;
  // All of `kind` in `ns` whose label `label` is `value`.
  std::vector<RecordPtr> labelled(const std::string& kind, const std::string& ns,
                                  const std::string& label, const std::string& value) const;
  std::vector<RecordPtr> all(const std::string& kind) const;
  std::size_t size() const;

 private:
  OnChange on_change_;
  Guarded<std::map<ObjectKey, RecordPtr>> objects_;
};

}  // namespace k8s
