// The parts of a running operator wired with each other: watches fill the cache, what changes there
// asks for passes, passes write through the fence that the election opens. Owns no thread but
// those of the watches once these are started; the Manager's threads call the steps, and tests can
// call them one after the other, with their own time and chance.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "k8s-client/client.h"
#include "k8s-client/clock.h"
#include "k8s-client/store.h"
#include "k8s-client/transport.h"
#include "operator/controller.h"
#include "operator/doubts.h"
#include "operator/fenced_transport.h"
#include "operator/leader_election.h"
#include "operator/lease_fence.h"
#include "operator/logged_transport.h"
#include "operator/watch_runner.h"
#include "operator/work_queue.h"
#include "reconcilers/reconciler.h"

namespace op {

struct EngineOptions {
  std::vector<std::string> namespaces = {};  // empty: all
  std::string watch_label_selector = {};
  std::vector<std::string> prerelease_namespaces = {"staging"};
  bool leader_elect = true;
  std::string lease_namespace = {}, lease_name = {};
  std::string identity = {};         // unique for each process
  std::size_t requests_at_once = 1;  // of one pass
  int failing_at_once = 1;           // passes of resources whose last pass failed
};

// What is not a function of its input.
struct Surroundings {
  k8s::Transport& watches;  // three, so that closing one does not cut the others
  k8s::Transport& passes;
  k8s::Transport& lease;
  k8s::Sleep sleep;  // ends early when stopping
  k8s::Now now = k8s::Clock::now;
  std::function<std::chrono::system_clock::time_point()> wall_clock =
      std::chrono::system_clock::now;
  std::function<std::string(std::size_t)> passwords = {};  // empty: OpenSSL's
  std::optional<unsigned> jitter = {};                     // seed; empty: the system's chance
};

struct EngineHooks {
  QueueObserver* queue = nullptr;  // may be null, as the next
  PassObserver* passes = nullptr;
  std::function<void()> watch_stepped = [] {};  // after each step, on the watch's thread
  std::function<void(const std::string& why)> watch_failed = [](const std::string&) {};
};

class Engine {
 public:
  // Each transport of `surroundings`, and the observers, must outlive the engine.
  Engine(const EngineOptions& options, const Surroundings& surroundings, const EngineHooks& hooks);

  // Before the first pass, when this process leads and all watches have synced.
  void begin();

  // The elector alone may be stepped by one thread at a time; the others are thread-safe.
  LeaderElector& elector() { return elector_; }
  WatchRunner& watches() { return watches_; }
  const WatchRunner& watches() const { return watches_; }
  Controller& controller() { return controller_; }
  WorkQueue& queue() { return queue_; }
  const WorkQueue& queue() const { return queue_; }
  const k8s::Store& store() const { return store_; }
  std::vector<k8s::ObjectKey> resources() const;  // EntityServices that are ours

 private:
  bool is_ours(const std::string& ns) const;
  void enqueue(const k8s::Record& record);
  void enqueue(const k8s::ObjectKey& key);
  void enqueue_all_in(const std::string& ns);
  reconcilers::Action pass(const k8s::ObjectKey& key);

  // In the order in which they need each other.
  const k8s::Now now_;
  const std::set<std::string> namespaces_;
  LeaseFence fence_;
  FencedTransport fenced_transport_;
  LoggedTransport logged_transport_;
  CappedTransport capped_transport_;
  const k8s::Client watch_client_, pass_client_, lease_client_;
  k8s::Store store_;
  WorkQueue queue_;
  reconcilers::Reconciler reconciler_;
  LeaderElector elector_;
  WatchRunner watches_;
  Doubts doubts_;
  Controller controller_;
};

}  // namespace op
