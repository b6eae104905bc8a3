// A flag that is set once and that threads can wait for, and an alarm that acts unless it is
// destroyed in time. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace op {

class StopEvent {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  bool is_set() const {
    const std::lock_guard lock(mutex_);
    return set_;
  }
  void wait() const {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return set_; });
  }
  bool wait_for(std::chrono::milliseconds time) const {  // whether it is set
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return set_; });
  }

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  bool set_ = false;
};

class Alarm {
 public:
  Alarm(std::chrono::milliseconds after, std::function<void()> act)
      : thread_([this, after, act = std::move(act)] {
          if (!disarmed_.wait_for(after)) act();
        }) {}
  ~Alarm() {
    disarmed_.set();
    thread_.join();
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

 private:
  StopEvent disarmed_;
  std::thread thread_;
};

}  // namespace op
