#include "reconcilers/gates.h"

#include <algorithm>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/redis_names.h"
#include "reconcilers/desired/stateful.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

using desired::Gate;
using k8s::Json;
using k8s::RecordPtr;

// The data of a StatefulSet's first pod: its claim, or the pod itself when it has no volume.
std::string identity_of(const crds::Storage& storage, const Observed& observed,
                        const std::string& component, const std::string& pod_name) {
  if (storage.existing_claim) return *storage.existing_claim;
  if (!storage.enabled) {
    const RecordPtr pod = observed.find("Pod", pod_name);
    return pod && !pod->deleting ? pod->uid : "";
  }
  const std::string name = desired::claim_of(pod_name);
  for (const RecordPtr& claim : observed.of_component("PersistentVolumeClaim", component))
    if (!claim->deleting && claim->key.name == name) return claim->uid;
  return "";
}

bool has_data(const Observed& observed, const std::string& component) {
  for (const RecordPtr& claim : observed.of_component("PersistentVolumeClaim", component))
    if (!observed.is_predecessors(*claim)) return true;
  return false;
}

// Of the StatefulSets that are ours to write.
std::map<std::string, Json> claim_templates(const Observed& observed) {
  std::map<std::string, Json> templates;
  for (const RecordPtr& set : observed.of_kind("StatefulSet")) {
    const bool ours = set->controller_uid.empty() || set->controller_uid == observed.uid();
    if (ours && !set->deleting && set->facts.contains("claims"))
      templates[set->key.name] = set->facts.at("claims");
  }
  return templates;
}

// A Service that is gone had an address that the hosts files of our pods still name.
std::string remembered_address(const Observed& observed, const std::string& host) {
  for (const char* kind : {"StatefulSet", "Deployment"}) {
    for (const RecordPtr& workload : observed.of_kind(kind)) {
      if (workload->controller_uid != observed.uid() || !workload->facts.contains("hosts"))
        continue;
      std::string address = workload->facts.at("hosts").value(host, "");
      if (!address.empty()) return address;
    }
  }
  return "";
}

void learn_redis_addresses(const crds::Resolved& resolved, const Observed& observed,
                           desired::Facts& facts) {
  for (const desired::RedisHost& it : desired::redis_hosts(resolved)) {
    const RecordPtr service = observed.find("Service", it.service);
    const std::string address =
        service ? text_fact(*service, "clusterIP") : remembered_address(observed, it.host);
    if (address.empty() || address == "None") continue;
    facts.redis_addresses[it.service] = address;
    if (!service) facts.redis_services_lost.insert(it.service);
  }
}

bool stateful_set_ready(const Observed& observed, const std::string& component) {
  for (const RecordPtr& set : observed.of_component("StatefulSet", component))
    if (set->controller_uid == observed.uid()) return count(*set, "replicas") > 0 && serving(*set);
  return false;
}

bool job_done(const Observed& observed, const desired::Objects& desired,
              const std::string& component) {
  const desired::Object* job = job_of(desired, component);
  if (job == nullptr) return false;
  const RecordPtr record = observed.find("Job", job->name());
  if (record && record->controller_uid == observed.uid() && fact_is_true(*record, "succeeded"))
    return true;
  return recorded_as_done(observed, *job);
}

// Somebody may have added containers of their own, before or after ours.
bool has_images_of(const k8s::Record& record, const desired::Object& workload) {
  const auto images = record.facts.value("images", crds::Json::object());
  const auto& pod_spec = workload.body.at("spec").at("template").at("spec");
  for (const char* list : {"initContainers", "containers"})
    for (const auto& container : pod_spec.value(list, crds::Json::array()))
      if (images.value(container.value("name", ""), "") != container.value("image", ""))
        return false;
  return true;
}

// The API speaks to workers through the queue: on another version they go first. A change that
// keeps the images needs no order.
bool workers_rolled(const Observed& observed, const desired::Objects& desired) {
  bool version_changes = false;
  bool rolled = true;
  for (const auto& object : desired) {
    if (object.kind() != "Deployment") continue;
    const RecordPtr record = observed.find("Deployment", object.name());
    const bool same = record && has_images_of(*record, object);
    if (object.component == desired::kApi)
      version_changes = record && !same;
    else if (object.component == desired::kWorker || object.component == desired::kHighMemory)
      rolled = rolled && same && rolled_out(*record);
  }
  return !version_changes || rolled;
}

}  // namespace

desired::Facts learn(const crds::Resolved& resolved, const Observed& observed,
                     std::optional<desired::Credentials> credentials) {
  desired::Facts facts;
  facts.credentials = std::move(credentials);
  learn_redis_addresses(resolved, observed, facts);
  facts.redis_bootstrap = !has_data(observed, desired::kRedis);
  facts.claim_templates = claim_templates(observed);
  facts.database_identity = identity_of(resolved.database.storage, observed, desired::kDatabase,
                                        resolved.name + "-postgres-0");
  facts.object_store_identity =
      identity_of(resolved.object_store.storage, observed, desired::kObjectStore,
                  resolved.name + "-objectstore-0");
  return facts;
}

Gates open_gates(const crds::Resolved& resolved, const desired::Facts& facts,
                 const Observed& observed, const desired::Objects& desired) {
  const std::map<Gate, bool> state = {
      {Gate::Credentials, facts.credentials.has_value()},
      {Gate::RedisAddresses, facts.redis_addresses.size() == desired::redis_hosts(resolved).size()},
      {Gate::DatabaseReady, stateful_set_ready(observed, desired::kDatabase)},
      {Gate::RedisReady, stateful_set_ready(observed, desired::kRedis)},
      {Gate::ObjectStoreReady, stateful_set_ready(observed, desired::kObjectStore)},
      {Gate::Migrated, job_done(observed, desired, desired::kMigration)},
      {Gate::BucketsReady, job_done(observed, desired, desired::kBuckets)},
      {Gate::WorkersRolled, workers_rolled(observed, desired)},
  };
  Gates open;
  for (const auto& [gate, is_open] : state)
    if (is_open) open.insert(gate);
  return open;
}

std::vector<Gate> shut_gates(const desired::Object& object, const Gates& open) {
  std::vector<Gate> shut;
  std::set_difference(object.gates.begin(), object.gates.end(), open.begin(), open.end(),
                      std::back_inserter(shut));
  return shut;
}

std::string job_hash(const std::string& job_name) {
  return job_name.substr(job_name.rfind('-') + 1);
}

const desired::Object* job_of(const desired::Objects& desired, const std::string& component) {
  for (const auto& object : desired)
    if (object.component == component && object.kind() == "Job") return &object;
  return nullptr;
}

bool recorded_as_done(const Observed& observed, const desired::Object& job) {
  const auto record = observed.status().find(job.component);
  return record != observed.status().end() && record->value("hash", "") == job_hash(job.name());
}

}  // namespace reconcilers
