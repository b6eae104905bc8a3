#include "reconcilers/desired/stateful.h"

#include <utility>

#include "crds/quantity.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/pod.h"

namespace reconcilers::desired {
namespace {

// Logs, and the little that is written outside of volumes.
constexpr const char* kScratch = "128Mi";

// Read by its group alone, which is the pod's fsGroup.
constexpr int kSecretMode = 0440;

// In the form in which the API server stores it: the list is atomic, so what it fills in becomes
// part of what we own.
Json claim_template(const Resolved& resolved, const StatefulParts& parts) {
  const crds::Storage& storage = *parts.storage;
  Json spec = {{"accessModes", storage.access_modes},
               {"resources", {{"requests", {{"storage", storage.size}}}}},
               {"volumeMode", "Filesystem"}};
  if (storage.class_name) spec["storageClassName"] = *storage.class_name;
  // Without owner, so without `app.kubernetes.io/instance`: only the selector's labels.
  Json metadata = {{"name", kDataVolume}, {"labels", selector(resolved, parts.component)}};
  return {{"apiVersion", "v1"},
          {"kind", "PersistentVolumeClaim"},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)},
          {"status", {{"phase", "Pending"}}}};
}

Json provenance(const Resolved& resolved, const StatefulParts& parts) {
  Json annotations = {{kInputsAnnotation, hash8(parts.inputs.dump())},
                      {kTemplateAnnotation, hash8(parts.pod_template.dump())}};
  if (!resolved.updates_approved.empty()) {
    annotations[kApprovalAnnotation] = resolved.updates_approved;
  }
  return annotations;
}

}  // namespace

Object stateful_set(const Resolved& resolved, const Facts& facts, StatefulParts parts) {
  const crds::Storage& storage = *parts.storage;
  Json& volumes = parts.pod_template["spec"]["volumes"];
  Json spec = {
      {"serviceName", parts.service},
      {"replicas", parts.replicas},
      {"podManagementPolicy", "Parallel"},
      {"selector", {{"matchLabels", selector(resolved, parts.component)}}},
      {"persistentVolumeClaimRetentionPolicy",
       {{"whenDeleted", "Retain"}, {"whenScaled", "Retain"}}},
      {"updateStrategy", {{"type", parts.on_delete ? "OnDelete" : "RollingUpdate"}}},
  };
  if (!storage.enabled) {
    volumes.push_back(empty_dir(kDataVolume, storage.size));
  } else if (storage.existing_claim) {
    volumes.push_back({{"name", kDataVolume},
                       {"persistentVolumeClaim", {{"claimName", *storage.existing_claim}}}});
  } else {
    const auto live = facts.claim_templates.find(parts.name);
    spec["volumeClaimTemplates"] = live == facts.claim_templates.end()
                                       ? Json::array({claim_template(resolved, parts)})
                                       : live->second;
  }
  Json metadata = {{"annotations", provenance(resolved, parts)}};
  spec["template"] = std::move(parts.pod_template);
  Object set = object(resolved, parts.component, "apps/v1", "StatefulSet", parts.name,
                      {{"metadata", std::move(metadata)}, {"spec", std::move(spec)}});
  set.gates = std::move(parts.gates);
  return set;
}

Json stateful_resources(const Json& resources, const crds::Storage& storage) {
  return with_ephemeral_storage(resources, storage.enabled ? kScratch : storage.size);
}

Json memory_dir(const std::string& name, const std::string& size_limit) {
  return {{"name", name}, {"emptyDir", {{"medium", "Memory"}, {"sizeLimit", size_limit}}}};
}

Json credentials_volume(const Resolved& resolved, const std::string& volume,
                        const std::vector<std::string>& keys) {
  Json items = Json::array();
  for (const std::string& key : keys) items.push_back({{"key", key}, {"path", key}});
  Json secret = {{"secretName", resolved.name + "-credentials"},
                 {"defaultMode", kSecretMode},
                 {"items", std::move(items)}};
  return {{"name", volume}, {"secret", std::move(secret)}};
}

std::map<std::string, std::string> secrets_annotation(const Facts& facts,
                                                      const std::vector<std::string>& keys) {
  if (!facts.credentials) return {};
  return {{"entityservice.io/secrets", secret_hash(*facts.credentials, keys)}};
}

Json exec_probe(const std::vector<std::string>& command, const Timing& timing) {
  return {{"exec", {{"command", command}}},
          {"periodSeconds", timing.period_seconds},
          {"timeoutSeconds", timing.timeout_seconds},
          {"failureThreshold", timing.failures}};
}

Json http_probe(const std::string& path, const std::string& port, const Timing& timing) {
  return {{"httpGet", {{"path", path}, {"port", port}}},
          {"periodSeconds", timing.period_seconds},
          {"timeoutSeconds", timing.timeout_seconds},
          {"failureThreshold", timing.failures}};
}

Json container_port(const std::string& port_name, int port) {
  return {{"name", port_name}, {"containerPort", port}, {"protocol", "TCP"}};
}

Json service_port(const std::string& port_name, int port) {
  return {{"name", port_name}, {"port", port}, {"protocol", "TCP"}, {"targetPort", port_name}};
}

std::optional<std::int64_t> memory_share(const Json& resources, int percent) {
  const Json limits = resources.value("limits", Json::object());
  const auto limit = crds::Quantity::parse(limits.value("memory", std::string()));
  if (!limit) return std::nullopt;
  return limit->ceil() * percent / 100;
}

}  // namespace reconcilers::desired
