#include "reconcilers/contest.h"

#include <algorithm>

#include "reconcilers/memory.h"

namespace reconcilers {

void note_write(Contest& contest, const std::string& desired, k8s::Clock::time_point now) {
  if (contest.desired != desired || is_over(contest, now))
    contest = {desired};
  else
    ++contest.repairs;
  contest.last = now;
}

k8s::Clock::time_point repair_time(const Contest& contest, const std::string& desired) {
  if (contest.desired != desired || contest.repairs < kRepairsAtOnce) return contest.last;
  const std::chrono::seconds longest = kLongestPause;
  return contest.last + std::min(backoff(contest.repairs - kRepairsAtOnce + 1), longest);
}

bool is_over(const Contest& contest, k8s::Clock::time_point now) {
  return now - contest.last >= kPeace;
}

std::string last_writer(const k8s::Json& live, const std::string& ours) {
  std::string newest, writer;
  for (const auto& entry : live.value("/metadata/managedFields"_json_pointer, k8s::Json::array())) {
    const std::string manager = entry.value("manager", ""), time = entry.value("time", "");
    if (manager == ours || entry.value("subresource", "") == "status" || time < newest) continue;
    newest = time;
    writer = manager;
  }
  return writer;
}

}  // namespace reconcilers
