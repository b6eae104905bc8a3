// What another version of the operator would change by itself, and spec.updates.
#include "k8s-client/record.h"
#include "reconcilers/kinds.h"
#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const std::vector<std::string> kStores = {"demo-postgres", "demo-redis", "demo-objectstore"};
constexpr const char* kEarlier = "example.org/earlier:1";
const std::string kConfig = "demo-postgres-config-0000abcd";  // of the earlier version

class Updates : public ::testing::Test {
 protected:
  void start(Json (*spec)() = production_spec) { it.start_ready(spec); }

  // The StatefulSet as another version of the operator would have left it: the same intent, by the
  // same manager, but for the pod template and the record of it.
  void leave_as_earlier(const std::string& name, const std::function<void(Json&)>& edit = {}) {
    const SmallCluster::Key which = key("StatefulSet", name);
    Json body = k8s::owned_projection(*it.cluster.find(which), kManager);
    body["apiVersion"] = "apps/v1";
    body["kind"] = "StatefulSet";
    body["metadata"]["name"] = name;
    body["metadata"]["namespace"] = kNs;
    body["metadata"]["annotations"]["entityservice.io/template"] = "0000abcd";
    body["spec"]["template"]["spec"]["containers"][0]["image"] = kEarlier;
    if (edit) edit(body);
    it.cluster.apply_as(kManager, body);
  }

  void approve(const std::string& token) {
    it.cluster.edit_as("kubectl-annotate", key("EntityService", "demo"), [&](Json& body) {
      body["metadata"]["annotations"]["entityservice.io/approve-updates"] = token;
    });
  }

  std::string image(const std::string& name) const {
    return it.find("StatefulSet", name)
        ->at("spec")
        .at("template")
        .at("spec")
        .at("containers")
        .at(0)
        .at("image");
  }
  std::vector<std::string> held() const {
    std::vector<std::string> objects;
    for (const Json& entry : it.status().value("held", Json::array()))
      objects.push_back(entry.at("object"));
    return objects;
  }
  std::string uid(const std::string& pod) const {
    return it.find("Pod", pod)->at("metadata").at("uid");
  }

  Harness it;
};

TEST_F(Updates, AreHeldAndListedForEveryStoreWhileTheServiceStaysReady) {
  start();
  for (const auto& name : kStores) leave_as_earlier(name);
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  for (const auto& name : kStores) EXPECT_EQ(image(name), kEarlier);
  EXPECT_EQ(it.condition("UpdateAvailable"), "True WaitsForApproval");
  for (const auto& name : kStores) {
    EXPECT_THAT(it.message("UpdateAvailable"), HasSubstr("StatefulSet " + name));
    EXPECT_THAT(held(), ::testing::Contains("StatefulSet " + name));
  }
  EXPECT_THAT(it.message("UpdateAvailable"), HasSubstr("entityservice.io/approve-updates="));
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(it.condition("Reconciling"), "False Settled");
  EXPECT_EQ(it.condition("Stalled"), "False NotStalled");
}

TEST_F(Updates, AreHeldByTheNextProcessToo) {
  start();
  leave_as_earlier("demo-postgres");
  it.settle();
  it.restart();
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_THAT(held(), ElementsAre("StatefulSet demo-postgres"));
}

TEST_F(Updates, AreToldByOneEvent) {
  start();
  leave_as_earlier("demo-postgres");
  it.settle();
  it.restart();
  it.settle();
  int told = 0;
  for (const auto& event : it.cluster.keys("Event"))
    told += it.cluster.find(event)->at("reason") == "UpdateAvailable" ? 1 : 0;
  EXPECT_EQ(told, 1);
}

