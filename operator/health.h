// What /healthz and /readyz answer, as pure functions of what the watches report.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "k8s-client/clock.h"
#include "k8s-client/watcher.h"

namespace op {

struct WatchReport {
  std::string name;  // kind, and namespace unless all
  std::string kind;
  k8s::WatchHealth health;
  std::chrono::seconds longest_silence{320};  // timeout and slack of the watch
  bool optional = false;
  k8s::Clock::time_point started;    // of its thread
  k8s::Clock::time_point last_step;  // when its step last returned
};

// Beyond the longest silence: a list takes time, and a probe is rare.
inline constexpr std::chrono::seconds kHealthMargin{60};

// When a watch last had proof that the API server speaks to it; its start when it never had.
k8s::Clock::time_point last_progress(const WatchReport& report);

// Why the process should be restarted; empty: it should not. A watch without progress is a reason,
// unless all of them fail with errors: then the API server is away, which no restart mends.
std::string liveness_problem(const std::vector<WatchReport>& reports, k8s::Clock::time_point now);

// What has not been listed yet, and why; empty: ready.
std::string readiness_problem(const std::vector<WatchReport>& reports);

}  // namespace op
