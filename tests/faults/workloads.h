// What kube-controller-manager, scheduler and kubelet make of Deployments, StatefulSets, Jobs and
// volume claims, one small step at a time and always in the same order: pods appear, then they are
// ready, then that is counted.
#pragma once

#include <map>
#include <string>

#include "tests/faults/api_server.h"

namespace faults {

class Workloads {
 public:
  explicit Workloads(ApiServer& server) : server_(server) {}
  bool step();  // true: it changed something

  std::map<std::string, int> failing_jobs = {};  // names begin with this: so many fail

 private:
  bool deployment(const ObjectKey& key);
  bool stateful_set(const ObjectKey& key);
  bool job(const ObjectKey& key);
  bool volume_claim(const ObjectKey& key);
  bool pod(const ObjectKey& key);
  bool add_claims(const ObjectKey& owner, const std::string& pod);
  bool add_pod(const ObjectKey& owner, const std::string& name, const std::string& revision);
  bool remove_surplus(const ObjectKey& owner, const std::string& revision, std::int64_t replicas);
  bool fails(const std::string& job);
  bool set_status(const ObjectKey& key, const Json& status);

  ApiServer& server_;
};

// Of the pod template: what a ReplicaSet or ControllerRevision is made for.
std::string revision_of(const Json& workload);

}  // namespace faults
