// Sleepers that somebody may wake. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace op {

class AlarmClock {
 public:
  // How often it has rung. To be asked before the attempt after which one sleeps: a ring between
  // the two is not missed.
  std::uint64_t rings() const {
    const std::lock_guard lock(mutex_);
    return rings_;
  }
  void ring() {
    const std::lock_guard lock(mutex_);
    ++rings_;
    rang_.notify_all();
  }
  // Until it has rung more often than `rings`, for `longest` at most.
  void sleep(std::uint64_t rings, std::chrono::milliseconds longest) {
    std::unique_lock lock(mutex_);
    rang_.wait_for(lock, longest, [&] { return rings_ > rings; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable rang_;
  std::uint64_t rings_ = 0;
};

}  // namespace op
