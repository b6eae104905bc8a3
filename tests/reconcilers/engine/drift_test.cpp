#include "reconcilers/kinds.h"
#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class Drift : public ::testing::Test {
 protected:
  Drift() {
    it.start_ready(production_spec);
    before = it.owned_state();
  }
  Harness it;
  std::map<std::string, Json> before;
};

// What is applied again whenever it differs, one of each kind
const std::vector<SmallCluster::Key> kApplied = {
    key("Deployment", "demo-worker"), key("StatefulSet", "demo-postgres"),
    key("StatefulSet", "demo-redis"), key("Service", "demo-api"),
    key("ServiceAccount", "demo"),    key("PodDisruptionBudget", "demo-api"),
};

TEST_F(Drift, OwnedLeafThatChangesIsPutRightByOneWrite) {
  for (const auto& target : kApplied) {
    it.cluster.edit_as("kubectl-edit", target, [](Json& body) {
      body["metadata"]["labels"]["app.kubernetes.io/part-of"] = "elsewhere";
    });
    it.settle();
    EXPECT_THAT(it.writes(), ElementsAre("PATCH " + target.kind + "/" + target.name + " 200"));
    it.forget_requests();
  }
  EXPECT_EQ(it.owned_state(), before);
}

TEST_F(Drift, LabelThatTheWatchesSelectByComesBackByOneWrite) {
  it.cluster.edit_as("kubectl-edit", key("Service", "demo-api"), [](Json& body) {
    body["metadata"]["labels"].erase("entityservice.io/resource");
  });
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH Service/demo-api 409", "PATCH Service/demo-api 200"));
  EXPECT_EQ(it.owned_state(), before);
}

TEST_F(Drift, ObjectThatIsDeletedIsMadeByOneWrite) {
  for (const auto& target : kApplied) {
    it.cluster.remove(target);
    it.settle();
    EXPECT_THAT(it.writes(), ElementsAre("PATCH " + target.kind + "/" + target.name + " 201"));
    it.forget_requests();
  }
  EXPECT_EQ(it.owned_state(), before);
}

TEST_F(Drift, WhatIsUndoneBeforeThePassThatMadeItHasEndedIsMadeAgain) {
  const auto target = key("Service", "demo-api");
  it.cluster.after_write = [&, times = 0](const Seen& seen) mutable {
    if (seen.name == target.name && seen.status == 201 && ++times == 1) it.cluster.remove(target);
  };
  it.cluster.remove(target);
  it.settle();
  EXPECT_EQ(it.owned_state(), before);
}

TEST_F(Drift, ValueThatAnotherManagerForcesIsTakenBackByOneWrite) {
  for (const auto& target : kApplied) {
    it.cluster.apply_as("rival", {{"apiVersion", "any"},
                                  {"kind", target.kind},
                                  {"metadata",
                                   {{"name", target.name},
                                    {"namespace", target.ns},
                                    {"labels", {{"app.kubernetes.io/managed-by", "rival"}}}}}});
    it.settle();
    EXPECT_THAT(it.writes(), ElementsAre("PATCH " + target.kind + "/" + target.name + " 200"));
    it.forget_requests();
  }
  EXPECT_EQ(it.owned_state(), before);
}

TEST_F(Drift, WhatOthersAddCausesNoWrite) {
  for (const auto& target : kApplied) {
    it.cluster.edit_as("kubectl-annotate", target, [](Json& body) {
      body["metadata"]["annotations"]["note"] = "mine";
      body["metadata"]["labels"]["team"] = "blue";
    });
  }
  it.settle();
  EXPECT_THAT(it.requests(), IsEmpty());
}

