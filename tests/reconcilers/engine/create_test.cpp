#include "reconcilers/kinds.h"
#include "reconcilers/publish.h"
#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class EveryProfile : public ::testing::TestWithParam<Json (*)()> {};
INSTANTIATE_TEST_SUITE_P(Create, EveryProfile,
                         ::testing::Values(minimal_spec, test_spec, production_spec));

TEST_P(EveryProfile, BecomesReadyAndIsThenSilent) {
  Harness it;
  it.start_ready(GetParam());
  EXPECT_EQ(it.condition("Reconciling"), "False Settled");
  EXPECT_EQ(it.condition("Stalled"), "False NotStalled");
  for (const char* type : {"ConfigurationValid", "DatabaseReady", "RedisReady", "ObjectStoreReady",
                           "MigrationsApplied", "WorkersReady", "APIReady"})
    EXPECT_THAT(it.condition(type), HasSubstr("True ")) << type;
  it.pass_time(std::chrono::seconds(60));
  EXPECT_THAT(it.requests(), IsEmpty());
}

TEST_P(EveryProfile, CostsOneApplyAnObjectTwelveStatusWritesAndTenEvents) {
  Harness it;
  it.create("demo", GetParam()());
  it.settle();
  ASSERT_EQ(it.condition("Ready"), "True Ready");
  std::map<std::string, int> applies;
  for (const Seen& seen : it.cluster.seen)
    if (seen.method == "PATCH" && seen.subresource.empty() && seen.manager == kManager &&
        seen.name != "demo-redis-state")
      ++applies[seen.kind + "/" + seen.name];
  for (const auto& [object, count] : applies) EXPECT_EQ(count, 1) << object;
  EXPECT_LE(it.count([](const Seen& s) { return s.subresource == "status"; }), 12U);
  EXPECT_LE(it.count([](const Seen& s) { return s.kind == "Event"; }), 10U);
  EXPECT_EQ(it.count([](const Seen& s) { return s.status >= 400; }), 0U);
}

TEST_P(EveryProfile, RestartInStepWritesNothingAndReadsTheSecretOnce) {
  Harness it;
  it.start_ready(GetParam());
  it.restart();
  it.settle();
  EXPECT_THAT(it.requests(), ElementsAre("GET Secret/demo-credentials 200"));
}

TEST(Create, WorkersAndApiComeAfterMigrationAndBuckets) {
  Harness it;
  it.controllers.held_jobs = {"demo-migrate"};
  it.create("demo", minimal_spec());
  it.settle();
  EXPECT_EQ(it.find("Deployment", "demo-worker"), nullptr);
  EXPECT_EQ(it.find("Deployment", "demo-worker-highmemory"), nullptr);
  EXPECT_EQ(it.find("Deployment", "demo-api"), nullptr);
  EXPECT_NE(it.find("Service", "demo-api"), nullptr);
  EXPECT_EQ(it.condition("WorkersReady"), "False Waiting");
  EXPECT_EQ(it.condition("MigrationsApplied"), "False NotReady");
  EXPECT_EQ(it.condition("Ready"), "False ComponentsNotReady");
  it.controllers.held_jobs.clear();
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Create, NothingThatReadsTheDatabaseComesBeforeIt) {
  Harness it;
  it.controllers.never_ready = {"demo-postgres"};
  it.create("demo", minimal_spec());
  it.settle();
  EXPECT_EQ(it.named("Job", "demo-migrate"), "");
  EXPECT_NE(it.named("Job", "demo-buckets"), "");
  EXPECT_EQ(it.condition("DatabaseReady"), "False NotReady");
  EXPECT_THAT(it.message("DatabaseReady"), HasSubstr("pod demo-postgres-0: ImagePullBackOff"));
}

TEST(Create, StatusSaysWhatAndWhereItIs) {
  Harness it;
  it.create("demo", minimal_spec());
  it.settle();
  Json status = it.status();
  EXPECT_EQ(status.at("observedGeneration"), 1);
  EXPECT_EQ(status.at("version"), "1.15.1");
  EXPECT_EQ(status.at("replicas"), 2);
  EXPECT_EQ(status.at("readyReplicas"), 2);
  EXPECT_EQ(status.at("selector"),
            "entityservice.io/component=worker,entityservice.io/resource=demo");
  EXPECT_EQ(status.at("endpoints"), Json({{"api", "http://demo-api.lab.svc.cluster.local"}}));
  EXPECT_FALSE(status.contains("held"));
  const std::string job = it.named("Job", "demo-migrate");
  EXPECT_EQ(status.at("migration"), Json({{"hash", job.substr(job.rfind('-') + 1)},
                                          {"version", "1.15.1"},
                                          {"completed", "2026-01-01T00:01:00Z"}}));
  Json names = Json::array();
  for (const Json& component : status.at("components")) names.push_back(component.at("name"));
  EXPECT_EQ(names, Json({"database", "redis", "object-store", "migration", "buckets", "worker",
                         "worker-highmemory", "api"}));
}

