// Until when this process may write. Set by the leader election, asked just before each write by
// `FencedTransport`. Thread-safe.
#pragma once

#include <atomic>

#include "k8s-client/clock.h"

namespace op {

class LeaseFence {
 public:
  using Time = k8s::Clock::time_point;

  void open_until(Time time) { until_ = time.time_since_epoch().count(); }
  void open_forever() { open_until(Time::max()); }
  void close() { open_until(Time::min()); }
  Time until() const { return Time(Time::duration(until_.load())); }

 private:
  std::atomic<Time::rep> until_ = Time::min().time_since_epoch().count();
};

}  // namespace op
