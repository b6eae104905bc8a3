// What careless hands do to objects in the middle of a resource's life.
#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// As `kubectl delete --cascade=orphan` leaves them.
void orphan_children(Harness& it) {
  for (const auto& child : it.cluster.keys()) {
    if (child.kind == "EntityService" || child.kind == "Pod" || child.kind == "Event") continue;
    it.cluster.edit_as("garbage-collector", child,
                       [](Json& body) { body["metadata"].erase("ownerReferences"); });
  }
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
}

TEST(Mishap, OrphanedObjectsAreTakenBackJobsIncluded) {
  Harness it;
  it.start_ready(test_spec);
  const std::string job = it.named("Job", "demo-migrate");
  orphan_children(it);
  ASSERT_NE(it.find("Job", job), nullptr);
  it.create("demo", test_spec());
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(it.condition("FieldConflict"), "") << it.message("FieldConflict");
  const Json uid = it.find("EntityService", "demo")->at("metadata").at("uid");
  for (const auto& child : it.cluster.keys()) {
    if (child.kind == "EntityService" || child.kind == "Pod" || child.kind == "Event") continue;
    const Json& metadata = it.cluster.find(child)->at("metadata");
    if (!metadata.contains("ownerReferences")) {
      EXPECT_THAT(child.name, ::testing::AnyOf("demo-credentials", "demo-redis-state"));
      continue;
    }
    EXPECT_EQ(metadata.at("ownerReferences").at(0).at("uid"), uid) << child.text();
  }
}

TEST(Mishap, LabelOfAnObjectThatIsNeverWrittenAgainIsPutBackWithOneWrite) {
  Harness it;
  it.start_ready(minimal_spec);
  const std::string config = it.named("ConfigMap", "demo-env");
  it.cluster.edit_as("kubectl", key("ConfigMap", config), [](Json& body) {
    body["metadata"]["labels"].erase("entityservice.io/resource");
  });
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH ConfigMap/" + config + " 409",
                                       "PATCH ConfigMap/" + config + " 200"));
  EXPECT_EQ(
      it.find("ConfigMap", config)->at("metadata").at("labels").at("entityservice.io/resource"),
      "demo");
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Mishap, JobThatCannotStartIsMadeAnewAsTheCorrectedResourceAsks) {
  Harness it;
  it.start_ready(test_spec);
  it.controllers.held_jobs = {"demo-migrate"};
  it.edit_spec("demo", [](Json& spec) { spec["images"]["app"] = "example.org/app:next"; });
  it.settle();
  std::string job;
  for (const auto& found : it.cluster.keys("Job"))
    if (it.cluster.find(found)->dump().find("app:next") != std::string::npos) job = found.name;
  ASSERT_NE(job, "");
  const Json waiting = {{"name", "migrate"},
                        {"image", "example.org/app:next"},
                        {"state", {{"waiting", {{"reason", "ImagePullBackOff"}}}}}};
  const Json before = it.find("Job", job)->at("metadata").at("uid");
  it.edit_spec("demo", [](Json& spec) { spec["images"]["pullSecrets"] = Json::array({"mine"}); });
  it.cluster.set_status(key("Pod", job + "-pod"),
                        {{"phase", "Pending"}, {"containerStatuses", Json::array({waiting})}});
  it.sync();
  it.reconcile();
  EXPECT_EQ(it.find("Job", job), nullptr);
  it.controllers.held_jobs.clear();
  it.settle();
  ASSERT_NE(it.find("Job", job), nullptr);
  EXPECT_NE(it.find("Job", job)->at("metadata").at("uid"), before);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Mishap, JobThatRunsIsLeftAloneWhateverTheResourceAsksFor) {
  Harness it;
  it.controllers.held_jobs = {"demo-migrate"};
  it.create("demo", test_spec());
  it.settle();
  const std::string job = it.named("Job", "demo-migrate");
  const Json before = it.find("Job", job)->at("metadata").at("uid");
  it.edit_spec("demo", [](Json& spec) { spec["images"]["pullSecrets"] = Json::array({"mine"}); });
  it.settle();
  EXPECT_EQ(it.find("Job", job)->at("metadata").at("uid"), before);
}

TEST(Mishap, FailedJobIsRepeatedAtOnceWhenTheResourceWasCorrected) {
  Harness it;
  it.controllers.failing_jobs = {{"demo-migrate", 6}};
  it.create("demo", test_spec());
  it.settle();
  it.pass_time(400s);
  ASSERT_EQ(it.condition("MigrationsApplied"), "False JobFailed");
  it.controllers.failing_jobs.clear();
  it.edit_spec("demo", [](Json& spec) { spec["config"]["MIGRATION_HINT"] = "yes"; });
  it.settle();
  EXPECT_EQ(it.condition("MigrationsApplied"), "True Applied");
}

TEST(Mishap, VolumeClaimThatIsNotOursByLabelIsNamedAsWhatTheMigrationWaitsFor) {
  Harness it;
  it.cluster.create_as("restore",
                       {{"apiVersion", "v1"},
                        {"kind", "PersistentVolumeClaim"},
                        {"metadata", {{"name", "data-demo-postgres-0"}, {"namespace", kNs}}},
                        {"spec", Json::object()}});
  it.create("demo", test_spec());
  it.settle();
  EXPECT_EQ(it.condition("MigrationsApplied"), "False Waiting");
  EXPECT_THAT(it.message("MigrationsApplied"), HasSubstr("data-demo-postgres-0"));
  EXPECT_THAT(it.message("MigrationsApplied"), HasSubstr("entityservice.io/component=database"));
  EXPECT_THAT(it.message("Ready"), HasSubstr("data-demo-postgres-0"));
  it.cluster.edit_as("kubectl", key("PersistentVolumeClaim", "data-demo-postgres-0"),
                     [](Json& body) {
                       body["metadata"]["labels"] = {{"entityservice.io/resource", "demo"},
                                                     {"entityservice.io/component", "database"}};
                     });
  it.settle();
  EXPECT_EQ(it.condition("MigrationsApplied"), "True Applied");
}

TEST(Mishap, ResourceIsNotReadyWhileTheVolumeInUseIsBeingDeleted) {
  Harness it;
  it.start_ready(test_spec);
  it.cluster.begin_removal(key("PersistentVolumeClaim", "data-demo-postgres-0"));
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "False ComponentsNotReady");
  EXPECT_THAT(it.message("Ready"), HasSubstr("is being deleted while it is in use"));
  EXPECT_THAT(it.message("StorageReady"), HasSubstr("data-demo-postgres-0 is being deleted"));
  EXPECT_THAT(it.writes(), IsEmpty());
}

}  // namespace
}  // namespace reconcilers::test
