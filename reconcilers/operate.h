// The day-2 procedures of a pass, each stateless or with its state in one object: failed Jobs,
// growth of volumes, retention of data, Redis' bootstrap and pods, pruning. Each is a plan (pure)
// and its execution.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "crds/resolved.h"
#include "k8s-client/client.h"
#include "k8s-client/store.h"
#include "reconcilers/desired/desired.h"
#include "reconcilers/faults.h"
#include "reconcilers/memory.h"
#include "reconcilers/observe.h"
#include "reconcilers/volumes.h"

namespace reconcilers {

// An object that is to go with the resource when that is deleted, or to outlive it.
struct Following {
  k8s::RecordPtr record;
  bool into_deletion;
};

std::string title(const Following& change);  // for people

// What `policy` asks to be changed: the volume claims that the resource uses follow it into
// deletion, or outlive it; ownerless objects as well, last, and not before all of the data does.
std::vector<Following> find_followings(const desired::Objects& desired, const VolumeClaims& used,
                                       const Observed& observed, crds::DeletionPolicy policy);

// Why volumes do not grow, by StorageClass; "" when they do.
using Obstacles = std::map<std::string, std::string>;

struct Procedures {
  const k8s::Client& client;
  k8s::Store& store;
  const Observed& observed;
  Memory& memory;
  Faults& faults;  // each request is an attempt of its own: one that fails delays no other
  TimePoint now;

  // Failed Jobs are counted; after the back-off they are deleted, and the next pass
  // makes them anew. At once where the resource asks for another one by now, and then also those
  // that never began to run: the change may be what they lack.
  void repeat_failed_jobs(const desired::Objects& desired) const;
  // One write a claim that asks for less than is wanted; what is refused is tried ever more rarely.
  void grow_volumes(const VolumeClaims& claims) const;
  void keep_or_release(const std::vector<Following>& changes) const;
  // Once all pods of Redis were ready, it never again elects its first master by itself.
  void finish_redis_bootstrap(const crds::Resolved& resolved) const;
  // Redis pods of an earlier template in which nothing ever ran: the change may be what they lack,
  // and no master and no data of a run can be in them.
  void replace_unstarted_redis() const;
  void prune(const std::vector<k8s::RecordPtr>& garbage) const;

 private:
  bool is_outdated(const desired::Object& wanted, const k8s::Record& job) const;
  bool began(const k8s::Record& job) const;
  void follow(const k8s::Record& record, bool into_deletion) const;
  void grow_as_allowed(const VolumeClaim& claim, Obstacles& obstacles) const;
  void remove(const k8s::Record& record, const std::string& resource_version) const;
  void grow(const VolumeClaim& claim) const;
};

// What carries our label and our controller uid but is not desired any more. Immutable ConfigMaps
// stay while a live workload or pod names them, finished Jobs until their successor has succeeded.
std::vector<k8s::RecordPtr> find_garbage(const desired::Objects& desired, const Observed& observed);

}  // namespace reconcilers
