#include "reconcilers/status.h"

#include "reconcilers/desired/metadata.h"
#include "reconcilers/gates.h"
#include "reconcilers/updates.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

using k8s::Json;

constexpr const char* kFields[] = {
    "observedGeneration", "conditions", "version",       "images", "replicas",
    "selector",           "components", "readyReplicas", "held",   "endpoints",
    "migration",          "buckets",    "triggers"};

std::string without_prefix(const std::string& annotation) {
  return annotation.substr(annotation.find('/') + 1);
}

Json component_list(const std::vector<Component>& components) {
  Json list = Json::array();
  for (const Component& it : components) {
    Json entry = {{"name", it.name}, {"ready", it.ready}, {"desired", it.desired}};
    if (!it.message.empty()) entry["message"] = it.message;
    list.push_back(std::move(entry));
  }
  return list;
}

Json held_list(const std::vector<Held>& held, const Json& old, const std::string& now) {
  Json list = Json::array();
  for (const Held& it : held) {
    std::string since = now;
    for (const Json& before : old.value("held", Json::array()))
      if (before.value("object", "") == it.object) since = before.value("since", now);
    list.push_back({{"object", it.object}, {"reason", it.reason}, {"since", since}});
  }
  return list;
}

std::string api_endpoint(const crds::Resolved& resolved) {
  const std::string host =
      "http://" + resolved.name + "-api." + resolved.ns + ".svc." + resolved.cluster_domain;
  const std::int64_t port = resolved.api.service.port;
  return port == 80 ? host : host + ":" + std::to_string(port);
}

// Only success is recorded, and kept until a later Job of the component has succeeded.
Json record_of_job(const desired::Objects& desired, const Observed& observed,
                   const std::string& component) {
  Json old = observed.status().value(component, Json(nullptr));
  const desired::Object* job = job_of(desired, component);
  if (job == nullptr || recorded_as_done(observed, *job)) return old;
  const k8s::RecordPtr record = observed.find("Job", job->name());
  if (!record || record->controller_uid != observed.uid() || !fact_is_true(*record, "succeeded"))
    return old;
  Json fresh = {{"hash", job_hash(job->name())}};
  const std::string completed = text_fact(*record, "completed");
  if (!completed.empty()) fresh["completed"] = completed;
  return fresh;
}

// What the scale subresource reads: pods that exist, and the selector that finds them.
void put_scale(Json& status, const Observed& observed, const std::vector<Component>& components) {
  const Component* workers = find_component(components, desired::kWorker);
  status["replicas"] = workers ? workers->total : 0;
  status["readyReplicas"] = workers ? workers->ready : 0;
  status["selector"] = std::string(desired::kComponentLabel) + "=" + desired::kWorker + "," +
                       desired::kResourceLabel + "=" + observed.key.name;
}

}  // namespace

Json status_fields(const crds::Resolved& resolved, const desired::Objects& desired,
                   const Observed& observed, const std::vector<Component>& components,
                   const std::vector<Held>& held, const std::string& now) {
  Json status = {{"observedGeneration", resolved.generation},
                 {"version", resolved.app_version},
                 {"images",
                  {{"app", resolved.images.app},
                   {"nginx", resolved.images.nginx},
                   {"postgres", resolved.images.postgres},
                   {"redis", resolved.images.redis},
                   {"objectStore", resolved.images.object_store}}},
                 {"components", component_list(components)},
                 {"endpoints", {{"api", api_endpoint(resolved)}}}};
  put_scale(status, observed, components);
  const std::string approval = acted_on_approval(resolved, desired, observed);
  if (!approval.empty()) status["triggers"] = {{without_prefix(crds::kApproveUpdates), approval}};
  if (!held.empty()) status["held"] = held_list(held, observed.status(), now);
  for (const std::string component : {desired::kMigration, desired::kBuckets}) {
    Json record = record_of_job(desired, observed, component);
    if (!record.is_object()) continue;
    const bool is_new = record != observed.status().value(component, Json(nullptr));
    if (is_new && component == desired::kMigration) record["version"] = resolved.app_version;
    status[component] = std::move(record);
  }
  return status;
}

Json kept_status_fields(const Observed& observed, const std::vector<Component>& components) {
  Json status = Json::object();
  for (const char* field :
       {"version", "images", "endpoints", "migration", "buckets", "held", "triggers"})
    if (observed.status().contains(field)) status[field] = observed.status().at(field);
  status["observedGeneration"] = observed.resource->generation;
  status["components"] = component_list(components);
  put_scale(status, observed, components);
  return status;
}

Json meaning(const Json& status) {
  Json told = Json::object();
  for (const char* field : kFields)
    if (status.contains(field)) told[field] = status.at(field);
  for (const auto& [list, time] :
       {std::pair{"conditions", "lastTransitionTime"}, std::pair{"held", "since"}}) {
    if (!told.contains(list) || !told.at(list).is_array()) continue;
    for (Json& entry : told.at(list))
      if (entry.is_object()) entry.erase(time);
  }
  return told;
}

}  // namespace reconcilers
