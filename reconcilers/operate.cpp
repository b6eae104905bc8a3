#include "reconcilers/operate.h"

#include <algorithm>

#include "k8s-client/errors.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/kinds.h"
#include "reconcilers/stock.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

using k8s::Json;
using k8s::Record;
using k8s::RecordPtr;

// What the Job's pods said at their end; the Job itself only knows that it has failed.
std::string failure_text(const Record& job, const Observed& observed) {
  std::string text = "Job " + job.key.name + " failed";
  for (const RecordPtr& pod : observed.of_kind("Pod")) {
    if (!is_pod_of(*pod, job.key.name)) continue;
    const std::string message = text_fact(*pod, "message");
    if (!message.empty()) return text + ": pod " + pod->key.name + ": " + message;
  }
  const std::string message = text_fact(job, "message");
  return message.empty() ? text : text + ": " + message;
}

void count_failure(JobFailures& failures, const Record& job, const Observed& observed,
                   TimePoint now) {
  const std::string text = failure_text(job, observed);
  if (failures.uid == job.uid) {
    // the pod's last words may arrive after the Job's end, and leave before it
    if (text.size() > failures.message.size()) failures.message = text;
    return;
  }
  failures.uid = job.uid;
  failures.message = text;
  failures.retry_at = now + backoff(++failures.count);
}

}  // namespace

void Procedures::remove(const Record& record, const std::string& resource_version) const {
  faults.attempt("the removal of " + record.key.kind + " " + record.key.name, [&] {
    const bool removed = client.remove(resource_of(record.key.kind), record.key.ns, record.key.name,
                                       {record.uid, resource_version}, "Background");
    if (removed) store.remove(record.key, record.uid);
    // Made anew, it is not somebody else who removed it.
    for (const Intent intent : {Intent::Body, Intent::Retention})
      memory.contests.erase({record.key, intent});
  });
}

bool Procedures::is_outdated(const desired::Object& wanted, const Record& job) const {
  const std::string hash = k8s::desired_hash(wanted.body);
  if (job.owned == hash) return false;
  const auto settled = memory.settled.find(job.key);
  return settled == memory.settled.end() || settled->second.desired != hash;
}

// A pod that nothing is known against may have begun.
bool Procedures::began(const Record& job) const {
  for (const RecordPtr& pod : observed.of_kind("Pod"))
    if (is_pod_of(*pod, job.key.name) &&
        (fact_is_true(*pod, "started") || text_fact(*pod, "reason").empty()))
      return true;
  return false;
}

void Procedures::repeat_failed_jobs(const desired::Objects& desired) const {
  for (const auto& object : desired) {
    if (object.kind() != "Job") continue;
    const RecordPtr job = observed.find("Job", object.name());
    if (!job || job->deleting || job->controller_uid != observed.uid()) continue;
    if (fact_is_true(*job, "succeeded")) {
      memory.jobs.erase(object.name());
      continue;
    }
    const bool outdated = is_outdated(object, *job);
    if (!fact_is_true(*job, "failed")) {
      if (outdated && !began(*job)) remove(*job, job->resource_version);
      continue;
    }
    JobFailures& failures = memory.jobs[object.name()];
    count_failure(failures, *job, observed, now);
    if (now >= failures.retry_at || outdated)
      remove(*job, "");
    else
      memory.wake_at(failures.retry_at);
  }
}

void Procedures::finish_redis_bootstrap(const crds::Resolved& resolved) const {
  const RecordPtr state = observed.find("ConfigMap", resolved.name + "-redis-state");
  if (!state || text_fact(*state, "bootstrap") != "true") return;
  for (const RecordPtr& set : observed.of_component("StatefulSet", desired::kRedis)) {
    if (count(*set, "replicas") != resolved.redis.size || !serving(*set)) continue;
    const Json body = {
        {"metadata", {{"uid", state->uid}, {"resourceVersion", state->resource_version}}},
        {"data", {{"bootstrap", "false"}}}};
    faults.attempt("ConfigMap " + state->key.name, [&] {
      Json answer =
          client.merge(resource_of("ConfigMap"), state->key.ns, state->key.name, body, kManager);
      store.put(record_of("ConfigMap", std::move(answer)));
    });
    return;
  }
}

void Procedures::replace_unstarted_redis() const {
  for (const RecordPtr& set : observed.of_component("StatefulSet", desired::kRedis)) {
    if (set->controller_uid != observed.uid()) continue;
    for (const RecordPtr& pod : outdated_pods(*set, observed))
      if (!pod->deleting && !fact_is_true(*pod, "started")) remove(*pod, pod->resource_version);
  }
}

void Procedures::prune(const std::vector<RecordPtr>& garbage) const {
  for (const RecordPtr& record : garbage) remove(*record, record->resource_version);
}

}  // namespace reconcilers
