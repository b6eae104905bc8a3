#include "operator/health.h"

#include <algorithm>

namespace op {
namespace {

std::string seconds(k8s::Clock::duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

bool failing(const WatchReport& report) { return report.health.failures_in_a_row > 0; }

}  // namespace

k8s::Clock::time_point last_progress(const WatchReport& report) {
  auto last = report.started;
  if (report.health.last_list) last = std::max(last, *report.health.last_list);
  if (report.health.last_event) last = std::max(last, *report.health.last_event);
  return last;
}

std::string liveness_problem(const std::vector<WatchReport>& reports, k8s::Clock::time_point now) {
  std::string stuck, silent;
  bool all_fail = true;
  for (const WatchReport& report : reports) {
    const auto limit = report.longest_silence + kHealthMargin;
    if (now - report.last_step > limit) {
      stuck += "watch of " + report.name + " hangs since " + seconds(now - report.last_step) + "\n";
    }
    // An absent or forbidden optional kind has nothing to say.
    if (report.optional) continue;
    all_fail = all_fail && failing(report);
    const auto silence = now - last_progress(report);
    if (silence <= limit) continue;
    silent += "watch of " + report.name + " made no progress for " + seconds(silence);
    if (failing(report)) silent += ": " + report.health.last_error;
    silent += "\n";
  }
  return all_fail ? stuck : stuck + silent;
}

std::string readiness_problem(const std::vector<WatchReport>& reports) {
  std::string problem;
  for (const WatchReport& report : reports) {
    if (report.health.synced) continue;
    problem += "not synced: " + report.name;
    if (!report.health.last_error.empty()) problem += ": " + report.health.last_error;
    problem += "\n";
  }
  return problem;
}

}  // namespace op
