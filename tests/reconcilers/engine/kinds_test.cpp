#include "reconcilers/kinds.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace reconcilers {
namespace {

using k8s::Json;

k8s::WatchSpec watch_of(const std::string& kind) {
  const auto all = watches("", "");
  return *std::find_if(all.begin(), all.end(),
                       [&kind](const auto& spec) { return spec.resource.kind == kind; });
}

k8s::Record record(const k8s::WatchSpec& spec, const std::string& line) {
  const Json event = k8s::EventReader(spec.manager, spec.unread).read(line);
  return k8s::make_record(spec.resource, event.at("object"), spec.manager, spec.facts, spec.keeps);
}

Json container(const std::string& name) {
  Json it = Json::parse(R"({"image": "app:1",
    "envFrom": [{"configMapRef": {}}],
    "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"key": "a"}}}]})");
  it["name"] = name;
  it["envFrom"][0]["configMapRef"]["name"] = name + "-from";
  it["env"][0]["valueFrom"]["configMapKeyRef"]["name"] = name + "-key";
  return it;
}

Json pod(const Json& status) {
  Json it = Json::parse(R"({"kind": "Pod",
    "metadata": {"name": "p", "namespace": "n", "uid": "u", "resourceVersion": "7",
      "labels": {"entityservice.io/resource": "demo"}, "deletionTimestamp": "2026-01-01T00:00:00Z",
      "ownerReferences": [{"kind": "ReplicaSet", "name": "r", "uid": "o", "controller": true}]},
    "spec": {"volumes": [{"name": "a", "configMap": {"name": "volume"}},
      {"name": "b", "projected": {"sources": [{"configMap": {"name": "projected"}}]}}]}})");
  it["spec"]["initContainers"] = Json::array({container("init")});
  it["spec"]["containers"] = Json::array({container("app")});
  it["status"] = status;
  return it;
}

// Adds every member that is not read, where it is not there and the API may have one: in the pod,
// in its containers and their states.
Json with_all_members(Json whole, const k8s::Names& names) {
  const auto add = [&names](Json& to) {
    for (const std::string& name : names)
      if (!to.contains(name)) to[name] = {{"configMap", {{"name", "none"}}}};
  };
  add(whole["spec"]);
  for (const char* list : {"initContainers", "containers"}) add(whole["spec"][list][0]);
  if (whole["status"].contains("containerStatuses")) add(whole["status"]["containerStatuses"][0]);
  return whole;
}

std::string event(const Json& object) {
  return Json({{"type", "ADDED"}, {"object", object}}).dump();
}

TEST(Kinds, APodThatIsReadInPartHasTheRecordOfTheWholeOne) {
  const k8s::WatchSpec spec = watch_of("Pod");
  k8s::WatchSpec reads_all = spec;
  reads_all.unread.clear();
  ASSERT_FALSE(spec.unread.empty());
  for (const char* status :
       {R"({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": "app", "state": {"running": {}}, "restartCount": 0}]})",
        R"({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": "0/3 nodes"}]})",
        R"({"phase": "Running", "containerStatuses": [{"name": "app", "image": "app:1",
            "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"exitCode": 1, "message": "no database"}}}]})"}) {
    const std::string line = event(with_all_members(pod(Json::parse(status)), spec.unread));
    const k8s::Record part = record(spec, line), whole = record(reads_all, line);
    EXPECT_EQ(part.facts, whole.facts);
    EXPECT_EQ(part.facts.at("configs"),
              Json({"app-from", "app-key", "init-from", "init-key", "projected", "volume"}));
    EXPECT_EQ(part.labels, whole.labels);
    EXPECT_EQ(part.owned, whole.owned);
    EXPECT_EQ(part.controller_uid, "o");
    EXPECT_TRUE(part.deleting);
  }
}

TEST(Kinds, AllOfWhatIsOursIsRead) {
  for (const k8s::WatchSpec& spec : watches("", "")) {
    if (spec.resource.kind == "Pod") continue;
    EXPECT_TRUE(spec.unread.empty()) << spec.resource.kind;
  }
}

}  // namespace
}  // namespace reconcilers
