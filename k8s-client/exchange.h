// One HTTP exchange in flight, and the only meeting point of two threads: the HTTP library leaves
// here what arrives (and never waits), the caller takes it. Shared by both; what the library does
// after the caller has gone is harmless. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "k8s-client/clock.h"
#include "k8s-client/transport.h"
#include "k8s-client/transport_failure.h"

namespace k8s {

class Exchange {
 public:
  struct Limits {
    std::size_t piece = 256U << 20U;   // one write of the library; negative chunk sizes look huge
    std::size_t unread = 256U << 20U;  // more unread bytes without a complete line break it off
    std::size_t window = 0;            // unread bytes at which the sender is held back; 0: never
  };
  using Hook = std::function<void()>;

  // `cancel` asks the library to give up; must not block.
  Exchange(Limits limits, Hook cancel);

  // The library's side.
  void set_status(int status, std::optional<std::chrono::seconds> retry_after);
  // false: read no more until `resume` is called (once, by any thread, also after `abort`).
  bool put(const std::uint8_t* bytes, std::size_t count, Hook resume);
  void finish(std::optional<Failure> failure);
  bool started() const;

  // The caller's side.
  // Throw TransportError when the deadline passes, or with what broke the exchange.
  int wait_status(Clock::time_point deadline);
  Response wait_response(Clock::time_point deadline);
  // `idle`: the longest time without a complete line. Bytes alone do not count: a line that drips
  // in for ever is as dead as silence.
  Stream::Read next_line(std::chrono::milliseconds wait, std::chrono::milliseconds idle);
  // Gives up for this reason; the first one counts.
  void abort(Failure failure);
  // false: the library still works on it.
  bool wait_finished(Clock::time_point deadline);

 private:
  bool broken() const { return failure_.has_value(); }
  std::size_t unread() const { return bytes_.size() - head_; }
  void wait_done(std::unique_lock<std::mutex>& lock, Clock::time_point deadline);
  void give_up(std::unique_lock<std::mutex>& lock, Failure failure);
  [[noreturn]] void fail() const;
  std::optional<std::string> take_line();
  void resume_sender(std::unique_lock<std::mutex>& lock);

  const Limits limits_;
  const Hook cancel_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<int> status_;
  std::optional<std::chrono::seconds> retry_after_;
  std::string bytes_;
  std::size_t head_ = 0;                        // bytes before it have been taken
  std::size_t lines_ = 0;                       // complete lines among the unread
  Clock::time_point last_line_ = Clock::now();  // or the status
  Hook resume_;
  std::optional<Failure> failure_;
  bool finished_ = false;
};

}  // namespace k8s
