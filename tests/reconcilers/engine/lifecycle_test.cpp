#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(Lifecycle, RetainKeepsDataAndCredentialsForTheNextOfTheName) {
  Harness it;
  it.start_ready(production_spec);
  const auto claims = it.cluster.keys("PersistentVolumeClaim");
  ASSERT_FALSE(claims.empty());
  const Json secret = *it.find("Secret", "demo-credentials");
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  EXPECT_EQ(it.cluster.keys("PersistentVolumeClaim"), claims);
  EXPECT_THAT(it.cluster.keys("StatefulSet"), IsEmpty());
  it.create("demo", production_spec());
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(*it.find("Secret", "demo-credentials"), secret);
  EXPECT_EQ(it.find("ConfigMap", "demo-redis-state")->at("data").at("bootstrap"), "false");
}

TEST(Lifecycle, DeleteLeavesNothing) {
  Harness it;
  Json spec = production_spec();
  spec["deletionPolicy"] = "Delete";
  it.create("demo", spec);
  it.settle();
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  std::erase_if(it.cluster.seen, [](const Seen&) { return true; });
  for (const auto& left : it.cluster.keys()) EXPECT_EQ(left.kind, "Event") << left.text();
}

TEST(Lifecycle, RetainTakesBackWhatDeleteHadReleased) {
  Harness it;
  Json spec = production_spec();
  spec["deletionPolicy"] = "Delete";
  it.create("demo", spec);
  it.settle();
  const Json secret = it.find("Secret", "demo-credentials")->at("data");
  it.edit_spec("demo", [](Json& s) { s["deletionPolicy"] = "Retain"; });
  it.settle();
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  EXPECT_FALSE(it.cluster.keys("PersistentVolumeClaim").empty());
  ASSERT_NE(it.find("Secret", "demo-credentials"), nullptr);
  EXPECT_EQ(it.find("Secret", "demo-credentials")->at("data"), secret);
}

TEST(Lifecycle, LostCredentialsOfExistingDataAreNotInvented) {
  Harness it;
  it.start_ready(production_spec);
  it.cluster.remove(key("Secret", "demo-credentials"));
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_EQ(it.find("Secret", "demo-credentials"), nullptr);
  EXPECT_EQ(it.condition("Stalled"), "True CredentialsLost");
  EXPECT_THAT(it.message("Stalled"), HasSubstr("restore the Secret"));
}

TEST(Lifecycle, MissingCredentialsAreNamedWithTheirRemedyAndTheirReturnIsEnough) {
  Harness it;
  it.start_ready(production_spec);
  const Json was = it.find("Secret", "demo-credentials")->at("data").at("redis-password");
  const auto edit = [&](const std::function<void(Json&)>& change) {
    it.cluster.edit_as("kubectl-edit", key("Secret", "demo-credentials"),
                       [&](Json& body) { change(body["data"]); });
    it.settle();
  };
  edit([](Json& data) { data.erase("redis-password"); });
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_EQ(it.condition("Stalled"), "True CredentialsIncomplete");
  EXPECT_THAT(it.message("Stalled"), HasSubstr("lacks redis-password"));
  EXPECT_THAT(it.message("Stalled"), HasSubstr("kubectl -n lab patch secret demo-credentials"));
  edit([&](Json& data) { data["redis-password"] = was; });
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Lifecycle, RedisThatLostAllItsVolumesSaysHowToBeginWithNothing) {
  Harness it;
  it.start_ready(production_spec);
  it.controllers.idle = {"demo-redis"};
  it.settle();
  it.pass_time(15s);
  EXPECT_THAT(it.message("RedisReady"),
              HasSubstr("kubectl -n lab patch configmap demo-redis-state"));
  it.cluster.edit_as("kubectl-patch", key("ConfigMap", "demo-redis-state"),
                     [](Json& body) { body["data"]["bootstrap"] = "true"; });
  it.settle();
  it.pass_time(15s);
  EXPECT_EQ(it.find("ConfigMap", "demo-redis-state")->at("data").at("bootstrap"), "true");
  EXPECT_THAT(it.message("RedisReady"), Not(HasSubstr("kubectl")));
  it.controllers.idle.clear();
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(it.find("ConfigMap", "demo-redis-state")->at("data").at("bootstrap"), "false");
}

