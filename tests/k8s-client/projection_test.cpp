#include <gtest/gtest.h>

#include "k8s-client/record.h"

namespace k8s {
namespace {

constexpr const char* kUs = "entityservice-operator";

Json managed(const Json& fields, const std::string& manager = kUs,
             const std::string& operation = "Apply", const std::string& subresource = "") {
  Json entry = {{"manager", manager},
                {"operation", operation},
                {"apiVersion", "apps/v1"},
                {"fieldsType", "FieldsV1"},
                {"fieldsV1", fields}};
  if (!subresource.empty()) entry["subresource"] = subresource;
  return entry;
}

Json with_fields(Json object, const std::vector<Json>& entries) {
  object["metadata"]["managedFields"] = entries;
  return object;
}

// As kube-apiserver stores it after an apply of `deployment_body`, shortened: defaults added, one
// sidecar and one annotation by others.
Json live_deployment() {
  const Json object = Json::parse(R"({
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "demo-api", "namespace": "apps", "uid": "u-1", "resourceVersion": "77",
      "generation": 3, "creationTimestamp": "2026-01-01T00:00:00Z",
      "labels": {"app.kubernetes.io/name": "demo", "team": "theirs"},
      "annotations": {"deployment.kubernetes.io/revision": "2"},
      "ownerReferences": [{"apiVersion": "entityservice.io/v1alpha1", "kind": "EntityService",
        "name": "demo", "uid": "o-1", "controller": true, "blockOwnerDeletion": true}]},
    "spec": {"replicas": 2, "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
      "selector": {"matchLabels": {"app": "demo"}},
      "template": {"metadata": {"labels": {"app": "demo"}, "creationTimestamp": null},
        "spec": {"restartPolicy": "Always", "containers": [
          {"name": "app", "image": "app:1", "command": ["gunicorn", "-b", "0.0.0.0"],
           "terminationMessagePath": "/dev/termination-log", "imagePullPolicy": "IfNotPresent",
           "env": [{"name": "B", "value": "2"}, {"name": "A", "value": "1"}],
           "ports": [{"containerPort": 8000, "protocol": "TCP", "name": "http"}],
           "resources": {"limits": {"cpu": "1"}}},
          {"name": "injected", "image": "mesh:1"}],
          "tolerations": [{"key": "b", "operator": "Exists"}, {"key": "a", "operator": "Exists"}],
          "volumes": [{"name": "tmp", "emptyDir": {}},
            {"name": "conf", "configMap": {"name": "demo-env", "defaultMode": 420}}]}}},
    "status": {"replicas": 2}})");
  const Json fields = Json::parse(R"({
    "f:metadata": {"f:labels": {"f:app.kubernetes.io/name": {}},
      "f:ownerReferences": {"k:{\"uid\":\"o-1\"}": {}}},
    "f:spec": {"f:replicas": {}, "f:selector": {},
      "f:template": {"f:metadata": {"f:labels": {"f:app": {}}},
        "f:spec": {"f:containers": {"k:{\"name\":\"app\"}": {".": {}, "f:name": {}, "f:image": {},
            "f:command": {},
            "f:env": {"k:{\"name\":\"A\"}": {".": {}, "f:name": {}, "f:value": {}},
                      "k:{\"name\":\"B\"}": {".": {}, "f:name": {}, "f:value": {}}},
            "f:ports": {"k:{\"containerPort\":8000,\"protocol\":\"TCP\"}": {".": {},
                "f:containerPort": {}, "f:name": {}}},
            "f:resources": {"f:limits": {"f:cpu": {}}}}},
          "f:tolerations": {},
          "f:volumes": {
            "k:{\"name\":\"tmp\"}": {".": {}, "f:name": {}, "f:emptyDir": {}},
            "k:{\"name\":\"conf\"}": {".": {}, "f:name": {}, "f:configMap": {"f:name": {}}}}}}}})");
  return with_fields(object, {managed(Json::parse(R"({"f:status": {"f:replicas": {}}})"),
                                      "kube-controller-manager", "Update", "status"),
                              managed(fields)});
}