TEST_F(Drift, ContainersThatOthersAddHoldNoChangeBack) {
  for (const char* name : {"demo-api", "demo-worker", "demo-worker-highmemory"})
    it.cluster.edit_as("sidecar-injector", key("Deployment", name), [](Json& body) {
      Json& containers = body["spec"]["template"]["spec"]["containers"];
      const Json sidecar = {{"name", "sidecar"}, {"image", "example.org/mesh"}};
      containers.insert(containers.begin(), sidecar);
    });
  it.settle();
  it.edit_spec("demo", [](Json& spec) { spec["config"]["EXTRA"] = "1"; });
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_FALSE(it.status().contains("held"));
  it.controllers.never_ready = {"demo-worker"};
  it.edit_spec("demo", [](Json& spec) { spec["images"]["app"] = "example.org/app:next"; });
  it.settle();
  EXPECT_THAT(it.status().value("held", Json()).dump(), HasSubstr("Deployment demo-api"))
      << "another version still goes to the workers first";
}

TEST_F(Drift, PodChurnAndSecretLabelsCauseNoWriteAndOneReadAVersion) {
  const auto pods = it.cluster.keys("Pod");
  it.cluster.edit_as("kubelet", pods.front(),
                     [](Json& body) { body["status"]["podIP"] = "10.0.0.9"; });
  it.cluster.edit_as("kubectl-label", key("Secret", "demo-credentials"),
                     [](Json& body) { body["metadata"]["labels"]["team"] = "blue"; });
  it.settle();
  EXPECT_THAT(it.requests(), ElementsAre("GET Secret/demo-credentials 200"));
}

TEST_F(Drift, EditedJobIsReportedAndNotFought) {
  const std::string job = it.named("Job", "demo-migrate");
  it.cluster.edit_as("kubectl-edit", key("Job", job), [](Json& body) {
    body["metadata"]["labels"]["app.kubernetes.io/part-of"] = "elsewhere";
  });
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_EQ(it.condition("FieldConflict"), "True Edited");
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("Job " + job));
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(Drift, EditedConfigMapIsReportedUntilItIsMadeAnew) {
  const std::string config = it.named("ConfigMap", "demo-env-");
  it.cluster.edit_as("kubectl-edit", key("ConfigMap", config), [](Json& body) {
    body["metadata"]["labels"].erase("app.kubernetes.io/part-of");
  });
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("ConfigMap " + config));
  it.cluster.remove(key("ConfigMap", config));
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH ConfigMap/" + config + " 201"));
  EXPECT_EQ(it.condition("FieldConflict"), "");
}

TEST_F(Drift, EditedCredentialsAreReportedAndRollNoPod) {
  it.cluster.edit_as("kubectl-edit", key("Secret", "demo-credentials"),
                     [](Json& body) { body["data"]["database-password"] = "b3RoZXI="; });
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("database-password"));
  EXPECT_THAT(it.status().value("held", Json()).dump(), HasSubstr("Deployment demo-worker"));
}

TEST_F(Drift, PdbComesAndGoesWithTheSecondReplica) {
  it.edit_spec("demo", [](Json& spec) { spec["api"]["replicas"] = 1; });
  it.settle();
  EXPECT_EQ(it.find("PodDisruptionBudget", "demo-api"), nullptr);
  it.edit_spec("demo", [](Json& spec) { spec["api"]["replicas"] = 2; });
  it.settle();
  EXPECT_NE(it.find("PodDisruptionBudget", "demo-api"), nullptr);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(Drift, ConfigMapsGoWhenNothingNamesThemAnyMore) {
  const std::string old = it.named("ConfigMap", "demo-env-");
  it.controllers.held_jobs = {"demo"};
  it.edit_spec("demo", [](Json& spec) { spec["config"]["EXTRA"] = "1"; });
  it.cluster.create_as(
      "somebody",
      {{"apiVersion", "v1"},
       {"kind", "Pod"},
       {"metadata",
        {{"name", "last-one"},
         {"namespace", kNs},
         {"labels", {{"entityservice.io/resource", "demo"}}}}},
       {"spec", {{"volumes", Json::array({{{"name", "env"}, {"configMap", {{"name", old}}}}})}}}});
  it.settle();
  EXPECT_NE(it.find("ConfigMap", old), nullptr) << "a pod still names it";
  it.cluster.remove(key("Pod", "last-one"));
  it.settle();
  EXPECT_EQ(it.find("ConfigMap", old), nullptr);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

}  // namespace
}  // namespace reconcilers::test
