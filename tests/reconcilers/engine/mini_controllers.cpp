#include "tests/reconcilers/engine/mini_controllers.h"

#include <functional>

namespace reconcilers::test {
namespace {

using Key = SmallCluster::Key;

Json ready_condition(bool ready) {
  return Json::array({{{"type", "Ready"}, {"status", ready ? "True" : "False"}}});
}

Json waiting_status(bool ran) {
  const Json waiting = {{"reason", "ImagePullBackOff"}, {"message", "Back-off pulling image"}};
  const Json container = {
      {"name", "main"}, {"image", "nowhere/none"}, {"state", {{"waiting", waiting}}}};
  return {{"phase", ran ? "Running" : "Pending"},
          {"conditions", ready_condition(false)},
          {"containerStatuses", Json::array({container})}};
}

Json running_status(bool ready) {
  return {{"phase", "Running"}, {"conditions", ready_condition(ready)}};
}

std::string revision_of(const Json& owner) {
  const std::size_t hash = std::hash<std::string>{}(owner.at("spec").at("template").dump());
  return std::to_string(hash % 100'000'000);
}

std::int64_t count(const Json& body, const char* pointer) {
  return body.value(Json::json_pointer(pointer), std::int64_t{0});
}

const std::string* starting(const std::set<std::string>& prefixes, const std::string& name) {
  for (const std::string& prefix : prefixes)
    if (name.rfind(prefix, 0) == 0) return &prefix;
  return nullptr;
}

}  // namespace

bool MiniControllers::step() {
  bool changed = false;
  for (const Key& key : cluster_.keys("Deployment")) changed |= deployment(key);
  for (const Key& key : cluster_.keys("StatefulSet")) changed |= stateful_set(key);
  for (const Key& key : cluster_.keys("Job")) changed |= job(key);
  for (const Key& key : cluster_.keys("PersistentVolumeClaim")) changed |= volume_claim(key);
  return changed;
}

bool MiniControllers::add_pod(const Key& owner, const std::string& name,
                              const std::string& revision) {
  const Key key{"Pod", owner.ns, name};
  const Json& body = *cluster_.find(owner);
  bool changed = false;
  if (cluster_.find(key) == nullptr) {
    Json labels = body.at("spec").at("template").at("metadata").at("labels");
    labels["controller-revision-hash"] = revision;
    if (owner.kind == "Job") labels["batch.kubernetes.io/job-name"] = owner.name;
    const Json reference = {{"apiVersion", "v1"},
                            {"kind", owner.kind},
                            {"name", owner.name},
                            {"uid", body.at("metadata").at("uid")},
                            {"controller", true}};
    cluster_.create_as("kube-controller-manager",
                       {{"apiVersion", "v1"},
                        {"kind", "Pod"},
                        {"metadata",
                         {{"name", name},
                          {"namespace", owner.ns},
                          {"labels", labels},
                          {"ownerReferences", Json::array({reference})}}},
                        {"spec", body.at("spec").at("template").at("spec")}});
    changed = true;
  }
  if (owner.kind == "Job") return changed;
  const bool ran = cluster_.find(key)->value("/status/phase"_json_pointer, "") == "Running";
  const bool runs = !never_ready.contains(owner.name);
  return set_status(key, runs ? running_status(ready(owner)) : waiting_status(ran)) || changed;
}

bool MiniControllers::remove_pods(const Key& owner, const std::set<std::string>& except) {
  bool changed = false;
  const Json& uid = cluster_.find(owner)->at("metadata").at("uid");
  for (const Key& key : cluster_.keys("Pod")) {
    const Json references = cluster_.find(key)->at("metadata").value("ownerReferences", Json());
    if (references.empty() || references.at(0).at("uid") != uid || except.contains(key.name))
      continue;
    cluster_.remove(key);
    changed = true;
  }
  return changed;
}

bool MiniControllers::set_status(const Key& key, Json status) {
  if (cluster_.find(key)->value("status", Json()) == status) return false;
  cluster_.set_status(key, std::move(status));
  return true;
}

bool MiniControllers::deployment(const Key& key) {
  const Json body = *cluster_.find(key);
  const std::int64_t replicas = body.at("spec").value("replicas", 1);
  const std::string revision = revision_of(body);
  std::set<std::string> pods;
  bool changed = false;
  if (!failure.empty() && count(body, "/status/replicas") < replicas) {
    Json status = body.value("status", Json::object());
    status["observedGeneration"] = body.at("metadata").at("generation");
    status["conditions"] =
        Json::array({{{"type", "ReplicaFailure"}, {"status", "True"}, {"message", failure}}});
    return set_status(key, std::move(status));
  }
  for (std::int64_t i = 0; i < replicas; ++i) {
    pods.insert(key.name + "-" + revision + "-" + std::to_string(i));
    changed |= add_pod(key, *pods.rbegin(), revision);
  }
  for (const std::string& pod : pods) changed |= add_pod(key, pod, revision);
  changed |= remove_pods(key, pods);
  return set_status(key, {{"observedGeneration", body.at("metadata").at("generation")},
                          {"replicas", replicas},
                          {"updatedReplicas", replicas},
                          {"readyReplicas", ready(key) ? replicas : 0}}) ||
         changed;
}

bool MiniControllers::add_claims(const Key& owner, const std::string& pod) {
  bool changed = false;
  const Json& spec = cluster_.find(owner)->at("spec");
  const Json templates = spec.value("volumeClaimTemplates", Json::array());
  const Json labels = spec.at("selector").at("matchLabels");
  for (const Json& claim : templates) {
    const std::string name = claim.at("metadata").at("name").get<std::string>() + "-" + pod;
    if (cluster_.find({"PersistentVolumeClaim", owner.ns, name}) != nullptr) continue;
    cluster_.create_as("kube-controller-manager",
                       {{"apiVersion", "v1"},
                        {"kind", "PersistentVolumeClaim"},
                        {"metadata", {{"name", name}, {"namespace", owner.ns}, {"labels", labels}}},
                        {"spec", claim.at("spec")}});
    changed = true;
  }
  return changed;
}

bool MiniControllers::volume_claim(const Key& key) {
  const Json& body = *cluster_.find(key);
  const Json status = body.value("status", Json::object());
  const std::string phase = status.value("phase", "");
  if (phase == "Lost") return false;
  if (unbound.contains(key.name)) return set_status(key, {{"phase", "Pending"}});
  if (phase == "Bound" && never_resized.contains(key.name)) return false;
  const Json::json_pointer request("/spec/resources/requests/storage");
  const Json capacity = {{"storage", body.value(request, Json("1Gi"))}};
  return set_status(key, {{"phase", "Bound"}, {"capacity", capacity}});
}

bool MiniControllers::stateful_set(const Key& key) {
  const Json body = *cluster_.find(key);
  const std::int64_t replicas =
      podless.contains(key.name) ? 0 : body.at("spec").value("replicas", 1);
  const std::string revision = revision_of(body);
  const bool on_delete = body.value("/spec/updateStrategy/type"_json_pointer, "") == "OnDelete";
  std::set<std::string> pods;
  bool changed = false;
  std::int64_t updated = 0;
  for (std::int64_t i = 0; i < replicas; ++i) {
    const std::string pod = key.name + "-" + std::to_string(i);
    pods.insert(pod);
    changed |= add_claims(key, pod);
    const Json* live = cluster_.find({"Pod", key.ns, pod});
    if (live != nullptr && !on_delete &&
        live->at("metadata").at("labels").at("controller-revision-hash") != revision)
      cluster_.remove({"Pod", key.ns, pod});
    changed |= add_pod(key, pod, revision);
    live = cluster_.find({"Pod", key.ns, pod});
    if (live->at("metadata").at("labels").at("controller-revision-hash") == revision) ++updated;
  }
  changed |= remove_pods(key, pods);
  return set_status(key, {{"observedGeneration", body.at("metadata").at("generation")},
                          {"replicas", replicas},
                          {"updatedReplicas", updated},
                          {"updateRevision", revision},
                          {"readyReplicas", ready(key) ? replicas : 0}}) ||
         changed;
}

bool MiniControllers::job(const Key& key) {
  if (cluster_.find(key)->contains("status")) return false;
  const std::string pod = key.name + "-pod";
  add_pod(key, pod, "none");
  if (starting(held_jobs, key.name) != nullptr)
    return set_status({"Pod", key.ns, pod}, running_status(true));
  for (auto& [prefix, left] : failing_jobs) {
    if (key.name.rfind(prefix, 0) != 0 || left-- <= 0) continue;
    const Json terminated = {{"reason", "Error"}, {"exitCode", 1}, {"message", failure_message}};
    const Json container = {{"name", "main"}, {"state", {{"terminated", terminated}}}};
    cluster_.set_status({"Pod", key.ns, pod}, {{"phase", "Failed"},
                                               {"conditions", ready_condition(false)},
                                               {"containerStatuses", Json::array({container})}});
    cluster_.set_status(key, {{"conditions", Json::array({{{"type", "Failed"},
                                                           {"status", "True"},
                                                           {"reason", "BackoffLimitExceeded"},
                                                           {"message", "backoff limit"}}})}});
    return true;
  }
  cluster_.set_status({"Pod", key.ns, pod}, {{"phase", "Succeeded"}});
  cluster_.set_status(key,
                      {{"completionTime", "2026-01-01T00:01:00Z"},
                       {"conditions", Json::array({{{"type", "Complete"}, {"status", "True"}}})}});
  return true;
}

}  // namespace reconcilers::test