Json deployment_body() {
  return Json::parse(R"({
    "apiVersion": "apps/v1", "kind": "Deployment",
    "metadata": {"name": "demo-api", "namespace": "apps",
      "labels": {"app.kubernetes.io/name": "demo"},
      "ownerReferences": [{"apiVersion": "entityservice.io/v1alpha1", "kind": "EntityService",
        "name": "demo", "uid": "o-1", "controller": true, "blockOwnerDeletion": true}]},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "demo"}},
      "template": {"metadata": {"labels": {"app": "demo"}},
        "spec": {"containers": [
          {"name": "app", "image": "app:1", "command": ["gunicorn", "-b", "0.0.0.0"],
           "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
           "ports": [{"containerPort": 8000, "name": "http"}],
           "resources": {"limits": {"cpu": "1"}}}],
          "tolerations": [{"key": "a", "operator": "Exists"}, {"key": "b", "operator": "Exists"}],
          "volumes": [{"name": "conf", "configMap": {"name": "demo-env"}},
            {"name": "tmp", "emptyDir": {}}]}}}})");
}

TEST(Projection, ADeploymentAsTheServerKeepsItIsInStepWithItsBody) {
  EXPECT_EQ(owned_hash(live_deployment(), kUs), desired_hash(deployment_body()));
}

TEST(Projection, HoldsExactlyWhatIsOurs) {
  Json expected = deployment_body();
  for (const char* field : {"apiVersion", "kind"}) expected.erase(field);
  for (const char* field : {"name", "namespace"}) expected["metadata"].erase(field);
  EXPECT_EQ(owned_projection(live_deployment(), kUs), expected);
}

TEST(Projection, NeitherOrderOfListsNorIdentityCounts) {
  Json permuted = deployment_body();
  auto& pod = permuted["spec"]["template"]["spec"];
  std::swap(pod["volumes"][0], pod["volumes"][1]);
  std::swap(pod["tolerations"][0], pod["tolerations"][1]);
  std::swap(pod["containers"][0]["env"][0], pod["containers"][0]["env"][1]);
  permuted["metadata"]["uid"] = "u-1";
  permuted["metadata"]["resourceVersion"] = "1";
  EXPECT_EQ(desired_hash(permuted), desired_hash(deployment_body()));
}

TEST(Projection, TheOrderOfArgumentsCounts) {
  Json other = deployment_body();
  auto& command = other["spec"]["template"]["spec"]["containers"][0]["command"];
  std::swap(command[1], command[2]);
  EXPECT_NE(desired_hash(other), desired_hash(deployment_body()));
}

TEST(Projection, ValuesThatOnlyLookAlikeAreToldApart) {
  const std::vector<Json> values = {
      nullptr,
      true,
      "true",
      1,
      "1",
      "",
      "a",
      "1:a",
      {{"a", "b"}},
      {{"a", {{"b", ""}}}},
      {{"ab", ""}},
      {{"a", nullptr}},
      Json::array(),
      Json::array({"a"}),
      Json::array({"a", ""}),
      Json::array({"", "a"}),
      Json::array({"a", Json::array()}),
      Json::array({Json::array({"a"})}),
      Json::array({{{"a", "b"}}, {{"c", "d"}}}),
      Json::array({{{"a", "b"}, {"c", "d"}}}),
  };
  std::map<std::string, Json> seen;
  for (const Json& value : values) {
    const auto [at, fresh] = seen.emplace(desired_hash({{"spec", {{"x", value}}}}), value);
    EXPECT_TRUE(fresh) << value << " and " << at->second;
  }
}

