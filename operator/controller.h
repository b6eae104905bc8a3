// One pass after the other: takes a due key, calls the reconciler and turns the outcome into what
// the queue does next. It has the only catch of the pipeline. Thread-safe: any number of threads
// may step or work at once, the queue keeps them off each other's keys.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "k8s-client/clock.h"
#include "k8s-client/resource.h"
#include "operator/work_queue.h"
#include "reconcilers/action.h"

namespace op {

// The last four are failures. Invalid: only an edit of the resource helps. Timeout: the API server
// did not answer in time. Bug: an exception that no cluster can cause.
enum class PassResult { Success, RequeueAfter, Requeue, Error, Invalid, Timeout, Bug };

class PassObserver {
 public:
  virtual ~PassObserver() = default;
  virtual void started() = 0;
  virtual void finished(PassResult result, std::chrono::duration<double> took) = 0;
};

class Controller {
 public:
  using Reconcile = std::function<reconcilers::Action(const k8s::ObjectKey&)>;

  struct Options {
    std::function<bool()> synced;      // every watch has completed its first list
    k8s::Now now = k8s::Clock::now;    // also read at the end of a pass
    PassObserver* observer = nullptr;  // may be null
    std::string id_prefix = {};        // of reconcile ids; random when empty
  };

  // `queue` must outlive the controller.
  Controller(WorkQueue& queue, Reconcile reconcile, Options options);

  // One pass, if a key is due at `now`; false when there was none, or not all watches have synced.
  bool step(k8s::Clock::time_point now);
  // Passes until the queue is stopped. To be called once all watches have synced.
  void work();

 private:
  void pass(const k8s::ObjectKey& key);
  PassResult reconcile_and_schedule(const k8s::ObjectKey& key);
  PassResult back_off(const k8s::ObjectKey& key, PassResult result, const std::string& what,
                      std::chrono::milliseconds minimum = std::chrono::milliseconds{0});

  WorkQueue& queue_;
  const Reconcile reconcile_;
  const Options options_;
  const std::string id_prefix_;
  std::atomic<std::uint64_t> passes_ = 0;
};

}  // namespace op
