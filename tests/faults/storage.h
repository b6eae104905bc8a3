// What the API server in memory has stored, and all that ever happened to it: one counter of
// revisions, one log. The log is kept whole, since the oracle judges by it; `compact` only decides
// what watches and lists may still ask for. Not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "k8s-client/json.h"
#include "k8s-client/resource.h"

namespace faults {

using k8s::Json;
using k8s::ObjectKey;
using ObjectPtr = std::shared_ptr<const Json>;

struct Change {
  std::int64_t revision;
  ObjectKey key;
  ObjectPtr before, after;  // null: it was not there; it is gone
};

class Storage {
 public:
  using Objects = std::map<ObjectKey, ObjectPtr>;

  ObjectPtr find(const ObjectKey& key) const;  // null: it is not there
  // With a new resourceVersion; `body` has metadata.
  ObjectPtr put(const ObjectKey& key, Json body);
  void erase(const ObjectKey& key);

  const Objects& objects() const { return objects_; }
  Objects objects_at(std::int64_t revision) const;
  const std::vector<Change>& log() const { return log_; }
  std::int64_t revision() const { return revision_; }
  // Nothing up to the present revision can be asked for any more.
  void compact() { compacted_ = revision_; }
  std::int64_t compacted() const { return compacted_; }

 private:
  Objects objects_;
  std::vector<Change> log_;
  std::int64_t revision_ = 100, compacted_ = 100;
};

}  // namespace faults
