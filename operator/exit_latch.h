// Why and with which code the process ends: the first reason counts. Stop signals arrive here too;
// nothing is done in a signal handler. `set` is thread-safe, `wait` is for one thread.
#pragma once

#include <mutex>
#include <optional>
#include <string>

namespace op {

// Blocks SIGTERM and SIGINT, to be read by an ExitLatch. To be called before any thread starts.
void block_stop_signals();

struct ExitReason {
  int code = 0;
  std::string why = {};
};

class ExitLatch {
 public:
  ExitLatch();  // throws std::system_error
  ~ExitLatch();
  ExitLatch(const ExitLatch&) = delete;
  ExitLatch& operator=(const ExitLatch&) = delete;

  void set(int code, const std::string& why);
  ExitReason wait();  // until a stop signal (code 0) or `set`

 private:
  std::mutex mutex_;
  std::optional<ExitReason> reason_;
  int event_ = -1, signals_ = -1;
};

}  // namespace op