TEST(Projection, AFieldThatIsNullIsNone) {
  const Json template_of_ours = {{"metadata", {{"name", "data"}}}, {"spec", {{"size", "1Gi"}}}};
  Json stored = template_of_ours;
  stored["metadata"]["creationTimestamp"] = nullptr;
  const auto body = [](const Json& claim) {
    return Json{{"spec", {{"volumeClaimTemplates", Json::array({claim})}}}};
  };
  EXPECT_EQ(desired_hash(body(stored)), desired_hash(body(template_of_ours)));
  stored["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_NE(desired_hash(body(stored)), desired_hash(body(template_of_ours)));
}

TEST(Projection, ForeignAdditionsAreNoDrift) {
  Json live = live_deployment();
  const std::string before = owned_hash(live, kUs);
  live["metadata"]["labels"]["more"] = "theirs";
  live["metadata"]["resourceVersion"] = "99";
  live["spec"]["minReadySeconds"] = 5;
  live["spec"]["template"]["spec"]["containers"].push_back({{"name", "other"}});
  live["spec"]["template"]["spec"]["containers"][0]["env"].push_back({{"name", "C"}});
  live["status"]["replicas"] = 9;
  EXPECT_EQ(owned_hash(live, kUs), before);
}

TEST(Projection, EachChangeOrLossOfOursIsDrift) {
  const Json live = live_deployment();
  const std::string before = owned_hash(live, kUs);
  const std::string container = "/spec/template/spec/containers/0";
  for (const std::string& path :
       {std::string("/spec/replicas"), std::string("/metadata/labels/app.kubernetes.io~1name"),
        container + "/image", container + "/env/0/value", container + "/command/0",
        container + "/resources/limits/cpu", container + "/ports/0/name",
        std::string("/spec/template/spec/tolerations/0/key"),
        std::string("/spec/template/spec/volumes/1/configMap/name"),
        std::string("/metadata/ownerReferences/0/controller")}) {
    Json edited = live;
    edited[Json::json_pointer(path)] = "edited";
    EXPECT_NE(owned_hash(edited, kUs), before) << path;
  }
  Json lost = live;  // another manager took the image: the field leaves our entry
  lost["metadata"]["managedFields"][1]["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
      [R"(k:{"name":"app"})"]
          .erase("f:image");
  EXPECT_NE(owned_hash(lost, kUs), before);
  Json more = live;  // we own what the body no longer says: to be removed by an apply
  more["metadata"]["managedFields"][1]["fieldsV1"]["f:spec"]["f:revisionHistoryLimit"] =
      Json::object();
  EXPECT_NE(owned_hash(more, kUs), before);
}

TEST(Projection, AServiceIsMatchedByPortAndProtocolWhichItDefaults) {
  const Json live =
      with_fields(Json::parse(R"({"metadata": {"name": "s"}, "spec": {"clusterIP": "10.0.0.1",
        "sessionAffinity": "None", "type": "ClusterIP", "selector": {"app": "demo"},
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8851},
                  {"name": "http", "port": 80, "protocol": "UDP", "targetPort": 9}]}})"),
                  {managed(Json::parse(R"({"f:spec": {"f:selector": {},
        "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}":
          {".": {}, "f:name": {}, "f:port": {}, "f:targetPort": {}}}}})"))});
  EXPECT_EQ(owned_hash(live, kUs),
            desired_hash(Json::parse(R"({"apiVersion": "v1", "kind": "Service",
              "metadata": {"name": "s", "namespace": "n"}, "spec": {"selector": {"app": "demo"},
              "ports": [{"name": "http", "port": 80, "targetPort": 8851}]}})")));
}

TEST(Projection, ANetworkPolicyIsComparedByWholeLeaves) {
  const Json body = Json::parse(R"({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
    "metadata": {"name": "p", "namespace": "n"}, "spec": {"podSelector": {},
    "policyTypes": ["Ingress", "Egress"],
    "ingress": [{"from": [{"podSelector": {"matchLabels": {"b": "2"}}},
                          {"podSelector": {"matchLabels": {"a": "1"}}}]}]}})");
  const Json fields =
      Json::parse(R"({"f:spec": {"f:podSelector": {}, "f:policyTypes": {}, "f:ingress": {}}})");
  Json live = with_fields(body, {managed(fields)});
  EXPECT_EQ(owned_hash(live, kUs), desired_hash(body));
  live["spec"]["podSelector"] = {{"matchLabels", {{"x", "y"}}}};
  EXPECT_NE(owned_hash(live, kUs), desired_hash(body));
}

TEST(Projection, AConfigMapOwnsItsKeysOneByOne) {
  const Json live =
      with_fields(Json::parse(R"({"metadata": {"name": "c"}, "immutable": true,
                      "data": {"a.conf": "x", "theirs": "y"}})"),
                  {managed(Json::parse(R"({"f:data": {"f:a.conf": {}}, "f:immutable": {}})"))});
  EXPECT_EQ(owned_projection(live, kUs),
            Json::parse(R"({"data": {"a.conf": "x"}, "immutable": true})"));
}

