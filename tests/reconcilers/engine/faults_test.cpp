// An API server that fails to carry out single requests: what is independent goes on, a fault that
// lasts is told, and it clears by itself.
#include "reconcilers/faults.h"

#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

struct Case {
  std::string request, object;  // what fails, and as what it is told
  int code;
  std::string condition, verdict;
};

class Faults : public ::testing::TestWithParam<Case> {};

int events(const Harness& it, const std::string& reason) {
  int found = 0;
  for (const auto& event : it.cluster.keys("Event"))
    found += it.cluster.find(event)->at("reason") == reason ? 1 : 0;
  return found;
}

TEST_P(Faults, ThatLastAreToldOnceWithObjectAndAnswerAndClearByThemselves) {
  const Case& given = GetParam();
  Harness it;
  it.cluster.failing[given.request] = given.code;
  it.create("demo", production_spec());
  it.settle();
  it.pass_time(30s);
  EXPECT_EQ(it.condition(given.condition), given.verdict);
  EXPECT_THAT(it.message(given.condition), HasSubstr(given.object));
  EXPECT_THAT(it.message(given.condition),
              HasSubstr(given.code == 0 ? "no answer" : it.cluster.failure));
  EXPECT_EQ(events(it, given.verdict.substr(given.verdict.find(' ') + 1)), 1);
  EXPECT_NE(it.find("NetworkPolicy", it.cluster.keys("NetworkPolicy").front().name), nullptr);
  EXPECT_GT(it.failed_passes, 0) << "the controller backs off";
  it.cluster.failing.clear();
  it.pass_time(30s);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(it.condition("Reconciling"), "False Settled");
  EXPECT_EQ(it.condition("Stalled"), "False NotStalled");
}

