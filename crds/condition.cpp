#include "crds/condition.h"

#include <algorithm>

namespace crds {
namespace {

// When the condition got this status, or empty when `old` does not say.
std::string since(const Json& old, const Condition& condition) {
  if (!old.is_array()) return {};
  for (const Json& entry : old) {
    if (!entry.is_object() || entry.value("type", Json()) != condition.type ||
        entry.value("status", Json()) != condition.status) {
      continue;
    }
    const auto time = entry.find("lastTransitionTime");
    return time != entry.end() && time->is_string() ? time->get<std::string>() : std::string();
  }
  return {};
}

}  // namespace

Json merge_conditions(const Json& old, const std::vector<Condition>& fresh, std::int64_t generation,
                      const std::string& now) {
  std::vector<Condition> sorted = fresh;
  std::sort(sorted.begin(), sorted.end(),
            [](const Condition& a, const Condition& b) { return a.type < b.type; });
  Json merged = Json::array();
  for (const Condition& condition : sorted) {
    const std::string kept = since(old, condition);
    merged.push_back({{"type", condition.type},
                      {"status", condition.status},
                      {"reason", condition.reason},
                      {"message", condition.message},
                      {"observedGeneration", generation},
                      {"lastTransitionTime", kept.empty() ? now : kept}});
  }
  return merged;
}

}  // namespace crds
