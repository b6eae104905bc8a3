// Growing volumes: spec against claim.
#include "reconcilers/kinds.h"
#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kClaim = "data-demo-postgres-0";
const Json::json_pointer kRequest("/spec/resources/requests/storage");
const Json::json_pointer kTemplate("/spec/volumeClaimTemplates/0/spec/resources/requests/storage");

class Volumes : public ::testing::Test {
 protected:
  Volumes() { it.start_ready(production_spec); }

  void grow(const std::string& store, const std::string& size) {
    it.edit_spec("demo", [&](Json& spec) { spec[store]["managed"]["storage"]["size"] = size; });
  }
  std::string request(const std::string& claim) const {
    return it.find("PersistentVolumeClaim", claim)->at(kRequest);
  }
  void set_request(const std::string& claim, const std::string& size) {
    it.cluster.edit_as("kubectl-edit", key("PersistentVolumeClaim", claim),
                       [&](Json& body) { body.at(kRequest) = size; });
  }
  std::size_t looks_at_classes() const {
    return it.count([](const Seen& seen) { return seen.kind == "StorageClass"; });
  }

  Harness it;
};

TEST_F(Volumes, AGrownSizeIsOneWriteAClaimAndTheTemplateStays) {
  const Json set = *it.find("StatefulSet", "demo-redis");
  grow("redis", "20Gi");
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH PersistentVolumeClaim/data-demo-redis-0 200",
                                       "PATCH PersistentVolumeClaim/data-demo-redis-1 200",
                                       "PATCH PersistentVolumeClaim/data-demo-redis-2 200"));
  EXPECT_EQ(looks_at_classes(), 1U);
  for (const char* claim : {"data-demo-redis-0", "data-demo-redis-1", "data-demo-redis-2"})
    EXPECT_EQ(request(claim), "20Gi");
  EXPECT_EQ(*it.find("StatefulSet", "demo-redis"), set);
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
  EXPECT_THAT(it.message("StorageReady"), HasSubstr("data-demo-redis-2 has 20Gi"));
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(it.condition("Stalled"), "False NotStalled");
}

TEST_F(Volumes, GrowthIsWrittenByAManagerOfItsOwnAndOwnsNothingElse) {
  grow("database", "20Gi");
  it.settle();
  const Json& claim = *it.find("PersistentVolumeClaim", kClaim);
  const Json* entry = nullptr;
  for (const Json& each : claim.at("metadata").at("managedFields"))
    if (each.at("manager") == kVolumesManager) entry = &each;
  ASSERT_NE(entry, nullptr);
  Json fields;
  fields["f:spec"]["f:resources"]["f:requests"]["f:storage"] = Json::object();
  EXPECT_EQ(entry->at("fieldsV1"), fields);
}

TEST_F(Volumes, InStepThereIsNoRequestAlsoAfterARestart) {
  grow("database", "20Gi");
  it.settle();
  it.restart();
  it.forget_requests();
  it.settle();
  EXPECT_THAT(it.requests(), ElementsAre("GET Secret/demo-credentials 200"));
}