INSTANTIATE_TEST_SUITE_P(
    All, Faults,
    ::testing::Values(
        Case{"PATCH Service/demo-api", "Service demo-api", 500, "Reconciling", "True ServerError"},
        Case{"PATCH Service/demo-api", "Service demo-api", 503, "Reconciling", "True ServerError"},
        Case{"PATCH Service/demo-api", "Service demo-api", 429, "Reconciling", "True ServerBusy"},
        Case{"PATCH Service/demo-api", "Service demo-api", 0, "Reconciling", "True ServerError"},
        Case{"PATCH StatefulSet/demo-redis", "StatefulSet demo-redis", 500, "Reconciling",
             "True ServerError"},
        Case{"PATCH ServiceAccount/demo", "ServiceAccount demo", 500, "Reconciling",
             "True ServerError"},
        Case{"PATCH Secret/demo-credentials", "Secret demo-credentials", 500, "Reconciling",
             "True ServerError"},
        Case{"PATCH Secret/demo-credentials", "Secret demo-credentials", 403, "Stalled",
             "True RequestRefused"},
        Case{"PATCH ConfigMap/demo-redis-state", "ConfigMap demo-redis-state", 500, "Reconciling",
             "True ServerError"}),
    [](const auto& given) {
      std::string name = given.param.request + "_" + std::to_string(given.param.code);
      std::replace_if(
          name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

TEST(Faults, OfOneObjectLeaveWhatIsIndependentOfItToBeMadeInTheSamePass) {
  Harness it;
  it.cluster.failing["PATCH StatefulSet/demo-postgres"] = 500;
  it.create("demo", minimal_spec());
  it.sync();
  it.reconcile();  // makes the credentials
  it.sync();
  it.reconcile();
  EXPECT_EQ(it.find("StatefulSet", "demo-postgres"), nullptr);
  for (const char* name : {"demo-redis", "demo-objectstore"})
    EXPECT_NE(it.find("StatefulSet", name), nullptr) << name;
  EXPECT_NE(it.find("Service", "demo-api"), nullptr);
}

TEST(Faults, OfAMomentAreNotTold) {
  Harness it;
  it.start_ready(minimal_spec);
  it.cluster.failing["PATCH Deployment/demo-worker"] = 500;
  it.edit_spec("demo", [](Json& spec) { spec["replicas"] = 5; });
  it.sync();
  it.reconcile();
  EXPECT_EQ(it.failed_passes, 1);
  it.cluster.failing.clear();
  it.settle();
  EXPECT_EQ(events(it, "ServerError"), 0);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Faults, OfAChangeKeepReadyFromBeingTrue) {
  Harness it;
  it.start_ready(minimal_spec);
  it.cluster.failing["PATCH Deployment/demo-worker"] = 500;
  it.edit_spec("demo", [](Json& spec) { spec["replicas"] = 5; });
  it.settle();
  it.pass_time(10s);
  EXPECT_EQ(it.condition("Reconciling"), "True ServerError");
  EXPECT_EQ(it.condition("Ready"), "False ComponentsNotReady");
}

TEST(Faults, OfReadingTheCredentialsAfterARestartTouchNothingThatRuns) {
  for (const int code : {403, 500}) {
    Harness it;
    it.start_ready(test_spec);
    it.cluster.failing["GET Secret/demo-credentials"] = code;
    const auto before = it.owned_state();
    it.restart();
    it.forget_requests();
    it.settle();
    it.pass_time(20s);
    EXPECT_THAT(it.writes(), IsEmpty());
    EXPECT_EQ(it.owned_state(), before);
    EXPECT_EQ(it.condition(code == 403 ? "Stalled" : "Reconciling"),
              code == 403 ? "True RequestRefused" : "True ServerError");
    it.cluster.failing.clear();
    it.pass_time(10s);
    EXPECT_EQ(it.condition("Ready"), "True Ready");
  }
}

TEST(Faults, OfAProcedureAreToldThoughEverythingIsReady) {
  Harness it;
  it.start_ready(production_spec);
  it.cluster.failing["DELETE PodDisruptionBudget/demo-api"] = 500;
  it.edit_spec("demo", [](Json& spec) { spec["api"]["replicas"] = 1; });
  it.settle();
  it.pass_time(10s);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(it.condition("Reconciling"), "True ServerError");
  EXPECT_THAT(it.message("Reconciling"), HasSubstr("PodDisruptionBudget demo-api"));
}

TEST(Faults, OfOneProcedureDelayNoOther) {
  Harness it;
  it.start_ready(production_spec);
  it.cluster.failing["PATCH PersistentVolumeClaim/data-demo-postgres-0"] = 403;
  it.cluster.failing["PATCH PersistentVolumeClaim/data-demo-redis-0"] = 500;
  it.edit_spec("demo", [](Json& spec) {
    spec["deletionPolicy"] = "Delete";
    spec["api"]["replicas"] = 1;
  });
  it.settle();
  EXPECT_EQ(it.find("PodDisruptionBudget", "demo-api"), nullptr);
  it.pass_time(10s);
  EXPECT_EQ(it.condition("Stalled"), "True RequestRefused");
  EXPECT_THAT(it.message("Stalled"), HasSubstr("data-demo-postgres-0"));
}

TEST(Faults, OfRemovingAFailedJobAreTold) {
  Harness it;
  it.create("demo", minimal_spec());
  it.controllers.failing_jobs = {{"demo-migrate-", 1}};
  it.settle();
  const std::string job = it.named("Job", "demo-migrate-");
  it.cluster.failing["DELETE Job/" + job] = 403;
  it.pass_time(30s);
  EXPECT_EQ(it.condition("Stalled"), "True RequestRefused");
  EXPECT_THAT(it.message("Stalled"), HasSubstr("removal of Job " + job));
}

TEST(Faults, ThatLastBeyondTheDeadlineAreNamedByStalled) {
  Harness it;
  Json spec = minimal_spec();
  spec["progressDeadlineSeconds"] = 20;
  it.cluster.failing["PATCH StatefulSet/demo-postgres"] = 500;
  it.create("demo", spec);
  it.settle();
  it.pass_time(40s);
  EXPECT_EQ(it.condition("Stalled"), "True ProgressDeadlineExceeded");
  EXPECT_THAT(it.message("Stalled"), HasSubstr(it.cluster.failure));
}

TEST(Faults, AreToldAtOnceByTheNextProcess) {
  Harness it;
  it.cluster.failing["PATCH Service/demo-api"] = 500;
  it.create("demo", minimal_spec());
  it.settle();
  it.pass_time(10s);
  it.restart();
  it.sync();
  it.reconcile();
  EXPECT_EQ(it.condition("Reconciling"), "True ServerError");
}

TEST(Faults, ThatCostSecondsEachAreNotAllWaitedForInOnePass) {
  k8s::Clock::time_point now{};
  reconcilers::Faults faults([&now] { return now; });
  int tried = 0;
  for (int i = 0; i < 20; ++i)
    faults.attempt("an object", [&] {
      ++tried;
      now += 8s;
      throw k8s::TransportError(k8s::TransportError::Stage::Deadline, "no answer");
    });
  EXPECT_EQ(tried, 3);
}

TEST(Faults, ThatConcernEverythingEndThePass) {
  using Stage = k8s::TransportError::Stage;
  const auto tried = [](const auto& error) {
    reconcilers::Faults faults([] { return k8s::Clock::time_point{}; });
    faults.attempt("an object", [&] { throw error; });
  };
  EXPECT_THROW(tried(k8s::ApiError(409, "Conflict", "changed")), k8s::ApiError);
  EXPECT_THROW(tried(k8s::ApiError(401, "Unauthorized", "who?")), k8s::ApiError);
  for (const Stage stage : {Stage::Connect, Stage::Write, Stage::Cancelled})
    EXPECT_THROW(tried(k8s::TransportError(stage, "gone")), k8s::TransportError);
  EXPECT_NO_THROW(tried(k8s::ApiError(500, "InternalError", "oops")));
  EXPECT_NO_THROW(tried(k8s::TransportError(Stage::Answer, "reset")));
}

TEST(Refusal, SaysWhatToDo) {
  const std::pair<std::string, std::string> table[] = {
      {R"(services "a" is forbidden: exceeded quota: small, requested: services=1)", "raise the"},
      {R"(Internal error: failed calling webhook "x.example": no endpoints)", "webhook right"},
      {R"(admission webhook "x.example" denied the request: no)", "admission rule"},
      {"ValidatingAdmissionPolicy 'x' with binding 'y' denied request: no", "admission rule"},
      {R"(User "op" cannot patch resource "services" in API group "")",
       "(install.yaml or namespaced.yaml)"},
      {"cannot set blockOwnerDeletion if an ownerReference refers to …", "install.yaml or"},
  };
  for (const auto& [answer, advice] : table)
    EXPECT_THAT(refusal_text("Service a", k8s::ApiError(403, "Forbidden", answer)),
                AllOf(HasSubstr("Service a"), HasSubstr(answer), HasSubstr(advice)));
  for (const char* answer : {"spec.x: bad", "spec.x: Forbidden: cannot be greater than spec.y"})
    EXPECT_THAT(refusal_text("Service a", k8s::ApiError(422, "Invalid", answer)),
                Not(HasSubstr(";")));
}

TEST(Pods, ThatCannotBeMadeAreExplainedByTheirDeployment) {
  Harness it;
  it.start_ready(minimal_spec);
  it.controllers.failure = "exceeded quota: small, requested: pods=1";
  it.edit_spec("demo", [](Json& spec) { spec["replicas"] = 5; });
  it.settle();
  it.pass_time(15s);  // messages follow more slowly than verdicts
  EXPECT_THAT(it.message("WorkersReady"), HasSubstr("exceeded quota: small"));
}

TEST(Pods, OfAStatefulSetThatAreMissingSayWhoKnowsWhy) {
  Harness it;
  it.controllers.podless = {"demo-postgres"};
  it.create("demo", minimal_spec());
  it.settle();
  EXPECT_THAT(it.message("DatabaseReady"), HasSubstr("kubectl describe statefulset/demo-postgres"));
  it.controllers.podless.clear();
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

}  // namespace
}  // namespace reconcilers::test
