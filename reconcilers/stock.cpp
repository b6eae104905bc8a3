#include "reconcilers/stock.h"

#include <algorithm>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/stateful.h"
#include "reconcilers/facts.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

using k8s::Record;
using k8s::RecordPtr;

constexpr const char* kOrder[] = {desired::kDatabase,   desired::kRedis,   desired::kObjectStore,
                                  desired::kMigration,  desired::kBuckets, desired::kWorker,
                                  desired::kHighMemory, desired::kApi};

class StockTaker {
 public:
  StockTaker(const Observed& observed, const std::vector<Held>& held,
             const std::set<std::string>& refused, const std::map<std::string, JobFailures>& jobs)
      : observed_(observed), held_(held), refused_(refused), jobs_(jobs) {}

  Component desired_component(const desired::Object& object) const {
    RecordPtr record = observed_.find(object.kind(), object.name());
    if (record && record->controller_uid != observed_.uid()) record = nullptr;
    if (object.kind() == "Job") return job(object, record.get());
    return workload(object.component, title(object),
                    object.body.at("spec").value("replicas", std::int64_t{1}), record.get());
  }

  Component live_component(const std::string& component, const Record& record) const {
    return workload(component, record.key.kind + " " + record.key.name, count(record, "replicas"),
                    &record);
  }

  // The data that a Job works on is part of its name: without it there is no Job.
  Component job_without_data(const std::string& component, const desired::Objects& desired) const {
    Component it{component, "Job of " + component, 0, 1};
    it.empty = true;
    const std::string store =
        component == desired::kMigration ? desired::kDatabase : desired::kObjectStore;
    it.message = "waits for the data of " + store;
    for (const auto& object : desired)
      if (object.kind() == "StatefulSet" && object.component == store)
        it.message = "waits for " + missing_data(object);
    return it;
  }

 private:
  std::string missing_data(const desired::Object& set) const {
    const std::string pod = set.name() + "-0";
    if (!set.body.at("spec").contains("volumeClaimTemplates")) return "pod " + pod;
    const std::string claim = desired::claim_of(pod);
    const RecordPtr record = observed_.find("PersistentVolumeClaim", claim);
    if (record && record->deleting)
      return "the volume claim " + claim + ", which is being deleted while it is in use";
    return "the volume claim " + claim + "; one that was made by hand needs the labels " +
           desired::kResourceLabel + "=" + observed_.key.name + " and " + desired::kComponentLabel +
           "=" + set.component;
  }

  const Held* held(const std::string& object) const {
    const auto found = std::find_if(held_.begin(), held_.end(), [&object](const Held& it) {
      return it.object == object && !it.update;
    });
    return found == held_.end() ? nullptr : &*found;
  }

  std::string pod_trouble(const std::string& component, const std::string& job) const {
    for (const RecordPtr& pod : observed_.of_component("Pod", component)) {
      if (!job.empty() && !is_pod_of(*pod, job)) continue;
      const std::string reason = text_fact(*pod, "reason");
      const std::string message = text_fact(*pod, "message");
      if (pod->deleting || fact_is_true(*pod, "ready") || reason.empty()) continue;
      return "pod " + pod->key.name + ": " + reason + (message.empty() ? "" : ": " + message);
    }
    return "";
  }

  bool has_pod(const Record& job) const {
    const auto pods = observed_.of_kind("Pod");
    return std::any_of(pods.begin(), pods.end(),
                       [&job](const RecordPtr& pod) { return is_pod_of(*pod, job.key.name); });
  }

  Component workload(const std::string& component, const std::string& object, std::int64_t replicas,
                     const Record* record) const {
    Component it{component, object, 0, replicas};
    const Held* why = held(object);
    if (record == nullptr) {
      it.empty = true;
      it.message = object + (why ? " " + why->reason : " is not there yet");
      return it;
    }
    it.exists = true;
    it.ready = count(*record, "ready");
    it.updated = count(*record, "updated");
    it.total = count(*record, "total");
    it.empty = it.total == 0;
    it.serving = serving(*record) && count(*record, "replicas") == replicas;
    it.current = it.serving && rolled_out(*record, component != desired::kRedis) &&
                 why == nullptr && !refused_.contains(object);
    it.message = current_message(it, why, *record);
    return it;
  }

  // Why there is no pod only the events of its owner tell.
  static std::string ask(const std::string& kind, const std::string& name) {
    return "; if that lasts, kubectl describe " + kind + "/" + name +
           " says why (a quota or an admission rule, mostly)";
  }