TEST_F(Volumes, ALargerRequestOfSomebodyElseIsNeverLowered) {
  set_request(kClaim, "30Gi");
  grow("database", "20Gi");
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_EQ(request(kClaim), "30Gi");
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST_F(Volumes, ARequestThatSomebodyRaisesAtTheSameMomentIsNotLowered) {
  bool raised = false;
  it.cluster.before_write = [&](const Seen& seen) {
    if (seen.kind != "PersistentVolumeClaim" || std::exchange(raised, true)) return;
    set_request(kClaim, "50Gi");
  };
  grow("database", "20Gi");
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH PersistentVolumeClaim/" + kClaim + " 409"));
  EXPECT_EQ(request(kClaim), "50Gi");
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST_F(Volumes, AClaimMadeLaterFromTheOldTemplateGrowsToo) {
  grow("redis", "20Gi");
  it.settle();
  it.forget_requests();
  it.cluster.remove(key("PersistentVolumeClaim", "data-demo-redis-2"));
  it.settle();
  EXPECT_EQ(it.find("StatefulSet", "demo-redis")->at(kTemplate), "10Gi");
  EXPECT_EQ(request("data-demo-redis-2"), "20Gi");
  EXPECT_THAT(it.writes(), ElementsAre("PATCH PersistentVolumeClaim/data-demo-redis-2 200"));
}

TEST_F(Volumes, AStatefulSetThatIsMadeAnewTakesTheNewSizeIntoItsTemplate) {
  grow("database", "20Gi");
  it.settle();
  it.cluster.remove(key("StatefulSet", "demo-postgres"));
  it.settle();
  EXPECT_EQ(it.find("StatefulSet", "demo-postgres")->at(kTemplate), "20Gi");
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(Volumes, AChangedTemplateOfPodsIsStillWrittenAfterGrowth) {
  grow("database", "20Gi");
  it.settle();
  it.forget_requests();
  it.edit_spec("demo", [](Json& spec) { spec["database"]["managed"]["maxConnections"] = 50; });
  it.settle();
  EXPECT_EQ(it.count([](const Seen& seen) {
    return seen.text() == "PATCH StatefulSet/demo-postgres 200";
  }),
            1U);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(Volumes, AClassThatDoesNotAllowItIsReportedAndNotAskedInALoop) {
  it.cluster.storage.classes["standard"] = false;
  grow("database", "20Gi");
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_EQ(looks_at_classes(), 1U);
  EXPECT_EQ(it.condition("StorageReady"), "False ExpansionNotAllowed");
  EXPECT_THAT(it.message("StorageReady"),
              testing::AllOf(HasSubstr(kClaim + " cannot grow from 8Gi to 20Gi"),
                             HasSubstr("StorageClass standard"), HasSubstr("move the data")));
  EXPECT_EQ(it.condition("Ready"), "True Ready") << "it goes on with the volume it has";
  it.pass_time(600s);
  EXPECT_LE(looks_at_classes(), 7U) << "10 s, 20 s, 40 s, …";
  it.cluster.storage.classes["standard"] = true;
  it.pass_time(600s);
  EXPECT_EQ(request(kClaim), "20Gi");
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST_F(Volumes, WithoutPermissionToReadClassesTheServersAnswerIsReported) {
  it.cluster.storage.forbidden = true;
  it.cluster.storage.classes["standard"] = false;
  grow("database", "20Gi");
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH PersistentVolumeClaim/" + kClaim + " 403"));
  EXPECT_EQ(it.condition("StorageReady"), "False GrowthRefused");
  EXPECT_THAT(it.message("StorageReady"), HasSubstr("must support resize"));
}

TEST_F(Volumes, ARefusedClaimHoldsBackNoOther) {
  it.cluster.refused["PersistentVolumeClaim/data-demo-redis-1"] = "exceeded quota";
  grow("redis", "20Gi");
  it.settle();
  EXPECT_EQ(request("data-demo-redis-0"), "20Gi");
  EXPECT_EQ(request("data-demo-redis-1"), "10Gi");
  EXPECT_EQ(request("data-demo-redis-2"), "20Gi");
  EXPECT_EQ(it.condition("StorageReady"), "False GrowthRefused");
  EXPECT_THAT(it.message("StorageReady"), HasSubstr("exceeded quota"));
  it.cluster.refused.clear();
  grow("redis", "21Gi");  // another size is tried at once
  it.settle();
  EXPECT_EQ(request("data-demo-redis-1"), "21Gi");
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST_F(Volumes, GrowthThatHasNotArrivedIsToldAsFarAsItHasCome) {
  it.controllers.never_resized = {kClaim};
  grow("database", "20Gi");
  it.settle();
  EXPECT_EQ(it.condition("StorageReady"), "False Growing");
  EXPECT_EQ(it.message("StorageReady"), kClaim + " grows from 8Gi to 20Gi");
  const auto say = [&](const std::string& type, const std::string& message) {
    Json status = it.find("PersistentVolumeClaim", kClaim)->at("status");
    status["conditions"] =
        Json::array({{{"type", type}, {"status", "True"}, {"message", message}}});
    it.cluster.set_status(key("PersistentVolumeClaim", kClaim), status);
    it.settle();
  };
  say("FileSystemResizePending", "waiting for the pod");
  EXPECT_EQ(it.condition("StorageReady"), "False FileSystemResizePending");
  EXPECT_THAT(it.message("StorageReady"), HasSubstr("when the pod is restarted"));
  say("ControllerResizeError", "the array is full");
  EXPECT_EQ(it.condition("StorageReady"), "False ResizeFailed");
  EXPECT_THAT(it.message("StorageReady"), HasSubstr("the array is full"));
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  it.controllers.never_resized.clear();
  it.settle();
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST(VolumesBeforeReady, AClaimWithoutVolumeIsPendingAndGrowsOnceItIsBound) {
  Harness it;
  it.controllers.unbound = {kClaim};
  it.create("demo", test_spec());
  it.settle();
  EXPECT_EQ(it.condition("StorageReady"), "False Pending");
  EXPECT_THAT(it.message("StorageReady"), HasSubstr("StorageClass standard"));
  it.forget_requests();
  it.edit_spec("demo", [](Json& spec) { spec["database"]["managed"]["storage"]["size"] = "20Gi"; });
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty()) << "the API server lets no unbound claim grow";
  it.controllers.unbound.clear();
  it.settle();
  EXPECT_EQ(it.find("PersistentVolumeClaim", kClaim)->at(kRequest), "20Gi");
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST_F(Volumes, ALostVolumeIsToldFromOneThatIsNotThereYet) {
  it.cluster.set_status(key("PersistentVolumeClaim", kClaim), {{"phase", "Lost"}});
  it.settle();
  EXPECT_EQ(it.condition("StorageReady"), "False Lost");
}

TEST_F(Volumes, OnlyClaimsOfOurOwnPodsGrow) {
  const auto copy_as = [&](const std::string& name, const std::function<void(Json&)>& change) {
    Json body = *it.find("PersistentVolumeClaim", "data-demo-redis-0");
    body["metadata"] = {
        {"name", name}, {"namespace", kNs}, {"labels", body.at("metadata").at("labels")}};
    change(body["metadata"]);
    it.cluster.create_as("somebody", body);
  };
  copy_as("data-demo-redis-3", [](Json&) {});
  copy_as("other-demo-redis-0", [](Json&) {});
  it.cluster.remove(key("PersistentVolumeClaim", "data-demo-redis-1"));
  copy_as("data-demo-redis-1", [this](Json& metadata) {
    metadata["ownerReferences"] =
        Json::array({{{"kind", "Backup"},
                      {"name", "b"},
                      {"uid", it.find("Secret", "demo-credentials")->at("metadata").at("uid")},
                      {"controller", true}}});
  });
  it.settle();
  it.forget_requests();
  grow("redis", "20Gi");
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH PersistentVolumeClaim/data-demo-redis-0 200",
                                       "PATCH PersistentVolumeClaim/data-demo-redis-2 200"));
}

TEST(VolumesOfOthers, AnExistingClaimIsNotTouchedAndNotReported) {
  Harness it;
  Json spec = minimal_spec();
  spec["database"]["managed"]["storage"] = {{"enabled", true}, {"existingClaim", kClaim}};
  Json claim = {{"apiVersion", "v1"}, {"kind", "PersistentVolumeClaim"}};
  claim["metadata"] = {{"name", kClaim}, {"namespace", kNs}};
  claim["metadata"]["labels"] = {{"entityservice.io/resource", "demo"},
                                 {"entityservice.io/component", "database"}};
  claim["spec"]["resources"]["requests"]["storage"] = "1Gi";
  it.create("demo", spec);
  it.settle();
  it.cluster.create_as("somebody", claim);
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(it.condition("StorageReady"), "");
  EXPECT_EQ(it.find("PersistentVolumeClaim", kClaim)->at(kRequest), "1Gi");
}

TEST_F(Volumes, PausedTheGrowthIsPending) {
  it.edit_spec("demo", [](Json& spec) { spec["paused"] = true; });
  grow("database", "20Gi");
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_THAT(it.message("Paused"), HasSubstr("PersistentVolumeClaim " + kClaim));
  it.edit_spec("demo", [](Json& spec) { spec["paused"] = false; });
  it.settle();
  EXPECT_EQ(request(kClaim), "20Gi");
}

TEST_F(Volumes, SuspendedTheyGrowAsWell) {
  it.edit_spec("demo", [](Json& spec) { spec["suspend"] = true; });
  it.settle();
  grow("redis", "20Gi");
  it.settle();
  EXPECT_EQ(request("data-demo-redis-2"), "20Gi");
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST_F(Volumes, RetainedOnesGrowToTheSizeOfTheNextOfTheName) {
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  Json spec = production_spec();
  spec["objectStore"]["managed"]["storage"]["size"] = "80Gi";
  it.create("demo", spec);
  it.settle();
  EXPECT_EQ(request("data-demo-objectstore-0"), "80Gi");
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST_F(Volumes, AnInvalidSpecKeepsWhatWasSaidOfThem) {
  grow("database", "no size");
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST(VolumesOfNobody, WithoutVolumesNothingIsSaidOfThem) {
  Harness it;
  it.start_ready(minimal_spec);
  EXPECT_EQ(it.condition("StorageReady"), "");
}

}  // namespace
}  // namespace reconcilers::test
