#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using ::testing::IsEmpty;

Json with_policy(Json spec, const char* policy) {
  spec["deletionPolicy"] = policy;
  return spec;
}

void replace_with(Harness& it, const Json& spec) {
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  it.create("demo", spec);
  it.settle();
}

TEST(Retention, WhatAnEarlierResourceRetainedOutlivesOneThatDoesNotUseIt) {
  Harness it;
  it.start_ready(production_spec);
  const auto claims = it.cluster.keys("PersistentVolumeClaim");
  ASSERT_FALSE(claims.empty());
  const Json secret = it.find("Secret", "demo-credentials")->at("data");
  replace_with(it, with_policy(minimal_spec(), "Delete"));
  ASSERT_EQ(it.condition("Ready"), "True Ready");
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  EXPECT_EQ(it.cluster.keys("PersistentVolumeClaim"), claims);
  ASSERT_NE(it.find("Secret", "demo-credentials"), nullptr) << "the data was made with it";
  EXPECT_EQ(it.find("Secret", "demo-credentials")->at("data"), secret);
  EXPECT_NE(it.find("ConfigMap", "demo-redis-state"), nullptr);
  EXPECT_THAT(it.cluster.keys("StatefulSet"), IsEmpty());
}

TEST(Retention, WhatAnEarlierResourceRetainedGoesWithOneThatUsesIt) {
  Harness it;
  it.start_ready(production_spec);
  replace_with(it, with_policy(production_spec(), "Delete"));
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  EXPECT_THAT(it.cluster.keys("PersistentVolumeClaim"), IsEmpty());
  EXPECT_EQ(it.find("Secret", "demo-credentials"), nullptr);
}

TEST(Retention, RetainedVolumesOfPodsThatTheNextResourceDoesNotHaveOutliveIt) {
  Harness it;
  it.start_ready(production_spec);
  replace_with(it, with_policy(test_spec(), "Delete"));
  ASSERT_EQ(it.condition("Ready"), "True Ready");
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  EXPECT_EQ(it.cluster.keys("PersistentVolumeClaim"),
            (std::vector{key("PersistentVolumeClaim", "data-demo-redis-1"),
                         key("PersistentVolumeClaim", "data-demo-redis-2")}));
  EXPECT_NE(it.find("Secret", "demo-credentials"), nullptr);
}

TEST(Retention, BroughtVolumeAndItsPasswordsOutliveTheResource) {
  Harness it;
  Json labels = {
      {"entityservice.io/resource", "demo"}};  // by a user who groups what belongs together
  it.cluster.create_as("kubectl",
                       {{"apiVersion", "v1"},
                        {"kind", "PersistentVolumeClaim"},
                        {"metadata", {{"name", "mine"}, {"namespace", kNs}, {"labels", labels}}},
                        {"spec", Json::object()}});
  it.create("demo", with_policy(test_spec(), "Delete"));
  it.edit_spec(
      "demo", [](Json& spec) { spec["database"]["managed"]["storage"]["existingClaim"] = "mine"; });
  it.settle();
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  EXPECT_EQ(it.cluster.keys("PersistentVolumeClaim"),
            std::vector{key("PersistentVolumeClaim", "mine")});
}

TEST(Retention, PasswordsOfABroughtVolumeAreNotInventedOnceItWasUsed) {
  Harness it;
  Json spec = test_spec();
  for (const char* store : {"database", "redis", "objectStore"})
    spec[store]["managed"]["storage"]["existingClaim"] = "mine";
  it.create("demo", with_policy(spec, "Delete"));
  it.settle();
  ASSERT_EQ(it.condition("Ready"), "True Ready");
  const Json secret = *it.find("Secret", "demo-credentials");
  EXPECT_FALSE(secret.at("metadata").contains("ownerReferences")) << "it outlives the resource";
  it.cluster.remove(key("Secret", "demo-credentials"));
  it.settle();
  EXPECT_EQ(it.find("Secret", "demo-credentials"), nullptr);
  EXPECT_EQ(it.condition("Stalled"), "True CredentialsLost");
}

TEST(Retention, DatabaseWithoutVolumeIsMadeAnewForNewPasswords) {
  Harness it;
  it.create("demo", minimal_spec());
  it.settle();
  const Json before = it.find("Pod", "demo-postgres-0")->at("metadata").at("uid");
  const std::string migration = it.named("Job", "demo-migrate");
  it.cluster.remove(key("Secret", "demo-credentials"));
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_NE(it.find("Pod", "demo-postgres-0")->at("metadata").at("uid"), before)
      << "it knows the former passwords only";
  EXPECT_NE(it.named("Job", "demo-migrate"), migration);
}

}  // namespace
}  // namespace reconcilers::test
