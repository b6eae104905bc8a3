// Which pods restart for which change: those that read what changed, and no others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/desired/sample.h"

namespace reconcilers::desired {
namespace {

using Names = std::set<std::string>;

// Names of the Deployments and StatefulSets whose pod template differs.
Names rolled(const Objects& before, const Objects& after) {
  Names names;
  for (const Object& object : after) {
    if (object.kind() != "Deployment" && object.kind() != "StatefulSet") continue;
    if (template_of(object) != template_of(find(before, object.kind(), object.name()))) {
      names.insert(object.name());
    }
  }
  return names;
}

Names rolled_by(const Json& change) {
  const Json spec = {{"profile", "Production"}, {"version", "1.15.1"}};
  Json changed = spec;
  changed.merge_patch(change);
  return rolled(build(resolved(spec), known()), build(resolved(changed), known()));
}

Names rolled_by_secret(const std::string& key) {
  Facts changed = known();
  changed.credentials->at(key) = "another";
  const Resolved resource = of_profile("Production");
  return rolled(build(resource, known()), build(resource, changed));
}

const Names kApplication = {"demo-api", "demo-worker", "demo-worker-highmemory"};

TEST(Rolls, NothingForANumberOfReplicas) {
  EXPECT_EQ(rolled_by({{"replicas", 20}, {"api", {{"replicas", 5}}}}), Names());
}

TEST(Rolls, NothingForAGrownVolumeWhoseStatefulSetKeepsItsClaimTemplate) {
  Json spec = {{"profile", "Production"}};
  const Objects before = build(resolved(spec), known());
  for (const char* store : {"database", "redis", "objectStore"})
    spec[store]["managed"]["storage"]["size"] = "80Gi";
  Facts facts = known();
  for (const Object& object : before) {
    if (object.kind() == "StatefulSet")
      facts.claim_templates[object.name()] = object.body.at("spec").at("volumeClaimTemplates");
  }
  const Objects after = build(resolved(spec), facts);
  ASSERT_EQ(before.size(), after.size());
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(before[i].body, after[i].body);
}

TEST(Rolls, ANewStatefulSetHasTheSizeThatIsWritten) {
  Json spec = {{"profile", "Production"}};
  spec["redis"]["managed"]["storage"]["size"] = "80Gi";
  const Objects objects = build(resolved(spec), known());
  const Json& claims =
      find(objects, "StatefulSet", "demo-redis").body.at("spec").at("volumeClaimTemplates");
  EXPECT_EQ(claims.at(0).at("spec").at("resources").at("requests").at("storage"), "80Gi");
}

TEST(Rolls, NothingForPauseOrPolicies) {
  EXPECT_EQ(rolled_by({{"paused", true},
                       {"deletionPolicy", "Delete"},
                       {"networkPolicy", {{"enabled", false}}},
                       {"progressDeadlineSeconds", 900}}),
            Names());
}

TEST(Rolls, TheApplicationForItsVersion) {
  EXPECT_EQ(rolled_by({{"version", "1.15.0"}}), kApplication);
}

TEST(Rolls, TheApplicationForItsEnvironment) {
  EXPECT_EQ(rolled_by({{"config", {{"SOLVER_MAX_CANDIDATE_PAIRS", "1000"}}}}), kApplication);
}

TEST(Rolls, TheApplicationAndNeitherRedisNorTheMigrationForItsTuning) {
  EXPECT_EQ(rolled_by({{"tuning", "Upstream"}}), kApplication);
  const Objects operators = build(resolved({{"tuning", "Operator"}}), known());
  const Objects upstream = build(resolved({{"tuning", "Upstream"}}), known());
  EXPECT_EQ(find(operators, "Job", "demo-migrate").body,
            find(upstream, "Job", "demo-migrate").body);
}

TEST(Rolls, OnlyTheApiForItsProxy) {
  EXPECT_EQ(rolled_by({{"api", {{"proxy", {{"maxBodySize", "1g"}}}}}}), Names({"demo-api"}));
}

TEST(Rolls, OnlyTheWorkersForWhatOnlyTheyRead) {
  EXPECT_EQ(rolled_by({{"workers", {{"chunkSizeAim", 1000}}}}),
            Names({"demo-worker", "demo-worker-highmemory"}));
}

TEST(Rolls, OnlyThePoolWhoseConcurrencyChanges) {
  EXPECT_EQ(rolled_by({{"workers", {{"celery", {{"concurrency", 7}}}}}}), Names({"demo-worker"}));
  EXPECT_EQ(rolled_by({{"workers", {{"highMemory", {{"celery", {{"concurrency", 7}}}}}}}}),
            Names({"demo-worker-highmemory"}));
}

TEST(Rolls, OnlyTheApiForTheUploadersKeys) {
  EXPECT_THAT(rolled_by_secret("objectstore-upload-secret-key"),
              testing::Not(testing::AnyOf(testing::Contains("demo-worker"),
                                          testing::Contains("demo-postgres"))));
  EXPECT_THAT(rolled_by_secret("objectstore-upload-secret-key"), testing::Contains("demo-api"));
}

TEST(Rolls, EveryReaderOfARotatedPassword) {
  EXPECT_THAT(rolled_by_secret("redis-password"), testing::IsSupersetOf(kApplication));
  EXPECT_THAT(rolled_by_secret("database-password"), testing::IsSupersetOf(kApplication));
}

TEST(Rolls, NothingForASecretThatNobodyReadsAnyMore) {
  Facts changed = known();
  changed.credentials->emplace("left-over", "value");
  const Resolved resource = of_profile("Production");
  EXPECT_EQ(rolled(build(resource, known()), build(resource, changed)), Names());
}

TEST(Rolls, TheClientsOfSentinelForAnotherAddress) {
  Facts changed = known();
  changed.redis_addresses["demo-redis-1"] = "10.96.0.99";
  const Resolved resource = of_profile("Production");
  EXPECT_THAT(rolled(build(resource, known()), build(resource, changed)),
              testing::IsSupersetOf(kApplication));
}

TEST(Rolls, ATemplateNamesTheConfigurationThatIsBuiltWithIt) {
  const Objects objects = build(of_profile("Production"), known());
  Names configs;
  for (const Object& object : objects) {
    if (object.kind() == "ConfigMap") configs.insert(object.name());
  }
  for (const Object& object : objects) {
    const Json flat =
        template_of(object).is_null() ? Json::object() : template_of(object).flatten();
    for (const auto& [path, value] : flat.items()) {
      if (path.ends_with("/configMap/name") || path.ends_with("/configMapRef/name")) {
        EXPECT_TRUE(configs.contains(value)) << object.name() << path << " " << value;
      }
    }
  }
}

}  // namespace
}  // namespace reconcilers::desired
