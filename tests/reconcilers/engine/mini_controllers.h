// What kube-controller-manager, scheduler and kubelet would make of Deployments, StatefulSets and
// Jobs, in one step and without time: pods, volume claims, statuses.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/reconcilers/engine/small_cluster.h"

namespace reconcilers::test {

class MiniControllers {
 public:
  explicit MiniControllers(SmallCluster& cluster) : cluster_(cluster) {}
  bool step();  // true: something changed

  std::set<std::string> never_ready;             // names of Deployments and StatefulSets
  std::set<std::string> idle;                    // names of them, whose pods run unready
  std::set<std::string> podless;                 // names of StatefulSets whose pods are refused
  std::string failure;                           // why no new pods of Deployments can be made
  std::set<std::string> held_jobs;               // names begin with this: they go on running
  std::map<std::string, int> failing_jobs;       // names begin with this: so many fail
  std::set<std::string> unbound, never_resized;  // names of volume claims
  std::string failure_message = "database is on fire";

 private:
  bool deployment(const SmallCluster::Key& key);
  bool stateful_set(const SmallCluster::Key& key);
  bool job(const SmallCluster::Key& key);
  bool add_pod(const SmallCluster::Key& owner, const std::string& name,
               const std::string& revision);
  bool remove_pods(const SmallCluster::Key& owner, const std::set<std::string>& except);
  bool add_claims(const SmallCluster::Key& owner, const std::string& pod);
  bool volume_claim(const SmallCluster::Key& key);
  bool set_status(const SmallCluster::Key& key, Json status);
  bool ready(const SmallCluster::Key& key) const {
    return !never_ready.contains(key.name) && !idle.contains(key.name);
  }

  SmallCluster& cluster_;
};

}  // namespace reconcilers::test