TEST(Create, TwoResourcesWithNamesThatBeginAlikeStayApart) {
  Harness it;
  it.create("demo", minimal_spec());
  it.create("demo-highmemory", minimal_spec());
  it.settle();
  ASSERT_EQ(it.condition("Ready", "demo"), "True Ready");
  ASSERT_EQ(it.condition("Ready", "demo-highmemory"), "True Ready");
  it.cluster.remove(key("EntityService", "demo"));
  it.settle();
  EXPECT_EQ(it.condition("Ready", "demo-highmemory"), "True Ready");
  EXPECT_EQ(it.find("Deployment", "demo-worker"), nullptr);
  EXPECT_NE(it.find("Deployment", "demo-highmemory-worker"), nullptr);
}

TEST(Create, NothingIsMadeForAResourceOrNamespaceThatIsGoing) {
  Harness going;
  going.create("demo", minimal_spec());
  going.cluster.begin_removal(key("EntityService", "demo"));
  going.settle();
  EXPECT_THAT(going.requests(), IsEmpty());

  Harness ending;
  ending.create("demo", minimal_spec());
  ending.settle();
  ending.cluster.namespace_ending = true;
  ending.forget_requests();
  ending.cluster.remove(key("Service", "demo-api"));
  ending.cluster.remove(key("Deployment", "demo-worker"));
  ending.settle();
  EXPECT_EQ(ending.count([](const Seen& s) { return s.is_write(); }), 1U)
      << "the first refusal says that nothing can be made here";
}

TEST(Create, ItsFirstStatusComesOnceAndHalfASecondAfterItsFirstPass) {
  Harness it;
  it.controllers.never_ready = {"demo-postgres"};
  it.create("demo", minimal_spec());
  it.settle(0s);
  EXPECT_NE(it.find("StatefulSet", "demo-postgres"), nullptr);
  EXPECT_EQ(it.status(), Json::object());
  it.settle(1s);
  EXPECT_EQ(it.condition("Ready"), "False ComponentsNotReady");
  EXPECT_EQ(it.count([](const Seen& s) { return s.subresource == "status"; }), 1U);
}

TEST(Create, ItsFirstStatusWaitsFiveSecondsMoreForTheObjectsOfOthers) {
  Harness it;
  it.others_wait = true;
  it.controllers.never_ready = {"demo-postgres"};
  it.create("demo", minimal_spec());
  it.settle(5s);
  EXPECT_EQ(it.status(), Json::object());
  it.settle(1s);
  EXPECT_EQ(it.condition("Ready"), "False ComponentsNotReady");
}

TEST(Status, IsWrittenAtOnceForReadinessSoonForTheFirstAndAGenerationAndNowAndThenForTheWay) {
  const auto condition = [](const char* type, const char* verdict, const char* reason) {
    return Json{{"type", type}, {"status", verdict}, {"reason", reason}};
  };
  const Json before = {{"observedGeneration", 1},
                       {"replicas", 1},
                       {"conditions",
                        {condition("Ready", "False", "ComponentsNotReady"),
                         condition("RedisReady", "False", "Waiting")}}};
  Json ready = before, generation = before, step = before, count = before;
  ready["conditions"][0] = condition("Ready", "True", "Ready");
  generation["observedGeneration"] = 2;
  step["conditions"][1] = condition("RedisReady", "True", "Ready");
  count["readyReplicas"] = 1;
  Memory memory;
  const TimePoint written(std::chrono::hours(1)), now = written + 100ms;
  memory.since = written;
  const auto first = [&](const Json& after, bool reconciling) {
    return write_time(compare_status(Json::object(), after), reconciling, memory, false, now) -
           written;
  };
  EXPECT_EQ(first(count, true), 500ms);
  EXPECT_EQ(first(count, false), 100ms) << "nothing is on its way";
  EXPECT_EQ(first(ready, true), 100ms);
  Json stalled = before;
  stalled["conditions"].push_back(condition("Stalled", "True", "InvalidSpec"));
  EXPECT_EQ(first(stalled, true), 100ms);
  memory.status_written = written;
  const auto wait = [&](const Json& after, bool reconciling) {
    return write_time(compare_status(before, after), reconciling, memory, false, now) - written;
  };
  EXPECT_EQ(wait(ready, true), 100ms);
  EXPECT_EQ(wait(generation, true), 1s);
  EXPECT_EQ(wait(step, true), 5s);
  EXPECT_EQ(wait(count, true), 10s);
  EXPECT_EQ(wait(count, false), 1s) << "at rest everything is news";
}

TEST(Status, LooksEachSecondForAMomentWithoutOthersThatWaitAndAfterFiveNoMore) {
  Memory memory;
  const TimePoint written(std::chrono::hours(1));
  memory.status_written = written;
  const auto step = [&](std::chrono::milliseconds since, bool reconciling = true) {
    return write_time(Change::Step, reconciling, memory, true, written + since) - written;
  };
  EXPECT_EQ(step(4s), 5s) << "it is not its time yet";
  EXPECT_EQ(step(5s), 6s);
  EXPECT_EQ(step(8500ms), 9500ms);
  EXPECT_EQ(step(9500ms), 10s);
  EXPECT_EQ(step(10s), 10s);
  EXPECT_EQ(step(2s, false), 1s) << "at rest nothing waits";
  const TimePoint now = written + 5s;
  EXPECT_EQ(write_time(Change::Flip, true, memory, true, now), now);
}

}  // namespace
}  // namespace reconcilers::test
