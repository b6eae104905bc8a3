// What becomes somebody else's between our look at it and our write.
#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Contains;
using ::testing::IsEmpty;

class Guards : public ::testing::Test {
 protected:
  // Once, immediately before the first such write.
  void just_before(const std::string& method, const std::string& kind,
                   const std::function<void(const SmallCluster::Key&)>& happens) {
    it.cluster.before_write = [=, this, done = false](const Seen& seen) mutable {
      if (seen.method != method || seen.kind != kind || std::exchange(done, true)) return;
      happens(key(seen.kind, seen.name));
    };
  }

  Json others() const {
    return Json::array({{{"apiVersion", "example.org/v1"},
                         {"kind", "Backup"},
                         {"name", "b"},
                         {"uid", it.find("Secret", "demo-credentials")->at("metadata").at("uid")},
                         {"controller", true}}});
  }

  // Another object of the same name and labels, of another controller.
  void replace(const SmallCluster::Key& target) {
    Json body = *it.cluster.find(target);
    const Json labels = body.at("metadata").at("labels");
    body["metadata"] = {{"name", target.name},
                        {"namespace", target.ns},
                        {"labels", labels},
                        {"ownerReferences", others()}};
    it.cluster.remove(target);
    it.cluster.create_as("somebody", body);
    successor = uid(target);
  }

  std::string uid(const SmallCluster::Key& target) const {
    const Json* found = it.cluster.find(target);
    return found == nullptr ? "gone" : found->at("metadata").at("uid").get<std::string>();
  }

  Harness it;
  std::string successor = "never made";
};

TEST_F(Guards, TheSuccessorOfWhatIsPrunedStays) {
  it.start_ready(production_spec);
  just_before("DELETE", "PodDisruptionBudget", [this](const auto& target) { replace(target); });
  it.edit_spec("demo", [](Json& spec) { spec["api"]["replicas"] = 1; });
  it.settle();
  EXPECT_THAT(it.writes(), Contains("DELETE PodDisruptionBudget/demo-api 409"));
  EXPECT_EQ(uid(key("PodDisruptionBudget", "demo-api")), successor);
}

TEST_F(Guards, WhatIsTakenOverAtTheMomentItIsPrunedStays) {
  it.start_ready(production_spec);
  just_before("DELETE", "PodDisruptionBudget", [this](const auto& target) {
    it.cluster.edit_as("somebody", target,
                       [this](Json& body) { body["metadata"]["ownerReferences"] = others(); });
  });
  it.edit_spec("demo", [](Json& spec) { spec["api"]["replicas"] = 1; });
  it.settle();
  EXPECT_THAT(it.writes(), Contains("DELETE PodDisruptionBudget/demo-api 409"));
  EXPECT_NE(it.find("PodDisruptionBudget", "demo-api"), nullptr);
}

TEST_F(Guards, WhatHasOurLabelAndIsNotOursIsNotPruned) {
  it.start_ready(test_spec);
  const auto make = [this](const std::string& name, const Json& owners) {
    const Json labels = {{"entityservice.io/resource", "demo"}};
    it.cluster.create_as(
        "somebody",
        {{"apiVersion", "v1"},
         {"kind", "Service"},
         {"metadata",
          {{"name", name}, {"namespace", kNs}, {"labels", labels}, {"ownerReferences", owners}}},
         {"spec", Json::object()}});
  };
  make("of-nobody", Json::array());
  make("of-another", others());
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_NE(it.find("Service", "of-nobody"), nullptr);
  EXPECT_NE(it.find("Service", "of-another"), nullptr);
}

TEST_F(Guards, TheSuccessorOfAFailedJobStays) {
  it.controllers.failing_jobs = {{"demo-migrate", 1}};
  it.create("demo", minimal_spec());
  it.settle();
  just_before("DELETE", "Job", [this](const auto& target) { replace(target); });
  it.pass_time(12s);
  EXPECT_EQ(uid(key("Job", it.named("Job", "demo-migrate"))), successor);
}

TEST_F(Guards, TheSuccessorOfWhatIsScaledKeepsItsReplicas) {
  it.start_ready(test_spec);
  it.controllers.held_jobs = {"demo-migrate"};
  just_before("PATCH", "Deployment", [this](const auto& target) { replace(target); });
  it.edit_spec("demo", [](Json& spec) {
    spec["images"]["app"] = "example.org/app:next";
    spec["replicas"] = 7;
  });
  it.settle();
  EXPECT_THAT(it.writes(), Contains("PATCH Deployment/demo-worker/scale 409"));
  ASSERT_EQ(uid(key("Deployment", "demo-worker")), successor);
  EXPECT_NE(it.find("Deployment", "demo-worker")->at("spec").at("replicas"), 7);
  EXPECT_EQ(it.condition("Stalled"), "True NameConflict");
}

}  // namespace
}  // namespace reconcilers::test
