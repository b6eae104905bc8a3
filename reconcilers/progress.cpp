#include "reconcilers/progress.h"

#include <algorithm>

#include "reconcilers/publish.h"

namespace reconcilers {
namespace {

using std::chrono::seconds;

// How long it had stood still, as far as was published.
seconds stood_still(const k8s::Json& old_status, std::int64_t generation, seconds deadline,
                    std::chrono::system_clock::time_point wall_now) {
  for (const auto& it : old_status.value("conditions", k8s::Json::array())) {
    if (it.value("observedGeneration", std::int64_t{0}) != generation ||
        it.value("status", "") != "True")
      continue;
    const std::string type = it.value("type", "");
    if (type == "Stalled" && it.value("reason", "") == "ProgressDeadlineExceeded") return deadline;
    if (type != "Reconciling") continue;
    const auto since = parse_rfc3339(it.value("lastTransitionTime", ""));
    if (since) return std::max(seconds(0), std::chrono::duration_cast<seconds>(wall_now - *since));
  }
  return seconds(0);
}

}  // namespace

void note_progress(Progress& progress, const std::string& token, const k8s::Json& old_status,
                   std::int64_t generation, seconds deadline, TimePoint now,
                   std::chrono::system_clock::time_point wall_now) {
  if (progress.token == token) return;
  const bool restarted = progress.token.empty();
  progress.token = token;
  progress.since = restarted ? now - stood_still(old_status, generation, deadline, wall_now) : now;
}

}  // namespace reconcilers
