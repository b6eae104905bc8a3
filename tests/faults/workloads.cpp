#include "tests/faults/workloads.h"

#include "k8s-client/encoding.h"

namespace faults {
namespace {

using Pointer = Json::json_pointer;

constexpr const char* kManager = "kube-controller-manager";
constexpr const char* kRevision = "controller-revision-hash";

Json condition(const char* type, bool is_true = true) {
  return Json::array({Json{{"type", type}, {"status", is_true ? "True" : "False"}}});
}

std::string phase(const Json* object) {
  return object == nullptr ? "" : object->value(Pointer("/status/phase"), "");
}

bool leaving(const Json& object) { return object.at("metadata").contains("deletionTimestamp"); }

std::string revision_label(const Json& pod) {
  return pod.at("metadata").at("labels").value(kRevision, "");
}

const Json& owner_uid(const Json& object) {
  static const Json none;
  const auto owners = object.at("metadata").find("ownerReferences");
  return owners == object.at("metadata").end() ? none : owners->front().at("uid");
}

}  // namespace

std::string revision_of(const Json& workload) {
  return k8s::sha256_hex(workload.at("spec").at("template").dump()).substr(0, 8);
}

bool Workloads::step() {
  bool changed = false;
  const auto each = [&](const char* kind, bool (Workloads::*act)(const ObjectKey&)) {
    for (const ObjectKey& key : server_.keys(kind)) {
      const Json* object = server_.find(key);
      if (object != nullptr && !leaving(*object)) changed |= (this->*act)(key);
    }
  };
  // Counting comes before what is counted: the counters look one step later.
  each("Deployment", &Workloads::deployment);
  each("StatefulSet", &Workloads::stateful_set);
  each("Job", &Workloads::job);
  each("PersistentVolumeClaim", &Workloads::volume_claim);
  each("Pod", &Workloads::pod);
  return changed;
}

bool Workloads::set_status(const ObjectKey& key, const Json& status) {
  if (server_.find(key)->value("status", Json()) == status) return false;
  server_.edit_as({kManager, "status"}, key, [&](Json& body) { body["status"] = status; });
  return true;
}

bool Workloads::add_pod(const ObjectKey& owner, const std::string& name,
                        const std::string& revision) {
  const Json& body = *server_.find(owner);
  if (server_.find({"Pod", owner.ns, name}) != nullptr) return false;
  const Json& pod = body.at("spec").at("template");
  Json meta = {
      {"name", name}, {"namespace", owner.ns}, {"labels", pod.at("metadata").at("labels")}};
  meta["labels"][kRevision] = revision;
  if (owner.kind == "Job") meta["labels"]["batch.kubernetes.io/job-name"] = owner.name;
  meta["ownerReferences"] = Json::array({Json{{"apiVersion", body.at("apiVersion")},
                                              {"kind", owner.kind},
                                              {"name", owner.name},
                                              {"uid", body.at("metadata").at("uid")},
                                              {"controller", true}}});
  server_.create_as(
      kManager,
      {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", meta}, {"spec", pod.at("spec")}});
  return true;
}

bool Workloads::remove_surplus(const ObjectKey& owner, const std::string& revision,
                               std::int64_t replicas) {
  const Json uid = server_.find(owner)->at("metadata").at("uid");
  std::int64_t kept = 0;
  bool changed = false;
  for (const ObjectKey& key : server_.keys("Pod")) {
    const Json& pod = *server_.find(key);
    if (key.ns != owner.ns || owner_uid(pod) != uid) continue;
    if (revision_label(pod) == revision && kept++ < replicas) continue;
    server_.remove(key);
    changed = true;
  }
  return changed;
}

bool Workloads::deployment(const ObjectKey& key) {
  const Json body = *server_.find(key);
  const std::int64_t replicas = body.at("spec").value("replicas", 1);
  const std::string revision = revision_of(body);
  bool changed = remove_surplus(key, revision, replicas);
  std::int64_t ready = 0;
  for (std::int64_t i = 0; i < replicas; ++i) {
    const std::string pod = key.name + "-" + revision + "-" + std::to_string(i);
    changed |= add_pod(key, pod, revision);
    if (phase(server_.find({"Pod", key.ns, pod})) == "Running") ++ready;
  }
  return set_status(key, {{"observedGeneration", body.at("metadata").at("generation")},
                          {"replicas", replicas},
                          {"updatedReplicas", replicas},
                          {"readyReplicas", ready}}) ||
         changed;
}

bool Workloads::stateful_set(const ObjectKey& key) {
  const Json body = *server_.find(key);
  const std::int64_t replicas = body.at("spec").value("replicas", 1);
  const std::string revision = revision_of(body);
  const bool on_delete = body.value(Pointer("/spec/updateStrategy/type"), "") == "OnDelete";
  bool changed = false, rolling = false;
  std::int64_t ready = 0, updated = 0, total = 0;
  for (std::int64_t i = 0; i < replicas; ++i) {
    const std::string name = key.name + "-" + std::to_string(i);
    changed |= add_claims(key, name);
    const Json* pod = server_.find({"Pod", key.ns, name});
    if (pod != nullptr && revision_label(*pod) != revision && !on_delete && !rolling) {
      server_.remove({"Pod", key.ns, name});
      changed = rolling = true;
      continue;
    }
    changed |= add_pod(key, name, revision);
    pod = server_.find({"Pod", key.ns, name});
    ++total;
    if (revision_label(*pod) == revision) ++updated;
    if (phase(pod) == "Running") ++ready;
  }
  for (std::int64_t i = replicas; i < replicas + 10; ++i) {
    const ObjectKey surplus{"Pod", key.ns, key.name + "-" + std::to_string(i)};
    const Json* pod = server_.find(surplus);
    if (pod == nullptr || owner_uid(*pod) != body.at("metadata").at("uid")) break;
    server_.remove(surplus);
    changed = true;
  }
  return set_status(key, {{"observedGeneration", body.at("metadata").at("generation")},
                          {"replicas", total},
                          {"updatedReplicas", updated},
                          {"updateRevision", revision},
                          {"readyReplicas", ready}}) ||
         changed;
}

bool Workloads::add_claims(const ObjectKey& owner, const std::string& pod) {
  const Json spec = server_.find(owner)->at("spec");
  bool changed = false;
  for (const Json& claim : spec.value("volumeClaimTemplates", Json::array())) {
    const std::string name = claim.at("metadata").at("name").get<std::string>() + "-" + pod;
    if (server_.find({"PersistentVolumeClaim", owner.ns, name}) != nullptr) continue;
    const Json meta = {
        {"name", name}, {"namespace", owner.ns}, {"labels", spec.at("selector").at("matchLabels")}};
    server_.create_as(kManager, {{"apiVersion", "v1"},
                                 {"kind", "PersistentVolumeClaim"},
                                 {"metadata", meta},
                                 {"spec", claim.at("spec")}});
    changed = true;
  }
  return changed;
}

bool Workloads::volume_claim(const ObjectKey& key) {
  const Json capacity = server_.find(key)->at(Pointer("/spec/resources/requests"));
  return set_status(key, {{"phase", "Bound"}, {"capacity", capacity}});
}

bool Workloads::pod(const ObjectKey& key) {
  const Json& body = *server_.find(key);
  if (!phase(&body).empty() ||
      body.at("metadata").at("labels").contains("batch.kubernetes.io/job-name"))
    return false;
  const Json container = {{"name", "main"}, {"state", {{"running", Json::object()}}}};
  return set_status(key, {{"phase", "Running"},
                          {"conditions", condition("Ready")},
                          {"containerStatuses", Json::array({container})}});
}

bool Workloads::fails(const std::string& job) {
  for (auto& [prefix, left] : failing_jobs)
    if (job.starts_with(prefix) && left > 0) return left-- > 0;
  return false;
}

bool Workloads::job(const ObjectKey& key) {
  const Json& body = *server_.find(key);
  // Of this Job alone: the pod of an earlier one of its name may be there still.
  const auto uid = body.at("metadata").at("uid").get<std::string>();
  const ObjectKey pod{"Pod", key.ns, key.name + "-" + uid};
  if (body.contains(Pointer("/status/conditions"))) return false;
  if (add_pod(key, pod.name, "none")) return true;
  const std::string state = phase(server_.find(pod));
  if (state.empty()) {
    const bool failed = fails(key.name);
    const Json end = {{"reason", failed ? "Error" : "Completed"},
                      {"exitCode", failed ? 1 : 0},
                      {"message", failed ? "database is on fire" : ""}};
    const Json container = {{"name", "main"}, {"state", {{"terminated", end}}}};
    return set_status(pod, {{"phase", failed ? "Failed" : "Succeeded"},
                            {"conditions", condition("Ready", false)},
                            {"containerStatuses", Json::array({container})}});
  }
  Json status = {{"conditions", condition(state == "Failed" ? "Failed" : "Complete")}};
  if (state != "Failed") status["completionTime"] = "2026-01-01T00:01:00Z";
  return set_status(key, status);
}

}  // namespace faults
