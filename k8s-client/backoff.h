// Growing waits with jitter, so that many clients of a restarted API server do not come at once.
// One per watch, never shared. Used by one thread.
#pragma once

#include <chrono>
#include <random>

namespace k8s {

class Backoff {
 public:
  static constexpr std::chrono::milliseconds kFirst{800};
  static constexpr std::chrono::milliseconds kLongest{30'000};

  explicit Backoff(unsigned seed = std::random_device{}()) : random_(seed) {}

  // At least kFirst, at most kLongest; doubles on average with each call since the last reset.
  std::chrono::milliseconds next();
  void reset() { failures_ = 0; }
  // `value` less or more up to a tenth.
  std::chrono::seconds spread(std::chrono::seconds value);

 private:
  int failures_ = 0;
  std::minstd_rand random_;
};

}  // namespace k8s
