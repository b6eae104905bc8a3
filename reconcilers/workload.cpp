#include "reconcilers/workload.h"

#include "reconcilers/facts.h"

namespace reconcilers {
namespace {

const k8s::Json& fact_of(const k8s::Record& record, const char* fact) {
  static const k8s::Json kNothing = nullptr;
  if (!record.facts.is_object()) return kNothing;
  const auto found = record.facts.find(fact);
  return found == record.facts.end() ? kNothing : *found;
}

bool observed_current(const k8s::Record& workload) {
  return count(workload, "observed") >= workload.generation;
}

}  // namespace

std::int64_t count(const k8s::Record& workload, const char* fact) {
  const k8s::Json& value = fact_of(workload, fact);
  return value.is_number_integer() ? value.get<std::int64_t>() : 0;
}

bool fact_is_true(const k8s::Record& record, const char* fact) {
  const k8s::Json& value = fact_of(record, fact);
  return value.is_boolean() && value.get<bool>();
}

std::string text_fact(const k8s::Record& record, const char* fact) {
  const k8s::Json& value = fact_of(record, fact);
  return value.is_string() ? value.get<std::string>() : "";
}

std::vector<std::string> list_fact(const k8s::Record& record, const char* fact) {
  const k8s::Json& value = fact_of(record, fact);
  return value.is_array() ? value.get<std::vector<std::string>>() : std::vector<std::string>{};
}

bool is_pod_of(const k8s::Record& pod, const std::string& job) {
  const auto owner = pod.labels.find(kJobNameLabel);
  return owner != pod.labels.end() && owner->second == job;
}

bool serving(const k8s::Record& workload) {
  return observed_current(workload) && count(workload, "ready") >= count(workload, "replicas");
}

bool rolled_out(const k8s::Record& workload, bool template_matters) {
  const std::int64_t replicas = count(workload, "replicas");
  if (!serving(workload) || count(workload, "total") != replicas) return false;
  return !template_matters || count(workload, "updated") == replicas;
}

}  // namespace reconcilers
