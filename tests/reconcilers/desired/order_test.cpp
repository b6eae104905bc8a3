// Gates, the order of applying, and what is written once only.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/reconcilers/desired/sample.h"

namespace reconcilers::desired {
namespace {

using Gates = std::set<Gate>;

std::size_t position(const Objects& objects, const std::string& kind, const std::string& prefix) {
  return static_cast<std::size_t>(&find(objects, kind, prefix) - objects.data());
}

TEST(Order, WhatSomethingNeedsComesBeforeIt) {
  const Objects objects = build(of_profile("Production"), known());
  const std::vector<std::pair<std::string, std::string>> order = {
      {"ServiceAccount", "demo"},
      {"Secret", "demo-credentials"},
      {"NetworkPolicy", "demo-api"},
      {"ConfigMap", "demo-env-"},
      {"StatefulSet", "demo-postgres"},
      {"StatefulSet", "demo-redis"},
      {"StatefulSet", "demo-objectstore"},
      {"Job", "demo-migrate-"},
      {"Job", "demo-buckets-"},
      {"Deployment", "demo-worker"},
      {"Deployment", "demo-api"}};
  for (std::size_t i = 1; i < order.size(); ++i) {
    EXPECT_LT(position(objects, order[i - 1].first, order[i - 1].second),
              position(objects, order[i].first, order[i].second))
        << order[i].second;
  }
  EXPECT_LT(position(objects, "ConfigMap", "demo-nginx-"),
            position(objects, "Deployment", "demo-api"));
}

TEST(Gates, HoldWorkersUntilWhatTheyNeedIsThere) {
  const Gates direct = {Gate::Credentials, Gate::Migrated, Gate::RedisReady, Gate::BucketsReady};
  Gates sentinel = direct;
  sentinel.insert(Gate::RedisAddresses);
  for (const char* name : {"demo-worker", "demo-worker-highmemory"}) {
    EXPECT_EQ(find(build(of_profile("Minimal"), known()), "Deployment", name).gates, direct);
    EXPECT_EQ(find(build(of_profile("Production"), known()), "Deployment", name).gates, sentinel);
  }
}

TEST(Gates, HoldTheApiForTheWorkersRolloutToo) {
  EXPECT_EQ(find(build(of_profile("Test"), known()), "Deployment", "demo-api").gates,
            Gates({Gate::Credentials, Gate::Migrated, Gate::RedisReady, Gate::BucketsReady,
                   Gate::WorkersRolled}));
}

TEST(Gates, HoldTheMigrationForTheDatabase) {
  EXPECT_EQ(find(build(of_profile("Test"), known()), "Job", "demo-migrate-").gates,
            Gates({Gate::Credentials, Gate::DatabaseReady}));
}

TEST(Gates, NeverHoldServicesBudgetsOrPolicies) {
  for (const Object& object : build(of_profile("Production"), known())) {
    const std::set<std::string> free = {"Service", "PodDisruptionBudget", "NetworkPolicy",
                                        "ServiceAccount"};
    if (free.contains(object.kind())) {
      EXPECT_EQ(object.gates, Gates()) << object.kind() << " " << object.name();
    }
  }
}

TEST(WriteOnce, SecretsJobsAndImmutableConfigMaps) {
  for (const Object& object : build(of_profile("Production"), known())) {
    const bool once =
        object.kind() == "Secret" || object.kind() == "Job" || object.kind() == "ConfigMap";
    EXPECT_EQ(object.write == Write::CreateOnce, once) << object.kind() << " " << object.name();
  }
}

TEST(Migration, IsAnotherJobForAnotherImageOrDatabaseAndNotForAnythingElse) {
  const auto job = [](const Json& spec, const std::string& identity) {
    Facts facts = known();
    facts.database_identity = identity;
    return find(build(resolved(spec), facts), "Job", "demo-migrate-").name();
  };
  const std::string one = job({{"version", "1.15.1"}}, "a");
  EXPECT_NE(one, job({{"version", "1.15.0"}}, "a"));
  EXPECT_NE(one, job({{"version", "1.15.1"}}, "b"));
  EXPECT_EQ(one, job({{"version", "1.15.1"}, {"config", {{"KEY", "value"}}}}, "a"));
  EXPECT_EQ(one, job({{"version", "1.15.1"}, {"profile", "Minimal"}}, "a"));
}

TEST(Migration, RunsOnceAndItsLastWordsAreKept) {
  const Json job = find(build(of_profile("Test"), known()), "Job", "demo-migrate-").body.at("spec");
  EXPECT_EQ(job.at("backoffLimit"), 0);
  EXPECT_FALSE(job.contains("ttlSecondsAfterFinished"));
  const Json& pod = job.at("template").at("spec");
  EXPECT_EQ(pod.at("restartPolicy"), "Never");
  EXPECT_EQ(pod.at("containers")[0].at("terminationMessagePolicy"), "FallbackToLogsOnError");
}

TEST(Budgets, AreThereForWhatHasTwoReplicas) {
  const auto budgets = [](const Json& spec) {
    std::set<std::string> names;
    for (const Object& object : build(resolved(spec), known())) {
      if (object.kind() == "PodDisruptionBudget") names.insert(object.name());
    }
    return names;
  };
  EXPECT_EQ(budgets({{"profile", "Production"}, {"replicas", 2}}),
            std::set<std::string>({"demo-api", "demo-redis", "demo-worker"}));
  EXPECT_EQ(budgets({{"profile", "Minimal"}, {"replicas", 1}}), std::set<std::string>());
}

}  // namespace
}  // namespace reconcilers::desired
