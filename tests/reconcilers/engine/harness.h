// One namespace "lab" with a SmallCluster, the mini controllers, a store that is fed from it, and a
// reconciler on a clock that tests move. Everything happens in one thread and in a fixed order, but
// for the requests of a pass when several are under way at once.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "reconcilers/reconciler.h"
#include "tests/reconcilers/engine/mini_controllers.h"
#include "tests/reconcilers/engine/small_cluster.h"

namespace reconcilers::test {

inline const std::string kNs = "lab";
SmallCluster::Key key(const std::string& kind, const std::string& name);

class Harness {
 public:
  explicit Harness(std::size_t requests_at_once = 1);

  void create(const std::string& name, const Json& spec);  // an EntityService
  // An EntityService "demo" that is Ready already, seen by a process that has just started. The way
  // there is gone once for each of the specs below.
  void start_ready(Json (*spec)());
  void edit_spec(const std::string& name, const std::function<void(Json&)>& edit);

  // Controllers, garbage collection, store and passes until nothing happens any more; waits for
  // passes that are due within `patience`.
  void settle(std::chrono::seconds patience = std::chrono::seconds(6));
  void pass_time(std::chrono::seconds time);  // … and settles
  bool sync();                                // feeds the store; true: something had changed
  void reconcile();                           // one pass for each resource
  void restart();                             // a new process: an empty memory, a fresh list

  const Json* find(const std::string& kind, const std::string& name) const;
  std::string named(const std::string& kind, const std::string& prefix) const;  // the only one
  Json status(const std::string& name = "demo") const;
  // "True ComponentsReady", "False Waiting"; "" when there is none
  std::string condition(const std::string& type, const std::string& name = "demo") const;
  std::string message(const std::string& type, const std::string& name = "demo") const;

  void forget_requests() { cluster.seen.clear(); }
  std::vector<std::string> writes() const;  // since then, those to the status left out
  std::vector<std::string> requests() const;
  std::size_t count(const std::function<bool(const Seen&)>& matches) const;
  // kind/name → the owned projection, of everything there is but events; and the uids of claims
  std::map<std::string, Json> owned_state() const;

  std::chrono::hours wall_clock_ahead{0};  // somebody has set the clock of the machine
  bool others_wait = false;                // other resources are due for a pass
  int failed_passes = 0;                   // ended by an error, as the controller sees it
  SmallCluster cluster;
  MiniControllers controllers{cluster};

 private:
  void begin_process();
  void put(const SmallCluster::Key& key);

  const std::size_t requests_at_once_;
  std::unique_ptr<k8s::Store> store_;
  k8s::Client client_{cluster};
  std::unique_ptr<Reconciler> reconciler_;
  std::map<std::string, Action> actions_;
  std::map<SmallCluster::Key, k8s::Record> records_;  // as last put into a store
  k8s::Clock::time_point now_{std::chrono::hours(1)};
  const k8s::Clock::time_point start_ = now_;
  int random_ = 0;
};

Json minimal_spec();     // profile Minimal
Json test_spec();        // profile Test: persists
Json production_spec();  // profile Production: three Redis with Sentinel

}  // namespace reconcilers::test
