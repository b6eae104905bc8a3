#include "reconcilers/facts.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "k8s-client/record.h"
#include "reconcilers/kinds.h"
#include "reconcilers/pod_trouble.h"
#include "reconcilers/read_json.h"
#include "reconcilers/updates.h"

namespace reconcilers {
namespace {

Json images_of(const Json& pod_spec) {
  Json images = Json::object();
  for (const char* list : {"initContainers", "containers"})
    for (const Json& container : at(pod_spec, list))
      images[text_at(container, "name")] = text_at(container, "image");
  return images;
}

void put_configs(Json& facts, const Json& pod_spec) {
  const auto names = config_maps_of(pod_spec);
  if (!names.empty()) facts["configs"] = names;
}

Json hosts_of(const Json& pod_spec) {
  Json hosts = Json::object();
  for (const Json& alias : at(pod_spec, "hostAliases"))
    for (const Json& name : at(alias, "hostnames"))
      hosts[name.get<std::string>()] = text_at(alias, "ip");
  return hosts;
}

Json workload(const Json& object) {
  Json facts = {{"replicas", number_at(object, "spec/replicas", 1)},
                {"observed", number_at(object, "status/observedGeneration")},
                {"total", number_at(object, "status/replicas")},
                {"updated", number_at(object, "status/updatedReplicas")},
                {"ready", number_at(object, "status/readyReplicas")}};
  const Json& revision = at(object, "status/updateRevision");
  if (revision.is_string()) facts["revision"] = revision;
  const Json& pod_spec = at(object, "spec/template/spec");
  if (pod_spec.is_object()) {
    facts["images"] = images_of(pod_spec);
    if (pod_spec.contains("hostAliases")) facts["hosts"] = hosts_of(pod_spec);
    put_configs(facts, pod_spec);
  }
  for (const Json& condition : at(object, "status/conditions"))
    if (text_at(condition, "type") == "ReplicaFailure" && text_at(condition, "status") == "True")
      facts["failure"] = text_at(condition, "message");
  const Json& annotations = at(object, "spec/template/metadata/annotations");
  if (annotations.is_object() && annotations.contains(kSecretsAnnotation))
    facts["secrets"] = annotations.at(kSecretsAnnotation);
  const Json& claims = at(object, "spec/volumeClaimTemplates");
  if (claims.is_array()) facts["claims"] = claims;
  return facts;
}

Json volume_claim(const Json& object) {
  Json facts = Json::object();
  for (const auto& [fact, path] : {std::pair{"phase", "status/phase"},
                                   {"class", "spec/storageClassName"},
                                   {"requested", "spec/resources/requests/storage"},
                                   {"capacity", "status/capacity/storage"}}) {
    const Json& value = at(object, path);
    if (value.is_string()) facts[fact] = value;
  }
  for (const Json& condition : at(object, "status/conditions")) {
    const std::string type = text_at(condition, "type");
    if (text_at(condition, "status") != "True" || type.find("Resize") == std::string::npos)
      continue;
    facts["resize"] = type;
    facts["message"] = text_at(condition, "message");
  }
  return facts;
}

Json job(const Json& object, const Json& owned) {
  Json facts = {{"succeeded", false}, {"failed", false}};
  for (const Json& condition : at(object, "status/conditions")) {
    if (text_at(condition, "status") != "True") continue;
    const std::string type = text_at(condition, "type");
    if (type == "Complete") {
      facts["succeeded"] = true;
      facts["completed"] = text_at(object, "status/completionTime");
    }
    if (type == "Failed") {
      facts["failed"] = true;
      facts["message"] = text_at(condition, "message");
    }
  }
  put_configs(facts, at(object, "spec/template/spec"));
  facts["paths"] = leaf_paths(owned);
  return facts;
}

Json config_map(const Json& object, const Json& owned) {
  Json facts = {{"paths", leaf_paths(owned)}};
  const Json& bootstrap = at(object, "data/bootstrap");
  if (bootstrap.is_string()) facts["bootstrap"] = bootstrap;
  return facts;
}

// Has any program of it run? A pod whose image or volume is not there is waiting since it was made.
bool has_started(const Json& pod) {
  const std::string phase = text_at(pod, "status/phase");
  if (!phase.empty() && phase != "Pending") return true;
  for (const char* list : {"status/initContainerStatuses", "status/containerStatuses"})
    for (const Json& it : at(pod, list))
      if (at(it, "state/waiting").is_null() || number_at(it, "restartCount") > 0 ||
          !at(it, "lastState").empty())
        return true;
  return false;
}

Json pod(const Json& object) {
  const std::string phase = text_at(object, "status/phase");
  bool ready = false;
  for (const Json& condition : at(object, "status/conditions"))
    if (text_at(condition, "type") == "Ready") ready = text_at(condition, "status") == "True";
  Json facts = {{"ready", ready}, {"done", phase == "Succeeded" || phase == "Failed"}};
  if (!ready) {
    const PodTrouble trouble = pod_trouble(object);
    if (!trouble.reason.empty()) facts["reason"] = trouble.reason;
    if (!trouble.message.empty()) facts["message"] = trouble.message;
  }
  if (has_started(object)) facts["started"] = true;
  put_configs(facts, at(object, "spec"));
  return facts;
}

// Nobody's business are the other labels and annotations of people and tools, and the
// resourceVersion: a change of them must look like none.
Json entity_service(Json object) {
  const auto whole = object.find("metadata");
  if (whole == object.end() || !whole->is_object()) return object;
  Json metadata = Json::object();
  for (const char* read : {"name", "namespace", "uid", "generation"})
    if (whole->contains(read)) metadata[read] = std::move((*whole)[read]);
  const auto annotations = whole->find("annotations");
  if (annotations != whole->end() && annotations->is_object())
    for (const auto& [name, value] : annotations->items())
      if (is_read(name)) metadata["annotations"][name] = value;
  *whole = std::move(metadata);
  return object;
}

// Tells an object that another controller made, or that goes away with an earlier EntityService of
// the same name, from what is ours.
void put_owners(Json& facts, const Json& object) {
  for (const Json& owner : at(object, "metadata/ownerReferences")) {
    if (text_at(owner, "kind") == entity_services().kind) {
      // its data follows it into deletion
      if (!is_true_at(owner, "controller")) facts["follows"].push_back(text_at(owner, "uid"));
      continue;
    }
    if (!is_true_at(owner, "controller")) continue;
    facts["foreign_controller"] = text_at(owner, "kind") + " " + text_at(owner, "name");
  }
}

void collect_paths(const Json& value, const std::string& path, std::vector<std::string>& out) {
  if (path == "/spec/template") return;
  if (!value.is_object() || value.empty()) {
    out.push_back(path);
    return;
  }
  for (const auto& [key, member] : value.items()) collect_paths(member, path + "/" + key, out);
}

}  // namespace

bool is_read(const std::string& name) {
  return name.starts_with("entityservice.io/") || name == kRevisionLabel || name == kJobNameLabel ||
         name == kEnvironmentLabel;
}

Json facts_of(const std::string& kind, const Json& object, const Json& owned) {
  if (kind == entity_services().kind) return entity_service(object);
  if (kind == "Pod") return pod(object);
  Json facts = nullptr;
  if (kind == "Deployment" || kind == "StatefulSet") facts = workload(object);
  if (kind == "StatefulSet") facts["template"] = template_hash(owned);
  if (kind == "Job") facts = job(object, owned);
  if (kind == "PersistentVolumeClaim") facts = volume_claim(object);
  if (kind == "ConfigMap") facts = config_map(object, owned);
  if (kind == "Service" && at(object, "spec/clusterIP").is_string())
    facts = {{"clusterIP", at(object, "spec/clusterIP")}};
  put_owners(facts, object);
  return facts;
}

std::vector<std::string> config_maps_of(const Json& pod_spec) {
  std::set<std::string> names;
  const auto add = [&names](const Json& holder, std::string_view path) {
    const Json& name = at(holder, path);
    if (name.is_string()) names.insert(name.get<std::string>());
  };
  for (const Json& volume : at(pod_spec, "volumes")) {
    add(volume, "configMap/name");
    for (const Json& source : at(volume, "projected/sources")) add(source, "configMap/name");
  }
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : at(pod_spec, list)) {
      for (const Json& source : at(container, "envFrom")) add(source, "configMapRef/name");
      for (const Json& variable : at(container, "env"))
        add(variable, "valueFrom/configMapKeyRef/name");
    }
  }
  return {names.begin(), names.end()};
}

std::vector<std::string> leaf_paths(const Json& body) {
  std::vector<std::string> paths;
  for (const char* root : {"metadata/labels", "metadata/annotations", "data", "spec"}) {
    const Json& value = at(body, root);
    if (!value.is_null()) collect_paths(value, std::string("/") + root, paths);
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

}  // namespace reconcilers
