#include <set>
#include <string>
#include <utility>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/gates.h"
#include "reconcilers/operate.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

using k8s::Record;
using k8s::RecordPtr;

// Workloads go before what they need. Never in here: volume claims, Secrets, pods.
constexpr const char* kPrunedKinds[] = {
    "Deployment",          "Job",           "StatefulSet", "Service",
    "PodDisruptionBudget", "NetworkPolicy", "ConfigMap",   "ServiceAccount"};

bool job_finished(const Record& job) {
  return fact_is_true(job, "succeeded") || fact_is_true(job, "failed");
}

std::set<std::string> configs_in_use(const Observed& observed) {
  std::set<std::string> names;
  const auto add = [&names](const Record& record) {
    for (auto& name : list_fact(record, "configs")) names.insert(std::move(name));
  };
  for (const char* kind : {"Deployment", "StatefulSet"})
    for (const RecordPtr& workload : observed.of_kind(kind)) add(*workload);
  for (const RecordPtr& job : observed.of_kind("Job"))
    if (!job_finished(*job)) add(*job);
  for (const RecordPtr& pod : observed.of_kind("Pod"))
    if (!fact_is_true(*pod, "done")) add(*pod);
  return names;
}

bool successor_succeeded(const Record& job, const desired::Objects& desired,
                         const Observed& observed) {
  const auto component = job.labels.find(desired::kComponentLabel);
  if (component == job.labels.end()) return false;
  const desired::Object* current = job_of(desired, component->second);
  if (current == nullptr) return false;
  const RecordPtr record = observed.find("Job", current->name());
  return (record && fact_is_true(*record, "succeeded")) || recorded_as_done(observed, *current);
}

}  // namespace

std::vector<RecordPtr> find_garbage(const desired::Objects& desired, const Observed& observed) {
  std::set<std::pair<std::string, std::string>> wanted;
  for (const auto& object : desired) wanted.emplace(object.kind(), object.name());
  const auto in_use = configs_in_use(observed);
  std::vector<RecordPtr> garbage;
  for (const char* kind : kPrunedKinds) {
    for (const RecordPtr& record : observed.of_kind(kind)) {
      const Record& it = *record;
      if (it.deleting || it.controller_uid != observed.uid() ||
          wanted.contains({kind, it.key.name}))
        continue;
      if (it.key.kind == "ConfigMap" && in_use.contains(it.key.name)) continue;
      if (it.key.kind == "Job" && job_finished(it) && !successor_succeeded(it, desired, observed))
        continue;
      garbage.push_back(record);
    }
  }
  return garbage;
}

}  // namespace reconcilers
