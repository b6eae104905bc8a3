#include "reconcilers/memory.h"

namespace reconcilers {

std::chrono::seconds backoff(int failures) {
  constexpr int kFirst = 10, kLongest = 600;
  const int doublings = std::clamp(failures - 1, 0, 6);
  return std::chrono::seconds(std::min(kLongest, kFirst << doublings));
}

const Refusal* Memory::refused(const k8s::ObjectKey& key, const std::string& desired,
                               TimePoint now) {
  const auto found = refusals.find(key);
  if (found == refusals.end()) return nullptr;
  const Refusal& refusal = found->second;
  if (refusal.desired != desired || now >= refusal.retry_at) return nullptr;
  wake_at(refusal.retry_at);
  return &refusal;
}

bool Memory::put_off(const k8s::ObjectKey& key, Intent intent, const std::string& desired,
                     TimePoint now) {
  const auto found = contests.find({key, intent});
  if (found == contests.end()) return false;
  const TimePoint again = repair_time(found->second, desired);
  if (now >= again) return false;
  wake_at(again);
  return found->second.fight = true;
}

void Memory::note_ready() {
  if (std::exchange(came_up, true)) return;
  std::erase_if(contests, [](const auto& it) { return it.second.repairs == 0; });
}

void Memory::refuse(const k8s::ObjectKey& key, const std::string& desired,
                    const std::string& reason, const std::string& message, TimePoint now) {
  Refusal& refusal = refusals[key];
  if (refusal.desired != desired) refusal = {};
  refusal.reason = reason;
  refusal.message = message;
  refusal.desired = desired;
  refusal.retry_at = now + backoff(++refusal.failures);
  wake_at(refusal.retry_at);
}

}  // namespace reconcilers
