// Holds, or waits for, the Lease that says which process writes. A step function: whoever owns it
// calls `step` from one thread. A lost lease is final: the process must exit. Not thread-safe; what
// others may know is in the LeaseFence.
//
// Two holders never overlap: the holder counts the lease from before its request was sent, a
// waiting process from after the answer that showed it came in, and both clocks are steady and
// local.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "k8s-client/client.h"
#include "k8s-client/clock.h"
#include "operator/lease.h"
#include "operator/lease_fence.h"

namespace op {

struct ElectionOptions {
  std::string ns = "entityservice-system";
  std::string name = "entityservice-operator";
  std::string identity;  // unique for each process
  std::chrono::seconds duration{15};
  std::chrono::seconds renew_deadline{
      10};  // without a renewal for so long the lease counts as lost
  std::chrono::milliseconds retry{2'000};
  k8s::Now now = k8s::Clock::now;
  std::function<std::chrono::system_clock::time_point()> wall_clock =
      std::chrono::system_clock::now;  // for what is written; never compared
};

class LeaderElector {
 public:
  enum class State { Standby, Leader, Lost };

  // `client` and `fence` must outlive the elector. No request of `client` may take longer than
  // about a third of the renew deadline (CappedTransport).
  LeaderElector(const k8s::Client& client, LeaseFence& fence, ElectionOptions options);

  // One look at the lease and one try to get or keep it. Never throws for what a cluster or network
  // can do. Returns how long to wait before the next step.
  std::chrono::milliseconds step();
  // Closes the fence and, when we are the leader, gives the lease up: one request, errors are
  // logged.
  void release();

  State state() const { return state_; }
  // It did not get the lease at its first try: somebody may have led meanwhile. Does not change any
  // more once it leads.
  bool waited() const { return waited_; }
  // When the last write that succeeded was sent.
  k8s::Clock::time_point renewed() const { return renewed_; }

 private:
  using Time = k8s::Clock::time_point;

  void look();
  void act();
  void write(bool create, Lease next);
  void observe(Lease lease);
  void lose(const std::string& why);

  const k8s::Client& client_;
  LeaseFence& fence_;
  const ElectionOptions options_;
  State state_ = State::Standby;
  bool waited_ = false;
  std::optional<ObservedLease> observed_;
  bool look_first_ = true;  // what we know may be out of date
  Time renewed_{};          // before the last successful write was sent
};

}  // namespace op
