#include "reconcilers/observe.h"

#include <algorithm>
#include <functional>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

constexpr const char* kKinds[] = {
    "Deployment",
    "StatefulSet",
    "Job",
    "Service",
    "ConfigMap",
    "ServiceAccount",
    "Secret",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "Pod",
    "PersistentVolumeClaim",
};

bool label_is(const k8s::Record& record, const std::string& label, const std::string& value) {
  const auto found = record.labels.find(label);
  return found != record.labels.end() && found->second == value;
}

void append(std::string& text, const k8s::Record& record) {
  text += record.key.kind + '/' + record.key.name + '|' + record.uid + '|' + record.owned + '|' +
          record.controller_uid + (record.deleting ? "|deleting|" : "|");
  for (const auto& uid : record.owner_uids) text += uid + ',';
  for (const auto& [name, value] : record.labels) text += name + '=' + value + ',';
  if (record.key.kind == "Secret") text += record.resource_version;
  if (record.key.kind == "Deployment" || record.key.kind == "StatefulSet")
    text += std::to_string(record.generation);
  text += record.facts.dump() + '\n';
}

}  // namespace

const k8s::Json& Observed::status() const {
  static const k8s::Json none = k8s::Json::object();
  const auto found = object().find("status");
  return found != object().end() && found->is_object() ? *found : none;
}

k8s::RecordPtr Observed::find(const std::string& kind, const std::string& name) const {
  const auto found = objects.find({kind, key.ns, name});
  return found == objects.end() ? nullptr : found->second;
}

std::vector<k8s::RecordPtr> Observed::of_kind(const std::string& kind) const {
  std::vector<k8s::RecordPtr> found;
  for (auto it = objects.lower_bound({kind, key.ns, ""});
       it != objects.end() && it->first.kind == kind; ++it)
    found.push_back(it->second);
  return found;
}

std::vector<k8s::RecordPtr> Observed::of_component(const std::string& kind,
                                                   const std::string& component) const {
  std::vector<k8s::RecordPtr> found = of_kind(kind);
  std::erase_if(found, [&component](const k8s::RecordPtr& record) {
    return !label_is(*record, desired::kComponentLabel, component);
  });
  return found;
}

bool Observed::is_predecessors(const k8s::Record& record) const {
  const auto followed = list_fact(record, "follows");
  return std::any_of(followed.begin(), followed.end(),
                     [this](const std::string& owner) { return owner != uid(); });
}

std::size_t Observed::fingerprint() const {
  const k8s::Json& body = object();
  std::string text = resource->uid + '|' + std::to_string(resource->generation) + '|' +
                     (namespace_deleting ? "ending" : "") + (prerelease_namespace ? "pre" : "") +
                     status().dump() + '\n';
  for (const char* read : {"/metadata/labels", "/metadata/annotations"}) {
    const k8s::Json::json_pointer path(read);
    if (body.contains(path)) text += body.at(path).dump();
  }
  for (const auto& [unused, record] : objects) append(text, *record);
  return std::hash<std::string>{}(text);
}

std::optional<Observed> observe(const k8s::Store& store, const k8s::ObjectKey& key) {
  Observed observed;
  observed.key = key;
  observed.resource = store.find(key);
  if (!observed.resource) return std::nullopt;
  if (const auto ns = store.find({"Namespace", "", key.ns})) {
    observed.namespace_deleting = ns->deleting;
    observed.prerelease_namespace = label_is(*ns, "environment", "staging");
  }
  for (const char* kind : kKinds)
    for (auto& record : store.labelled(kind, key.ns, desired::kResourceLabel, key.name))
      observed.objects.emplace(record->key, record);
  return observed;
}

}  // namespace reconcilers
