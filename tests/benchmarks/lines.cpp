#include "tests/benchmarks/lines.h"

#include <cstdio>
#include <ctime>
#include <mutex>
#include <utility>

namespace bench {

double monotonic_seconds() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void tell(k8s::Json line) { tell_at(monotonic_seconds(), std::move(line)); }

void tell_at(double time, k8s::Json line) {
  static std::mutex mutex;
  line["t"] = time;
  const std::string text = line.dump() + "\n";
  const std::lock_guard lock(mutex);
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace bench
