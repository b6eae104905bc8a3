// A program that runs beside us and is looked at, never waited for: its output is bounded, and it
// is killed, with what it has started in its process group, when its time is over or its owner
// ends. No shell, no standard input, no file of ours. Used by one thread at a time.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "k8s-client/clock.h"

namespace k8s {

class Subprocess {
 public:
  struct Limits {
    std::size_t output = std::size_t{1} << 20U;
    std::size_t errors = 2048;  // the last ones are kept
    std::chrono::milliseconds time{30'000};
  };
  struct Result {
    std::string failure = {};  // "exited with status 3"; empty: it ended with status 0
    std::string output = {};
    std::string errors = {};  // printable
  };

  // `arguments` begin with the program: a path, or a name that is looked up in PATH. `environment`:
  // NAME=VALUE. Throws std::system_error when it can not be started.
  Subprocess(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
             const Limits& limits);
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  // nullopt while it runs. Not to be called again after a result.
  std::optional<Result> poll();

 private:
  void drain();
  void kill_group();

  const Limits limits_;
  const Clock::time_point deadline_;
  int output_ = -1;  // our ends of its pipes
  int errors_ = -1;
  pid_t pid_ = -1;
  Result result_;
};

// Our environment as it was when this was first called, which is before we change anything in it.
const std::vector<std::string>& original_environment();

}  // namespace k8s