  // Each Redis waits for one that has data (start-redis.sh): without any they would for ever.
  std::string way_out_of_waiting(const Component& it) const {
    const bool all_wait = it.name == desired::kRedis && it.desired > 1 && it.ready == 0;
    const std::string name = observed_.key.name + "-redis-state";
    const RecordPtr state = observed_.find("ConfigMap", name);
    if (!all_wait || !state || text_fact(*state, "bootstrap") != "false") return "";
    return "; each waits for another that has its data. If that lasts because the volumes of all "
           "were lost, let them begin with nothing: kubectl -n " +
           observed_.key.ns + " patch configmap " + name + R"( -p '{"data":{"bootstrap":"true"}}')";
  }

  std::string current_message(const Component& it, const Held* why, const Record& record) const {
    if (it.current) return "";
    if (why) return "the change of " + it.object + " " + why->reason;
    if (refused_.contains(it.object)) return "the change of " + it.object + " is not written";
    std::string trouble = pod_trouble(it.name, "");
    if (!trouble.empty()) return trouble;
    const std::string failure = text_fact(record, "failure");
    if (!failure.empty()) return it.object + " cannot have its pods: " + failure;
    if (it.total < it.desired && record.key.kind == "StatefulSet")
      return it.object + ": " + std::to_string(it.total) + " of " + std::to_string(it.desired) +
             " pods exist" + ask("statefulset", record.key.name);
    if (!it.serving)
      return it.object + ": " + std::to_string(it.ready) + " of " + std::to_string(it.desired) +
             " replicas are ready" + way_out_of_waiting(it);
    return it.object + ": " + std::to_string(it.updated) + " of " + std::to_string(it.desired) +
           " replicas run the current template";
  }

  Component job(const desired::Object& object, const Record* record) const {
    Component it{object.component, title(object), 0, 1};
    const bool succeeded = record && fact_is_true(*record, "succeeded");
    it.exists = record != nullptr;
    it.empty = true;
    if (succeeded || recorded_as_done(observed_, object)) {
      it.ready = 1;
      it.serving = it.current = true;
      return it;
    }
    const auto failures = jobs_.find(object.name());
    if (failures != jobs_.end()) {
      it.failed = true;
      it.message = failures->second.message + "; it is run again";
    } else if (record) {
      const std::string trouble = pod_trouble(object.component, object.name());
      it.message = it.object + (!trouble.empty()   ? ": " + trouble
                                : has_pod(*record) ? " is running"
                                                   : " has no pod" + ask("job", object.name()));
    } else {
      const Held* why = held(it.object);
      it.message = it.object + (why ? " " + why->reason : " is not there yet");
    }
    return it;
  }

  const Observed& observed_;
  const std::vector<Held>& held_;
  const std::set<std::string>& refused_;
  const std::map<std::string, JobFailures>& jobs_;
};

}  // namespace

std::vector<Component> take_stock(const desired::Objects* desired, const Observed& observed,
                                  const std::vector<Held>& held,
                                  const std::set<std::string>& refused,
                                  const std::map<std::string, JobFailures>& jobs) {
  const StockTaker taker(observed, held, refused, jobs);
  std::vector<Component> components;
  for (const std::string name : kOrder) {
    if (desired) {
      for (const auto& object : *desired) {
        const std::string kind = object.kind();
        if (object.component == name &&
            (kind == "Deployment" || kind == "StatefulSet" || kind == "Job"))
          components.push_back(taker.desired_component(object));
      }
      const bool of_job = name == desired::kMigration || name == desired::kBuckets;
      if (of_job && find_component(components, name) == nullptr)
        components.push_back(taker.job_without_data(name, *desired));
      continue;
    }
    for (const char* kind : {"StatefulSet", "Deployment"})
      for (const RecordPtr& record : observed.of_component(kind, name))
        if (record->controller_uid == observed.uid())
          components.push_back(taker.live_component(name, *record));
  }
  return components;
}

const Component* find_component(const std::vector<Component>& components, const std::string& name) {
  for (const Component& component : components)
    if (component.name == name) return &component;
  return nullptr;
}

std::vector<RecordPtr> outdated_pods(const Record& set, const Observed& observed) {
  const std::string revision = text_fact(set, "revision");
  std::vector<RecordPtr> outdated;
  if (revision.empty() || count(set, "observed") < set.generation) return outdated;
  for (const RecordPtr& pod : observed.of_kind("Pod")) {
    const auto label = pod->labels.find(kRevisionLabel);
    if (pod->controller_uid == set.uid && label != pod->labels.end() && label->second != revision)
      outdated.push_back(pod);
  }
  return outdated;
}

std::vector<Held> outdated_redis(const Observed& observed) {
  std::vector<Held> held;
  for (const RecordPtr& set : observed.of_component("StatefulSet", desired::kRedis)) {
    if (set->controller_uid != observed.uid()) continue;
    const std::size_t outdated = outdated_pods(*set, observed).size();
    if (outdated == 0) continue;
    held.push_back(
        {"StatefulSet " + set->key.name,
         std::to_string(outdated) + " pods run an earlier template until they are restarted",
         true});
  }
  return held;
}

}  // namespace reconcilers