TEST(Projection, SetsAreSortedAndIndexesFollowed) {
  const Json live = with_fields(
      Json::parse(R"({"metadata": {"finalizers": ["b", "theirs", "a"]}, "x": ["p", "q"]})"),
      {managed(Json::parse(R"({"f:metadata": {"f:finalizers": {"v:\"b\"": {}, "v:\"a\"": {}}},
                               "f:x": {"i:1": {}, "i:7": {}}})"))});
  EXPECT_EQ(owned_projection(live, kUs),
            Json::parse(R"({"metadata": {"finalizers": ["a", "b"]}, "x": ["q"]})"));
}

TEST(Projection, OnlyOurApplyEntryOfTheMainResourceCounts) {
  const Json object = Json::parse(R"({"metadata": {"name": "x"}, "spec": {"replicas": 1}})");
  const Json fields = Json::parse(R"({"f:spec": {"f:replicas": {}}})");
  const std::vector<Json> others = {managed(fields, "kubectl"), managed(fields, kUs, "Update"),
                                    managed(fields, kUs, "Apply", "scale")};
  for (const Json& entry : others) {
    EXPECT_EQ(owned_projection(with_fields(object, {entry}), kUs), Json(nullptr)) << entry;
    EXPECT_EQ(owned_hash(with_fields(object, {entry}), kUs), "");
  }
  EXPECT_EQ(owned_projection(object, kUs), Json(nullptr));
  EXPECT_EQ(owned_projection(with_fields(object, {others[0], others[1], managed(fields)}), kUs),
            Json::parse(R"({"spec": {"replicas": 1}})"));
}

TEST(Projection, EntriesOfAnOddShapeAreNotOurs) {
  const Json object = Json::parse(R"({"metadata": {"name": "x"}, "spec": {"replicas": 1}})");
  const Json ours = managed(Json::parse(R"({"f:spec": {"f:replicas": {}}})"));
  for (const char* field : {"manager", "operation"}) {
    Json odd = ours;
    odd[field] = 7;
    EXPECT_EQ(owned_projection(with_fields(object, {odd}), kUs), Json(nullptr)) << odd;
    EXPECT_NE(owned_projection(with_fields(object, {odd, ours}), kUs), Json(nullptr)) << odd;
  }
}

TEST(Record, KeepsIdentityOwnersLabelsAndChosenFacts) {
  Json live = live_deployment();
  live["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] = "{…}";
  live["metadata"]["ownerReferences"].push_back({{"uid", "o-2"}, {"controller", false}});
  const Resource resource{"apps", "v1", "deployments", "Deployment"};
  const Record record = make_record(
      resource, live, kUs, [](const Json& object, const Json&) { return object["status"]; });
  EXPECT_EQ(record.key, (ObjectKey{"Deployment", "apps", "demo-api"}));
  EXPECT_EQ(record.uid, "u-1");
  EXPECT_EQ(record.resource_version, "77");
  EXPECT_EQ(record.generation, 3);
  EXPECT_FALSE(record.deleting);
  EXPECT_EQ(record.controller_uid, "o-1");
  EXPECT_EQ(record.owner_uids, (std::vector<std::string>{"o-1", "o-2"}));
  EXPECT_EQ(record.labels.at("team"), "theirs");
  EXPECT_EQ(record.annotations,
            (std::map<std::string, std::string>{{"deployment.kubernetes.io/revision", "2"}}));
  EXPECT_EQ(record.facts, Json::parse(R"({"replicas": 2})"));
  live["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(make_record(resource, live, kUs, {}).deleting);
}

TEST(Record, ChoosesFactsAlsoFromWhatIsOurs) {
  const Json live = live_deployment();
  const auto ours = [](const Json&, const Json& owned) { return owned; };
  const Resource resource{"apps", "v1", "deployments", "Deployment"};
  EXPECT_EQ(make_record(resource, live, kUs, ours).facts, owned_part(live, kUs));
  EXPECT_EQ(make_record(resource, live, "nobody", ours).facts, Json(nullptr));
}

TEST(Record, DropsLabelsAndAnnotationsThatNobodyReads) {
  const auto keeps = [](const std::string& name) { return name == "team"; };
  const Resource resource{"apps", "v1", "deployments", "Deployment"};
  const Record record = make_record(resource, live_deployment(), kUs, {}, keeps);
  EXPECT_EQ(record.labels, (std::map<std::string, std::string>{{"team", "theirs"}}));
  EXPECT_TRUE(record.annotations.empty());
}

}  // namespace
}  // namespace k8s
