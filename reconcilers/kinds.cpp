#include "reconcilers/kinds.h"

#include <stdexcept>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/facts.h"

namespace reconcilers {
namespace {

enum class Watch { Own, Labelled, LabelledMetadata, Everything };

struct Kind {
  k8s::Resource resource;
  Watch watch;
};

// A Secret's content never enters the cache. Namespaces tell that they are being deleted, before
// the API server has to refuse what we would create there, and which of them are for prereleases.
const std::vector<Kind>& table() {
  static const std::vector<Kind> kKinds = {
      {{"entityservice.io", "v1alpha1", "entityservices", "EntityService"}, Watch::Own},
      {{"apps", "v1", "deployments", "Deployment"}, Watch::Labelled},
      {{"apps", "v1", "statefulsets", "StatefulSet"}, Watch::Labelled},
      {{"batch", "v1", "jobs", "Job"}, Watch::Labelled},
      {{"", "v1", "services", "Service"}, Watch::Labelled},
      {{"", "v1", "configmaps", "ConfigMap"}, Watch::Labelled},
      {{"", "v1", "serviceaccounts", "ServiceAccount"}, Watch::Labelled},
      {{"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"}, Watch::Labelled},
      {{"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"}, Watch::Labelled},
      {{"", "v1", "secrets", "Secret"}, Watch::LabelledMetadata},
      {{"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"}, Watch::Labelled},
      {{"", "v1", "pods", "Pod"}, Watch::Labelled},
      {{"", "v1", "namespaces", "Namespace", false}, Watch::Everything},
  };
  return kKinds;
}

// A fifth of a pod, and of no interest to anybody here.
const k8s::Names& unread_of_pods() {
  static const k8s::Names kNames = {"affinity",       "args",          "command",
                                    "lifecycle",      "livenessProbe", "ports",
                                    "readinessProbe", "resources",     "securityContext",
                                    "startupProbe",   "tolerations",   "topologySpreadConstraints",
                                    "volumeMounts"};
  return kNames;
}

k8s::WatchSpec watch_spec(const Kind& kind, const std::string& ns,
                          const std::string& label_selector) {
  k8s::WatchSpec spec;
  spec.resource = kind.resource;
  spec.manager = kManager;
  spec.facts = [name = kind.resource.kind](const Json& object, const Json& owned) {
    return facts_of(name, object, owned);
  };
  spec.keeps = is_read;
  if (kind.resource.kind == "Pod") spec.unread = unread_of_pods();
  if (kind.watch == Watch::Everything) {
    if (!ns.empty()) spec.selector.fields = "metadata.name=" + ns;
    spec.metadata_only = true;
    spec.optional = true;
    return spec;
  }
  spec.ns = ns;
  spec.selector.labels = kind.watch == Watch::Own ? label_selector : desired::kResourceLabel;
  spec.metadata_only = kind.watch == Watch::LabelledMetadata;
  return spec;
}

}  // namespace

const k8s::Resource& entity_services() { return table().front().resource; }

const k8s::Resource& resource_of(const std::string& kind) {
  for (const Kind& entry : table())
    if (entry.resource.kind == kind) return entry.resource;
  throw std::out_of_range("no kind '" + kind + "' in the table of reconcilers/kinds.cpp");
}

std::vector<k8s::WatchSpec> watches(const std::string& ns, const std::string& label_selector) {
  std::vector<k8s::WatchSpec> specs;
  for (const Kind& kind : table()) specs.push_back(watch_spec(kind, ns, label_selector));
  return specs;
}

k8s::ObjectKey owner_key(const k8s::Record& record) {
  const std::string& kind = entity_services().kind;
  if (record.key.kind == kind) return record.key;
  const auto label = record.labels.find(desired::kResourceLabel);
  if (label == record.labels.end() || record.key.ns.empty()) return {kind, record.key.ns, ""};
  return {kind, record.key.ns, label->second};
}

k8s::Record record_of(const std::string& kind, Json object) {
  const k8s::Resource& resource = resource_of(kind);
  if (kind == "Secret") {  // as the watch sees it
    object.erase("data");
    object.erase("stringData");
  }
  return k8s::make_record(
      resource, object, kManager,
      [&kind](const Json& body, const Json& owned) { return facts_of(kind, body, owned); },
      is_read);
}

}  // namespace reconcilers
