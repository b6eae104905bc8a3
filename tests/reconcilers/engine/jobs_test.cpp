#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Jobs, FailingMigrationLeavesWorkersAbsentIsNamedAndRecovers) {
  Harness it;
  it.controllers.failing_jobs = {{"demo-migrate", 2}};
  it.create("demo", minimal_spec());
  it.settle();
  const std::string job = it.named("Job", "demo-migrate");
  EXPECT_EQ(it.condition("MigrationsApplied"), "False JobFailed");
  EXPECT_THAT(it.message("MigrationsApplied"), HasSubstr("Job " + job + " failed"));
  EXPECT_THAT(it.message("MigrationsApplied"), HasSubstr("database is on fire"));
  EXPECT_EQ(it.find("Deployment", "demo-worker"), nullptr);
  it.pass_time(12s);
  EXPECT_EQ(it.condition("MigrationsApplied"), "False JobFailed") << "10 s, then 20 s";
  it.pass_time(25s);
  EXPECT_EQ(it.condition("MigrationsApplied"), "True Applied");
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Jobs, RemovedMigrationIsNotRunAgain) {
  Harness it;
  it.start_ready(test_spec);
  it.cluster.remove(key("Job", it.named("Job", "demo-migrate")));
  it.settle();
  EXPECT_EQ(it.named("Job", "demo-migrate"), "");
  EXPECT_THAT(it.writes(), IsEmpty());
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Jobs, EmptyDatabaseIsMigratedAgain) {
  Harness it;
  it.start_ready(minimal_spec);
  const std::string before = it.named("Job", "demo-migrate");
  it.cluster.remove(key("Pod", "demo-postgres-0"));  // and with it its data
  it.settle();
  EXPECT_NE(it.named("Job", "demo-migrate"), before);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Jobs, ScalingGoesOnWhileAnUpgradeWaitsForItsMigration) {
  Harness it;
  it.start_ready(test_spec);
  it.controllers.held_jobs = {"demo-migrate"};
  it.edit_spec("demo", [](Json& spec) {
    spec["images"]["app"] = "example.org/app:next";
    spec["replicas"] = 7;
  });
  it.settle();
  const Json& worker = *it.find("Deployment", "demo-worker");
  EXPECT_EQ(worker.at("spec").at("replicas"), 7);
  EXPECT_THAT(worker.dump(), ::testing::Not(HasSubstr("example.org/app:next")));
  EXPECT_THAT(it.status().at("held").dump(), HasSubstr("Deployment demo-worker"));
  EXPECT_EQ(it.condition("Ready"), "False ComponentsNotReady");
  EXPECT_EQ(it.condition("APIReady"), "True Ready");
}

TEST(Jobs, ChangedRedisTemplateWaitsAndIsListedAsHeld) {
  Harness it;
  it.start_ready(production_spec);
  it.edit_spec("demo", [](Json& spec) { spec["images"]["redis"] = "example.org/redis:next"; });
  it.settle();
  EXPECT_THAT(it.find("Pod", "demo-redis-0")->dump(),
              ::testing::Not(HasSubstr("example.org/redis:next")));
  EXPECT_THAT(it.status().at("held").dump(), HasSubstr("StatefulSet demo-redis"));
}

TEST(Jobs, RedisPodsThatNeverStartedAreMadeAnewFromTheCorrectedTemplate) {
  Harness it;
  Json spec = production_spec();
  spec["images"]["redis"] = "example.org/redis:wrong";
  it.controllers.never_ready = {"demo-redis"};
  it.create("demo", spec);
  it.settle();
  it.forget_requests();
  it.edit_spec("demo",
               [](Json& changed) { changed["images"]["redis"] = "example.org/redis:next"; });
  it.settle();
  for (const char* pod : {"demo-redis-0", "demo-redis-1", "demo-redis-2"})
    EXPECT_THAT(it.find("Pod", pod)->dump(), HasSubstr("example.org/redis:next"));
  EXPECT_EQ(it.count([](const Seen& seen) { return seen.method == "DELETE"; }), 3U);
  it.controllers.never_ready.clear();
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Jobs, RedisPodThatRanOnceIsLeftAloneEvenIfItDoesNotRunNow) {
  Harness it;
  it.start_ready(production_spec);
  it.controllers.never_ready = {"demo-redis"};
  it.edit_spec("demo", [](Json& spec) { spec["images"]["redis"] = "example.org/redis:next"; });
  it.settle();
  EXPECT_THAT(it.find("Pod", "demo-redis-0")->dump(),
              ::testing::Not(HasSubstr("example.org/redis:next")));
  EXPECT_EQ(it.count([](const Seen& seen) { return seen.kind == "Pod"; }), 0U);
}

}  // namespace
}  // namespace reconcilers::test
