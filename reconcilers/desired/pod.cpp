#include "reconcilers/desired/pod.h"

#include <algorithm>
#include <utility>

#include "crds/quantity.h"
#include "reconcilers/desired/metadata.h"

namespace reconcilers::desired {
namespace {

using Spread = crds::Topology::Spread;

// What a scheduler may count on; the limit is the size of the temporary space, which is mostly
// empty and would otherwise be reserved on the node for each pod.
constexpr const char* kEphemeralRequest = "256Mi";

// A quorum of three needs three hosts: fewer must not be filled up.
constexpr int kQuorumHosts = 3;

Json spread_constraint(const Resolved& resolved, const std::string& component,
                       const std::string& key, Spread spread) {
  return {{"topologyKey", key},
          {"maxSkew", resolved.topology.max_skew},
          {"whenUnsatisfiable", spread == Spread::Hard ? "DoNotSchedule" : "ScheduleAnyway"},
          {"labelSelector", {{"matchLabels", selector(resolved, component)}}}};
}

Json spread_constraints(const Resolved& resolved, const crds::PodOptions& options,
                        const PodParts& parts) {
  if (!options.topology_spread_constraints.empty()) return options.topology_spread_constraints;
  Json constraints = Json::array();
  const Spread host = parts.hard_host_spread ? Spread::Hard : resolved.topology.host;
  if (host != Spread::None) {
    Json constraint = spread_constraint(resolved, parts.component, "kubernetes.io/hostname", host);
    if (parts.hard_host_spread) {
      constraint["maxSkew"] = 1;
      constraint["minDomains"] = kQuorumHosts;
    }
    constraints.push_back(std::move(constraint));
  }
  if (resolved.topology.zone != Spread::None) {
    constraints.push_back(spread_constraint(resolved, parts.component,
                                            "topology.kubernetes.io/zone", resolved.topology.zone));
  }
  return constraints;
}

// The API server keeps one entry an address: the user's names for one of ours join it.
Json merged_host_aliases(Json merged, const Json& of_user) {
  for (const Json& alias : of_user) {
    const auto same = std::find_if(merged.begin(), merged.end(), [&](const Json& known) {
      return known.at("ip") == alias.at("ip");
    });
    if (same == merged.end()) {
      merged.push_back(alias);
      continue;
    }
    for (const Json& hostname : alias.at("hostnames")) (*same)["hostnames"].push_back(hostname);
  }
  return merged;
}

Json pod_security(const crds::PodOptions& options, const PodParts& parts) {
  Json context = {{"runAsNonRoot", true},
                  {"runAsUser", parts.user},
                  {"runAsGroup", parts.group},
                  {"fsGroup", parts.group},
                  {"fsGroupChangePolicy", "OnRootMismatch"},
                  {"seccompProfile", {{"type", "RuntimeDefault"}}}};
  if (options.security_context.is_object()) context.update(options.security_context);
  return context;
}

Json with_common_fields(Json containers, const Resolved& resolved, const PodParts& parts) {
  for (Json& container : containers) {
    if (!container.contains("securityContext")) container["securityContext"] = container_security();
    if (!resolved.images.pull_policy.empty()) {
      container["imagePullPolicy"] = resolved.images.pull_policy;
    }
    if (parts.restart_policy == "Never") {
      container["terminationMessagePolicy"] = "FallbackToLogsOnError";
    }
  }
  return containers;
}

void set_unless_empty(Json& target, const char* key, Json value) {
  if (!value.is_null() && !value.empty()) target[key] = std::move(value);
}

Json template_metadata(const Resolved& resolved, const crds::PodOptions& options,
                       const PodParts& parts) {
  Json all_labels = options.labels;
  all_labels.update(labels(resolved, parts.component));
  // A new version reaches the pods that run it by their image; others must not restart for it.
  all_labels.erase("app.kubernetes.io/version");
  Json annotations = options.annotations;
  annotations.update(Json(parts.annotations));
  Json metadata = {{"labels", std::move(all_labels)}};
  set_unless_empty(metadata, "annotations", std::move(annotations));
  return metadata;
}

}  // namespace

Json pod_template(const Resolved& resolved, const crds::PodOptions& options, PodParts parts) {
  Json spec = {{"serviceAccountName", resolved.name},
               {"automountServiceAccountToken", false},
               {"enableServiceLinks", false},
               {"terminationGracePeriodSeconds", parts.grace_seconds},
               {"securityContext", pod_security(options, parts)},
               {"containers", with_common_fields(std::move(parts.containers), resolved, parts)}};
  set_unless_empty(spec, "initContainers",
                   with_common_fields(std::move(parts.init_containers), resolved, parts));
  set_unless_empty(spec, "volumes", std::move(parts.volumes));
  set_unless_empty(spec, "hostAliases",
                   merged_host_aliases(std::move(parts.host_aliases), options.host_aliases));
  set_unless_empty(spec, "nodeSelector", options.node_selector);
  set_unless_empty(spec, "tolerations", options.tolerations);
  set_unless_empty(spec, "affinity", options.affinity);
  set_unless_empty(spec, "topologySpreadConstraints", spread_constraints(resolved, options, parts));
  set_unless_empty(spec, "dnsConfig", options.dns_config);
  Json pull_secrets = Json::array();
  for (const std::string& secret : resolved.images.pull_secrets) {
    pull_secrets.push_back({{"name", secret}});
  }
  set_unless_empty(spec, "imagePullSecrets", std::move(pull_secrets));
  if (!options.priority_class_name.empty()) spec["priorityClassName"] = options.priority_class_name;
  if (!parts.restart_policy.empty()) spec["restartPolicy"] = parts.restart_policy;
  return {{"metadata", template_metadata(resolved, options, parts)}, {"spec", std::move(spec)}};
}

Json container_security() {
  return {{"allowPrivilegeEscalation", false},
          {"readOnlyRootFilesystem", true},
          {"capabilities", {{"drop", Json::array({"ALL"})}}}};
}

Json with_ephemeral_storage(Json resources, const std::string& size) {
  constexpr const char* kKey = "ephemeral-storage";
  Json& limits = resources["limits"];
  if (!limits.contains(kKey)) limits[kKey] = size;
  Json& requests = resources["requests"];
  if (!requests.contains(kKey)) {
    const std::string limit = limits.at(kKey);
    const auto parsed = crds::Quantity::parse(limit);
    const bool small =
        parsed && parsed->value() < crds::Quantity::parse(kEphemeralRequest)->value();
    requests[kKey] = small ? limit : kEphemeralRequest;
  }
  return resources;
}

Json empty_dir(const std::string& name, const std::string& size_limit) {
  return {{"name", name}, {"emptyDir", {{"sizeLimit", size_limit}}}};
}

Json config_volume(const std::string& volume, const std::string& config_map, int mode) {
  return {{"name", volume}, {"configMap", {{"name", config_map}, {"defaultMode", mode}}}};
}

Json mount(const std::string& volume, const std::string& path, bool read_only,
           const std::string& sub_path) {
  Json result = {{"name", volume}, {"mountPath", path}};
  if (read_only) result["readOnly"] = true;
  if (!sub_path.empty()) result["subPath"] = sub_path;
  return result;
}

Json env(const std::string& name, const std::string& value) {
  Json variable = {{"name", name}};
  // The API server stores an empty value as none.
  if (!value.empty()) variable["value"] = value;
  return variable;
}

Json env_from_secret(const std::string& name, const std::string& secret, const std::string& key) {
  return {{"name", name}, {"valueFrom", {{"secretKeyRef", {{"name", secret}, {"key", key}}}}}};
}

}  // namespace reconcilers::desired
