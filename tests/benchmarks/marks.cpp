#include "tests/benchmarks/marks.h"

#include <string>

namespace bench {
namespace {

using k8s::Json;

constexpr const char* kTime = "2026-01-01T00:00:00Z";

std::int64_t replicas_of(const Json& workload) {
  return workload.value("/spec/replicas"_json_pointer, std::int64_t{1});
}

Json true_condition(const char* type, const char* reason) {
  return {{"type", type},
          {"status", "True"},
          {"reason", reason},
          {"message", ""},
          {"lastTransitionTime", kTime}};
}

Json owned_by(const std::string& kind, const Json& owner) {
  return {{"apiVersion", kind == "Job" ? "batch/v1" : "apps/v1"},
          {"kind", kind},
          {"name", owner.at("metadata").at("name")},
          {"uid", owner.at("metadata").at("uid")},
          {"controller", true}};
}

Json pod_status(const std::string& kind, const Json& spec) {
  const bool ended = kind == "Job";
  Json status = {{"phase", ended ? "Succeeded" : "Running"}, {"startTime", kTime}};
  status["podIP"] = "10.0.0.1";
  for (const char* type : {"PodScheduled", "Initialized", "ContainersReady", "Ready"}) {
    Json condition = true_condition(type, "");
    if (ended && std::string(type).find("Ready") != std::string::npos) {
      condition["status"] = "False";
      condition["reason"] = "PodCompleted";
    }
    status["conditions"].push_back(std::move(condition));
  }
  for (const Json& container : spec.at("containers")) {
    const Json state = ended ? Json{{"terminated", {{"exitCode", 0}, {"reason", "Completed"}}}}
                             : Json{{"running", {{"startedAt", kTime}}}};
    status["containerStatuses"].push_back({{"name", container.at("name")},
                                           {"image", container.at("image")},
                                           {"imageID", "sha256:0"},
                                           {"ready", !ended},
                                           {"started", !ended},
                                           {"restartCount", 0},
                                           {"state", state}});
  }
  return status;
}

Json pod_of(const std::string& kind, const Json& workload, const std::string& suffix) {
  const Json& meta = workload.at("metadata");
  const Json& pod_template = workload.at("spec").at("template");
  const std::string name = meta.at("name").get<std::string>() + "-" + suffix;
  Json labels = pod_template.at("metadata").value("labels", Json::object());
  if (kind == "Job") {
    labels["batch.kubernetes.io/job-name"] = meta.at("name");
  } else if (kind == "StatefulSet") {
    labels["controller-revision-hash"] = "revision-1";
    labels["statefulset.kubernetes.io/pod-name"] = name;
  } else {
    labels["pod-template-hash"] = "5d8c7b9f66";
  }
  Json spec = pod_template.at("spec");
  for (const Json& claim : workload.at("spec").value("volumeClaimTemplates", Json::array())) {
    const std::string volume = claim.at("metadata").at("name");
    spec["volumes"].push_back(
        {{"name", volume}, {"persistentVolumeClaim", {{"claimName", volume + "-" + name}}}});
  }
  spec["nodeName"] = "node-0";
  const Json annotations = pod_template.at("metadata").value("annotations", Json::object());
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata",
           {{"name", name},
            {"namespace", meta.at("namespace")},
            {"labels", labels},
            {"annotations", annotations},
            {"ownerReferences", Json::array({owned_by(kind, workload)})}}},
          {"spec", spec},
          {"status", pod_status(kind, spec)}};
}

}  // namespace

const k8s::Resource& stateful_sets() {
  static const k8s::Resource it = {"apps", "v1", "statefulsets", "StatefulSet"};
  return it;
}
const k8s::Resource& deployments() {
  static const k8s::Resource it = {"apps", "v1", "deployments", "Deployment"};
  return it;
}
const k8s::Resource& jobs() {
  static const k8s::Resource it = {"batch", "v1", "jobs", "Job"};
  return it;
}
const k8s::Resource& claims() {
  static const k8s::Resource it = {"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"};
  return it;
}
const k8s::Resource& pods() {
  static const k8s::Resource it = {"", "v1", "pods", "Pod"};
  return it;
}
const std::vector<k8s::Resource>& plain_kinds() {
  static const std::vector<k8s::Resource> kinds = {
      {"", "v1", "services", "Service"},
      {"", "v1", "configmaps", "ConfigMap"},
      {"", "v1", "serviceaccounts", "ServiceAccount"},
      {"", "v1", "secrets", "Secret"},
      {"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"},
      {"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"}};
  return kinds;
}

bool is_ready(const std::string& kind, const Json& workload) {
  const Json status = workload.value("status", Json::object());
  if (kind == "Job") return status.value("succeeded", 0) > 0;
  return status.value("observedGeneration", std::int64_t{0}) >=
             workload.at("metadata").value("generation", std::int64_t{0}) &&
         status.value("readyReplicas", std::int64_t{0}) == replicas_of(workload);
}

Json ready_status(const std::string& kind, const Json& workload) {
  if (kind == "Job") {
    return {{"succeeded", 1},
            {"startTime", kTime},
            {"completionTime", kTime},
            {"uncountedTerminatedPods", Json::object()},
            {"conditions", Json::array({true_condition("SuccessCriteriaMet", "CompletionsReached"),
                                        true_condition("Complete", "CompletionsReached")})}};
  }
  const std::int64_t replicas = replicas_of(workload);
  Json status = {{"observedGeneration", workload.at("metadata").at("generation")},
                 {"replicas", replicas},
                 {"readyReplicas", replicas},
                 {"availableReplicas", replicas},
                 {"updatedReplicas", replicas}};
  if (kind == "StatefulSet") {
    status["currentReplicas"] = replicas;
    status["currentRevision"] = status["updateRevision"] = "revision-1";
  } else {
    status["conditions"] = Json::array({true_condition("Available", "MinimumReplicasAvailable"),
                                        true_condition("Progressing", "NewReplicaSetAvailable")});
  }
  return status;
}

std::vector<Json> claims_of(const Json& set) {
  std::vector<Json> made;
  const Json& meta = set.at("metadata");
  for (const Json& claim : set.at("spec").value("volumeClaimTemplates", Json::array())) {
    for (std::int64_t i = 0; i < replicas_of(set); ++i) {
      const std::string name = claim.at("metadata").at("name").get<std::string>() + "-" +
                               meta.at("name").get<std::string>() + "-" + std::to_string(i);
      Json labels = claim.at("metadata").value("labels", Json::object());
      labels.update(set.at("spec").at("selector").at("matchLabels"));
      const Json storage = claim.at("spec").at("resources").at("requests").at("storage");
      made.push_back(
          {{"apiVersion", "v1"},
           {"kind", "PersistentVolumeClaim"},
           {"metadata", {{"name", name}, {"namespace", meta.at("namespace")}, {"labels", labels}}},
           {"spec", claim.at("spec")},
           {"status",
            {{"phase", "Bound"},
             {"accessModes", claim.at("spec").at("accessModes")},
             {"capacity", {{"storage", storage}}}}}});
    }
  }
  return made;
}

std::vector<Json> pods_of(const std::string& kind, const Json& workload) {
  std::vector<Json> made;
  const std::int64_t count = kind == "Job" ? 1 : replicas_of(workload);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    made.push_back(
        pod_of(kind, workload, kind == "StatefulSet" ? number : "5d8c7b9f66-aaaa" + number));
  }
  return made;
}

}  // namespace bench