TEST(Lifecycle, InvalidSpecChangesNothingAndSaysEverythingThatIsWrong) {
  Harness it;
  it.start_ready(minimal_spec);
  it.edit_spec("demo", [](Json& spec) {
    spec["replicas"] = -1;
    spec["colour"] = "blue";
    spec["deletionPolicy"] = "Retain";
  });
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_EQ(it.condition("Stalled"), "True InvalidSpec");
  EXPECT_THAT(it.message("Stalled"), HasSubstr("deletionPolicy"));
  EXPECT_EQ(it.condition("ConfigurationValid"), "False InvalidSpec");
  EXPECT_THAT(it.message("ConfigurationValid"), HasSubstr("spec.replicas"));
  EXPECT_THAT(it.message("ConfigurationValid"), HasSubstr("spec.colour"));
  EXPECT_EQ(it.condition("Ready"), "True EarlierSpec");
  EXPECT_EQ(it.condition("MigrationsApplied"), "True Applied");
  it.edit_spec("demo", [](Json& spec) {
    spec["replicas"] = 2;
    spec.erase("colour");
  });
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Lifecycle, PausedResourceIsWatchedButNotWritten) {
  Harness it;
  it.start_ready(minimal_spec);
  it.edit_spec("demo", [](Json& spec) {
    spec["paused"] = true;
    spec["replicas"] = 5;
  });
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_THAT(it.message("Paused"), HasSubstr("Deployment demo-worker"));
  EXPECT_EQ(it.condition("Ready"), "False Paused");
  it.edit_spec("demo", [](Json& spec) { spec["paused"] = false; });
  it.settle();
  EXPECT_EQ(it.find("Deployment", "demo-worker")->at("spec").at("replicas"), 5);
  EXPECT_EQ(it.condition("Paused"), "");
}

TEST(Lifecycle, SuspendScalesEverythingToZeroAndBack) {
  Harness it;
  it.start_ready(production_spec);
  it.edit_spec("demo", [](Json& spec) { spec["suspend"] = true; });
  it.settle();
  EXPECT_THAT(it.cluster.keys("Pod"), ::testing::SizeIs(2)) << "those of the finished Jobs";
  EXPECT_EQ(it.condition("Ready"), "False Suspended");
  EXPECT_EQ(it.condition("Reconciling"), "False Settled");
  EXPECT_FALSE(it.cluster.keys("PersistentVolumeClaim").empty());
  it.edit_spec("demo", [](Json& spec) { spec["suspend"] = false; });
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Lifecycle, StandstillBeyondTheDeadlineIsStalledAlsoAfterARestartAndRecovers) {
  Harness it;
  Json spec = minimal_spec();
  spec["progressDeadlineSeconds"] = 60;
  it.controllers.never_ready = {"demo-postgres"};
  it.create("demo", spec);
  it.settle();
  it.pass_time(40s);
  EXPECT_EQ(it.condition("Stalled"), "False NotStalled");
  it.pass_time(15s);
  EXPECT_EQ(it.condition("Stalled"), "True ProgressDeadlineExceeded");
  EXPECT_THAT(it.message("Stalled"), HasSubstr("demo-postgres-0: ImagePullBackOff"));
  it.restart();
  it.forget_requests();
  it.settle();
  EXPECT_THAT(it.requests(), ElementsAre("GET Secret/demo-credentials 200"));
  it.controllers.never_ready.clear();
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(it.condition("Stalled"), "False NotStalled");
}

TEST(Lifecycle, SuspendedOrPausedResourceNeverMissesADeadline) {
  for (const char* rest : {"suspend", "paused"}) {
    Harness it;
    it.start_ready(minimal_spec);
    it.edit_spec("demo", [rest](Json& spec) {
      spec["progressDeadlineSeconds"] = 60;
      spec["replicas"] = 5;
      spec[rest] = true;
    });
    it.settle();
    it.pass_time(100s);
    it.cluster.edit_as("kubectl", key("Secret", "demo-credentials"),
                       [](Json& body) { body["metadata"]["labels"]["touched"] = "yes"; });
    it.settle();
    EXPECT_EQ(it.condition("Stalled"), "False NotStalled") << rest;
  }
}

TEST(Lifecycle, ScaleIsOneWriteAndSettles) {
  Harness it;
  it.start_ready(minimal_spec);
  it.edit_spec("demo", [](Json& spec) { spec["replicas"] = 20; });
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH Deployment/demo-worker 200"));
  EXPECT_EQ(it.status().at("replicas"), 20);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(WallClock, ThatJumpsCausesNoWrite) {
  Harness it;
  it.start_ready(test_spec);
  for (const int hours : {9000, -9000, 0}) {
    it.wall_clock_ahead = std::chrono::hours(hours);
    it.settle();
    it.pass_time(std::chrono::hours(1));
    EXPECT_THAT(it.requests(), ::testing::IsEmpty()) << hours;
  }
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(WallClock, ThatJumpsNeitherStallsAResourceNorHidesThatItStalls) {
  for (const int hours : {9000, -9000}) {
    Harness it;
    it.controllers.podless = {"demo-postgres"};
    it.create("demo", test_spec());
    it.settle();
    it.pass_time(std::chrono::seconds(60));
    it.wall_clock_ahead = std::chrono::hours(hours);
    it.pass_time(std::chrono::seconds(60));
    EXPECT_EQ(it.condition("Stalled"), "False NotStalled") << hours;
    it.pass_time(std::chrono::seconds(600));
    EXPECT_EQ(it.condition("Stalled"), "True ProgressDeadlineExceeded") << hours;
  }
}

}  // namespace
}  // namespace reconcilers::test