TEST_F(Updates, GoOnWhenApprovedAndTheApprovalIsAcknowledged) {
  start();
  leave_as_earlier("demo-postgres");
  it.settle();
  const std::string store = uid("demo-objectstore-0"), database = uid("demo-postgres-0");
  approve("monday");
  it.settle();
  EXPECT_NE(image("demo-postgres"), kEarlier);
  EXPECT_NE(uid("demo-postgres-0"), database);
  EXPECT_EQ(uid("demo-objectstore-0"), store) << "what has no update does not restart";
  EXPECT_EQ(it.status().at("triggers").at("approve-updates"), "monday");
  EXPECT_EQ(it.condition("UpdateAvailable"), "");
  EXPECT_THAT(held(), IsEmpty());
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(Updates, NeedAnotherTokenEachTime) {
  start();
  approve("monday");
  it.settle();
  EXPECT_EQ(it.status().at("triggers").at("approve-updates"), "monday");
  it.forget_requests();
  leave_as_earlier("demo-postgres");
  it.settle();
  it.restart();
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
  approve("tuesday");
  it.settle();
  EXPECT_NE(image("demo-postgres"), kEarlier);
}

TEST_F(Updates, AreNotReleasedByTakingTheTokenAway) {
  start();
  approve("monday");
  it.settle();
  leave_as_earlier("demo-postgres");
  it.settle();
  it.cluster.edit_as("kubectl-annotate", key("EntityService", "demo"), [](Json& body) {
    body["metadata"]["annotations"].erase("entityservice.io/approve-updates");
  });
  it.settle();
  EXPECT_EQ(image("demo-postgres"), kEarlier);
  EXPECT_FALSE(it.status().contains("triggers"));
}

TEST_F(Updates, AreNotApprovedByAnEmptyOrEndlessToken) {
  start();
  leave_as_earlier("demo-postgres");
  for (const auto& token : {std::string(), std::string(254, 'x')}) {
    approve(token);
    it.settle();
    EXPECT_EQ(image("demo-postgres"), kEarlier);
  }
  approve(std::string(253, 'x'));
  it.settle();
  EXPECT_NE(image("demo-postgres"), kEarlier);
}

TEST_F(Updates, AreAppliedAtOnceWhenAutomatic) {
  start(test_spec);
  leave_as_earlier("demo-postgres");
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH StatefulSet/demo-postgres 200"));
  EXPECT_EQ(it.condition("UpdateAvailable"), "");
}

TEST_F(Updates, AreReleasedByTurningThemAutomatic) {
  start();
  leave_as_earlier("demo-postgres");
  it.settle();
  it.edit_spec("demo", [](Json& spec) { spec["updates"] = "Automatic"; });
  it.settle();
  EXPECT_NE(image("demo-postgres"), kEarlier);
  EXPECT_EQ(it.condition("UpdateAvailable"), "");
}

TEST_F(Updates, GoWithTheAdminsOwnChangeOfTheComponent) {
  start();
  for (const auto& name : kStores) leave_as_earlier(name);
  it.edit_spec("demo", [](Json& spec) { spec["database"]["managed"]["maxConnections"] = 500; });
  it.settle();
  EXPECT_NE(image("demo-postgres"), kEarlier);
  for (const char* name : {"StatefulSet demo-redis", "StatefulSet demo-objectstore"})
    EXPECT_THAT(held(), ::testing::Contains(name));
  EXPECT_THAT(held(), Not(::testing::Contains("StatefulSet demo-postgres")));
}

TEST_F(Updates, AreNotReleasedByScalingOrAnotherVersion) {
  start();
  for (const auto& name : kStores) leave_as_earlier(name);
  it.edit_spec("demo", [](Json& spec) {
    spec["replicas"] = 7;
    spec["version"] = "1.15.0";
    spec["config"]["EXTRA"] = "1";
  });
  it.settle();
  for (const auto& name : kStores) EXPECT_EQ(image(name), kEarlier);
  EXPECT_EQ(it.find("Deployment", "demo-worker")->at("spec").at("replicas"), 7);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(Updates, AreNotReleasedByGrowingAVolume) {
  start();
  for (const auto& name : kStores) leave_as_earlier(name);
  it.edit_spec("demo", [](Json& spec) {
    for (const char* store : {"database", "redis", "objectStore"})
      spec[store]["managed"]["storage"]["size"] = "900Gi";
  });
  it.settle();
  for (const auto& name : kStores) EXPECT_EQ(image(name), kEarlier);
  EXPECT_EQ(it.condition("UpdateAvailable"), "True WaitsForApproval");
  EXPECT_EQ(it.condition("StorageReady"), "True Ready");
}

TEST_F(Updates, DoNotKeepASuspensionFromScaling) {
  start();
  leave_as_earlier("demo-postgres");
  it.edit_spec("demo", [](Json& spec) { spec["suspend"] = true; });
  it.settle();
  EXPECT_EQ(it.find("Pod", "demo-postgres-0"), nullptr);
  it.edit_spec("demo", [](Json& spec) { spec["suspend"] = false; });
  it.settle();
  EXPECT_NE(it.find("Pod", "demo-postgres-0"), nullptr);
  EXPECT_EQ(image("demo-postgres"), kEarlier);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(Updates, AreNotWhatAnEditOfATemplateIsTakenFor) {
  start();
  it.cluster.edit_as("kubectl-set", key("StatefulSet", "demo-postgres"), [](Json& body) {
    body["spec"]["template"]["spec"]["containers"][0]["image"] = kEarlier;
  });
  it.settle();
  EXPECT_NE(image("demo-postgres"), kEarlier);
  EXPECT_THAT(it.writes(), ElementsAre("PATCH StatefulSet/demo-postgres 200"));
}

TEST_F(Updates, AreNotWhatAnEditOfTheRecordIsTakenFor) {
  start();
  it.cluster.edit_as("kubectl-annotate", key("StatefulSet", "demo-postgres"), [](Json& body) {
    body["metadata"]["annotations"]["entityservice.io/template"] = "0000abcd";
  });
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH StatefulSet/demo-postgres 200"));
}

TEST_F(Updates, OfAnOperatorThatRecordedNothingAreHeldUntilApproved) {
  start();
  leave_as_earlier("demo-postgres", [](Json& body) { body["metadata"].erase("annotations"); });
  it.settle();
  EXPECT_EQ(image("demo-postgres"), kEarlier);
  approve("monday");
  it.settle();
  EXPECT_NE(image("demo-postgres"), kEarlier);
}

TEST_F(Updates, LeaveTheTemplateAloneWhenAnotherFieldChanges) {
  start();
  leave_as_earlier("demo-postgres", [this](Json& body) {
    body["spec"]["template"]["spec"]["containers"][0]["image"] = image("demo-postgres");
    body["metadata"]["labels"]["earlier"] = "yes";
  });
  it.settle();
  EXPECT_THAT(it.writes(), ElementsAre("PATCH StatefulSet/demo-postgres 200"));
  EXPECT_EQ(it.condition("UpdateAvailable"), "");
}

TEST_F(Updates, KeepTheConfigurationThatAHeldTemplateNames) {
  start();
  Json config = *it.find("ConfigMap", it.named("ConfigMap", "demo-postgres-config-"));
  config["metadata"] = {{"name", kConfig},
                        {"namespace", kNs},
                        {"labels", config["metadata"]["labels"]},
                        {"ownerReferences", config["metadata"]["ownerReferences"]}};
  it.cluster.create_as(kManager, config);
  leave_as_earlier("demo-postgres", [](Json& body) {
    for (Json& volume : body["spec"]["template"]["spec"]["volumes"])
      if (volume.at("name") == "config") volume["configMap"]["name"] = kConfig;
  });
  it.settle();
  ASSERT_NE(it.find("ConfigMap", kConfig), nullptr);
  approve("monday");
  it.settle();
  EXPECT_EQ(it.find("ConfigMap", kConfig), nullptr);
}

TEST_F(Updates, BlockNoUpgradeOfTheApplication) {
  start();
  leave_as_earlier("demo-postgres");
  it.controllers.failing_jobs = {{"demo-migrate", 1}};
  it.edit_spec("demo", [](Json& spec) { spec["images"]["app"] = "example.org/app:next"; });
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "False UpgradeBlocked");
  EXPECT_THAT(it.message("Ready"), Not(HasSubstr("approval")));
  it.pass_time(std::chrono::seconds(15));
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

}  // namespace
}  // namespace reconcilers::test
