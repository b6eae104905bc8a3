#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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

// Those that go with the resource.
std::vector<std::string> following(const Harness& it) {
  std::vector<std::string> names;
  const std::string uid = it.find("EntityService", "demo")->at("metadata").at("uid");
  for (const char* kind : {"PersistentVolumeClaim", "Secret", "ConfigMap"})
    for (const auto& object : it.cluster.keys(kind)) {
      const Json& metadata = it.cluster.find(object)->at("metadata");
      for (const Json& owner : metadata.value("ownerReferences", Json::array()))
        if (owner.at("uid") == uid && !owner.value("controller", false))
          names.push_back(object.name);
    }
  return names;
}

TEST(Retention, ThatIsRefusedIsToldAndTheOtherVolumesAreRetained) {
  Harness it;
  it.start_ready(test_spec);
  ASSERT_THAT(following(it), Contains("demo-credentials"));
  it.cluster.failing["PATCH PersistentVolumeClaim/data-demo-postgres-0"] = 403;
  it.edit_spec("demo", [](Json& spec) { spec["deletionPolicy"] = "Retain"; });
  it.settle();
  it.pass_time(10s);
  EXPECT_EQ(it.condition("Stalled"), "True RequestRefused");
  EXPECT_THAT(it.message("Stalled"),
              HasSubstr("deletionPolicy of PersistentVolumeClaim data-demo-postgres-0"));
  EXPECT_THAT(following(it), ElementsAre("data-demo-postgres-0"));
  it.cluster.failing.clear();
  it.pass_time(10s);
  EXPECT_THAT(following(it), IsEmpty());
  EXPECT_EQ(it.condition("Stalled"), "False NotStalled");
}

TEST(Retention, VolumeThatCannotBeGivenUpKeepsThePasswordsAndTheRedisState) {
  Harness it;
  it.start_ready(production_spec);
  it.cluster.failing["PATCH PersistentVolumeClaim/data-demo-postgres-0"] = 403;
  it.edit_spec("demo", [](Json& spec) { spec["deletionPolicy"] = "Delete"; });
  it.settle();
  it.pass_time(10s);
  EXPECT_EQ(it.condition("Stalled"), "True RequestRefused");
  for (const char* other : {"data-demo-objectstore-0", "data-demo-redis-2"})
    EXPECT_THAT(following(it), Contains(other));
  EXPECT_THAT(following(it), Not(Contains("demo-credentials")));
  EXPECT_THAT(following(it), Not(Contains("demo-redis-state")));
  it.cluster.failing.clear();
  it.pass_time(10s);
  EXPECT_THAT(following(it), Contains("demo-credentials"));
  EXPECT_THAT(following(it), Contains("demo-redis-state"));
}

TEST(Retention, OfAPausedResourceIsToldAsNotWritten) {
  Harness it;
  it.start_ready(test_spec);
  const auto before = following(it);
  it.edit_spec("demo", [](Json& spec) {
    spec["deletionPolicy"] = "Retain";
    spec["paused"] = true;
  });
  it.settle();
  EXPECT_EQ(following(it), before);
  EXPECT_THAT(it.message("Paused"),
              HasSubstr("deletionPolicy of PersistentVolumeClaim data-demo-postgres-0"));
  it.edit_spec("demo", [](Json& spec) { spec["paused"] = false; });
  it.settle();
  EXPECT_THAT(following(it), IsEmpty());
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
