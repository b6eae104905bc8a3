// Why and with which code the process ends: the first reason counts. Signals arrive here too, those
// that ask for a stop and the one that brings a log level; nothing is done in a signal handler.
// `set` is thread-safe, `wait` is for one thread.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>

namespace op {

// Blocks SIGTERM, SIGINT and SIGUSR1, to be read by an ExitLatch. To be called before any thread
// starts.
void block_signals();

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
  // Until a stop signal (code 0) or `set`. `told`: the value that came with a SIGUSR1, 0 from kill.
  ExitReason wait(const std::function<void(int)>& told = {});

 private:
  bool read_signal(const std::function<void(int)>& told);  // whether the process shall end

  std::mutex mutex_;
  std::optional<ExitReason> reason_;
  int event_ = -1, signals_ = -1;
};

}  // namespace op
