// What database, Redis and object store record of the spec: whoever changes a template by the spec
// changes the record with it, or the change would wait for an approval; and what another version of
// the operator decides differently must not change it.
#include <gtest/gtest.h>

#include <algorithm>

#include "reconcilers/desired/stateful.h"
#include "tests/reconcilers/desired/sample.h"

namespace reconcilers::desired {
namespace {

const std::vector<std::string> kStores = {"demo-postgres", "demo-redis", "demo-objectstore"};

// Everything that may be said of these pods, each with another value than its default.
Json all_written() {
  return Json::parse(R"({
    "profile": "Test", "channel": "Develop", "version": "develop", "replicas": 5,
    "clusterDomain": "k8s.example",
    "images": {"registry": "mirror.example/hub", "pullPolicy": "IfNotPresent",
               "pullSecrets": ["regcred"], "app": "o.example/app:9", "nginx": "o.example/nginx:9",
               "postgres": "o.example/pg:9", "redis": "o.example/r:9", "objectStore": "o.example/s:9"},
    "config": {"MAX_ENCODING_SIZE": "512"},
    "pod": {"labels": {"tier": "all"}, "annotations": {"note": "all"}, "nodeSelector": {"disk": "fast"},
            "tolerations": [{"key": "spot"}], "affinity": {"nodeAffinity": {}},
            "topologySpreadConstraints": [{"maxSkew": 2, "topologyKey": "rack",
                                           "whenUnsatisfiable": "DoNotSchedule"}],
            "priorityClassName": "low", "dnsConfig": {"nameservers": ["10.0.0.53"]},
            "hostAliases": [{"ip": "10.0.0.9", "hostnames": ["store.example"]}],
            "securityContext": {"runAsUser": 2000}},
    "api": {"replicas": 3}, "workers": {"chunkSizeAim": 1000},
    "database": {"managed": {"storage": {"size": "9Gi", "className": "fast"},
      "resources": {"limits": {"memory": "2Gi"}}, "maxConnections": 250,
      "parameters": {"work_mem": "8MB"}, "terminationGracePeriodSeconds": 43,
      "pod": {"priorityClassName": "high"}}},
    "redis": {"mode": "Sentinel", "managed": {"replicas": 3, "storage": {"size": "3Gi"},
      "resources": {"limits": {"memory": "1Gi"}},
      "sentinelResources": {"limits": {"memory": "96Mi"}}, "terminationGracePeriodSeconds": 44,
      "pod": {"priorityClassName": "high"}}},
    "objectStore": {"managed": {"storage": {"existingClaim": "old"},
      "resources": {"limits": {"memory": "2Gi"}}, "terminationGracePeriodSeconds": 45,
      "pod": {"priorityClassName": "high"}}},
    "topology": {"zoneSpread": "Hard", "hostSpread": "None", "maxSkew": 3},
    "networkPolicy": {"enabled": false}, "deletionPolicy": "Retain", "updates": "OnRequest"
  })");
}

const Object& store(const Objects& objects, const std::string& name) {
  return find(objects, "StatefulSet", name);
}

std::string recorded(const Object& set, const char* annotation) {
  return set.body.at("metadata").at("annotations").value(annotation, "");
}

// `spec` without each of its values in turn, where that is valid.
std::vector<std::pair<std::string, Objects>> without_one_value(const Json& spec) {
  std::vector<std::pair<std::string, Objects>> all;
  const Json flat = spec.flatten();
  for (const auto& [path, unused] : flat.items()) {
    if (path == "/profile") continue;  // can never change
    Json less = spec;
    const Json::json_pointer pointer(path);
    Json& holder = less.at(pointer.parent_pointer());
    if (holder.is_array())
      holder.erase(std::stoul(pointer.back()));
    else
      holder.erase(pointer.back());
    try {
      all.emplace_back(path, build(resolved(less), known()));
    } catch (const std::invalid_argument&) {
      continue;
    }
  }
  return all;
}

TEST(Inputs, ChangeWithEveryValueOfTheSpecThatChangesATemplate) {
  const Objects before = build(resolved(all_written()), known());
  std::size_t changes = 0;
  for (const auto& [path, after] : without_one_value(all_written())) {
    for (const std::string& name : kStores) {
      if (template_of(store(before, name)) == template_of(store(after, name))) continue;
      ++changes;
      EXPECT_NE(recorded(store(before, name), kInputsAnnotation),
                recorded(store(after, name), kInputsAnnotation))
          << path << " changes the pods of " << name;
    }
  }
  EXPECT_GT(changes, 40U);
}

TEST(Inputs, StayWithWhatOtherComponentsAreToldAndWithTheVersion) {
  Json spec = {{"profile", "Production"}};
  const Objects before = build(resolved(spec), known());
  spec.update(Json::parse(R"({"replicas": 9, "version": "1.15.0", "config": {"A": "1"},
      "api": {"replicas": 4}, "workers": {"chunkSizeAim": 9}, "images": {"app": "a/b:1"},
      "suspend": true, "deletionPolicy": "Delete", "updates": "Automatic"})"));
  const Objects after = build(resolved(spec), known());
  for (const std::string& name : kStores)
    EXPECT_EQ(recorded(store(before, name), kInputsAnnotation),
              recorded(store(after, name), kInputsAnnotation));
}

TEST(Inputs, StayWithTheSizesOfVolumesHoweverTheyAreWritten) {
  const Objects before = build(of_profile("Production"), known());
  for (const char* storage : {R"({})", R"({"size": "900Gi"})"}) {
    const Json managed = {{"managed", {{"storage", Json::parse(storage)}}}};
    const Objects after = build(resolved({{"profile", "Production"},
                                          {"database", managed},
                                          {"redis", managed},
                                          {"objectStore", managed}}),
                                known());
    for (const std::string& name : kStores)
      EXPECT_EQ(recorded(store(before, name), kInputsAnnotation),
                recorded(store(after, name), kInputsAnnotation))
          << storage;
  }
}

TEST(Inputs, FollowTheClusterAsTheTemplateDoes) {
  const Objects before = build(of_profile("Production"), known());
  Facts facts = known();
  facts.redis_addresses["demo-redis-1"] = "10.96.0.99";
  facts.credentials->at("objectstore-root-secret-key") = "another";
  const Objects after = build(of_profile("Production"), facts);
  for (const std::string name : {"demo-redis", "demo-objectstore"}) {
    EXPECT_NE(recorded(store(before, name), kInputsAnnotation),
              recorded(store(after, name), kInputsAnnotation));
  }
  EXPECT_EQ(store(before, "demo-postgres").body, store(after, "demo-postgres").body);
}

TEST(Inputs, DoNotFollowWhatTheTemplateDoesNotName) {
  const Objects before = build(of_profile("Production"), known());
  Facts facts = known();
  facts.redis_addresses["demo-redis-sentinel"] = "10.96.0.99";
  const Objects after = build(of_profile("Production"), facts);
  EXPECT_EQ(store(before, "demo-redis").body, store(after, "demo-redis").body);
}

// It makes itself anew with them, so its pod is replaced.
TEST(Inputs, FollowThePasswordsOfADatabaseWithoutVolume) {
  Facts facts = known();
  facts.credentials->at("database-password") = "another";
  const Objects before = build(of_profile("Minimal"), known());
  const Objects after = build(of_profile("Minimal"), facts);
  for (const char* annotation : {kInputsAnnotation, kTemplateAnnotation})
    EXPECT_NE(recorded(store(before, "demo-postgres"), annotation),
              recorded(store(after, "demo-postgres"), annotation));
}

// An operator that decides other defaults resolves the same spec otherwise.
TEST(Inputs, StayWhereOnlyDefaultsDiffer) {
  const Resolved here = of_profile("Production");
  Resolved other = here;
  other.images.postgres = other.images.redis = other.images.object_store = "o.example/other:2";
  other.database.max_connections += 1;
  other.redis.grace_seconds += 1;
  other.object_store.resources["limits"]["memory"] = "5Gi";
  const Objects before = build(here, known()), after = build(other, known());
  for (const std::string& name : kStores) {
    EXPECT_EQ(recorded(store(before, name), kInputsAnnotation),
              recorded(store(after, name), kInputsAnnotation));
    EXPECT_NE(recorded(store(before, name), kTemplateAnnotation),
              recorded(store(after, name), kTemplateAnnotation));
  }
}

TEST(Inputs, NameTheApprovalOnlyWhenThereIsOne) {
  Resolved resource = of_profile("Production");
  EXPECT_EQ(recorded(store(build(resource, known()), "demo-redis"), kApprovalAnnotation), "");
  resource.updates_approved = "monday";
  for (const std::string& name : kStores)
    EXPECT_EQ(recorded(store(build(resource, known()), name), kApprovalAnnotation), "monday");
}

}  // namespace
}  // namespace reconcilers::desired
