#include "crds/resolve.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "crds/owned_variables.h"
#include "crds/quantity.h"
#include "tests/crds/resolved_json.h"
#include "tests/crds/yaml.h"
#include "tests/source_dir.h"

namespace crds {
namespace {

Json resource(const Json& spec) {
  return {{"apiVersion", "entityservice.io/v1alpha1"},
          {"kind", "EntityService"},
          {"metadata", {{"name", "demo"}, {"namespace", "ns"}, {"uid", "u-1"}, {"generation", 3}}},
          {"spec", spec}};
}

Resolved resolved(const Json& object) {
  const Outcome outcome = resolve(object, {.prerelease_allowed = true});
  for (const Problem& problem : outcome.problems) ADD_FAILURE() << problem.text();
  return outcome.resolved.value_or(Resolved());
}

// Rewritten when UPDATE_GOLDEN is set.
void expect_golden(const std::string& name, const Json& value) {
  const std::string path = std::string(kSourceDir) + "/tests/crds/golden/" + name + ".json";
  const std::string text = value.dump(2) + "\n";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::stringstream golden;
  golden << std::ifstream(path).rdbuf();
  EXPECT_EQ(text, golden.str()) << path;
}

Json profile(const char* name) { return resource({{"profile", name}}); }

TEST(Resolve, FillsInTheProfile) {
  for (const char* name : {"Minimal", "Test", "Production"}) {
    expect_golden(name, testing::to_json(resolved(profile(name))));
  }
}

TEST(Resolve, TakesWhatIsWrittenOverTheProfile) {
  const Json everything = testing::read_yaml("tests/crds/everything.yaml");
  expect_golden("everything", testing::to_json(resolved(everything)));
}

TEST(Resolve, TakesAnEmptySpecForProduction) {
  EXPECT_EQ(resolved(resource(Json::object())), resolved(profile("Production")));
}

TEST(Resolve, GivesTheSameForWhatTheSchemaDefaults) {
  const Json defaulted = {
      {"profile", "Production"}, {"channel", "Release"}, {"version", "1.15.1"}, {"replicas", 2}};
  EXPECT_EQ(resolved(resource(defaulted)), resolved(resource(Json::object())));
}

TEST(Resolve, ScalesEverythingToZeroWhenSuspended) {
  const Resolved running = resolved(profile("Production"));
  Resolved wanted = running;
  wanted.suspend = true;
  for (std::int64_t* replicas :
       {&wanted.api.replicas, &wanted.workers.replicas, &wanted.high_memory.replicas,
        &wanted.database.replicas, &wanted.redis.replicas, &wanted.object_store.replicas}) {
    EXPECT_GT(*replicas, 0);
    *replicas = 0;
  }
  EXPECT_EQ(resolved(resource({{"suspend", true}})), wanted);
}

TEST(Resolve, RunsAsManyCeleryProcessesAsThePodHasCpus) {
  const std::pair<const char*, std::int64_t> kTable[] = {
      {"100m", 1}, {"1", 1}, {"1001m", 2}, {"8", 8}};
  for (const auto& [cpu, processes] : kTable) {
    const Json resources = {{"limits", {{"cpu", cpu}}}, {"requests", {{"cpu", "10m"}}}};
    const Resolved it = resolved(resource({{"workers", {{"resources", resources}}}}));
    EXPECT_EQ(it.workers.celery.concurrency, processes) << cpu;
  }
}

TEST(Resolve, KnowsWhatAVersionStandsFor) {
  struct Row {
    const char *channel, *version, *app_version, *app, *nginx;
  };
  const std::string commit = "0123456789abcdef0123456789abcdef01234567";
  const std::string commit_app = "docker.io/data61/anonlink-app:" + commit;
  const char* const kApp = "docker.io/data61/anonlink-app:v1.15.1";
  const char* const kNginx = "docker.io/data61/anonlink-nginx:v1.4.9";
  const Row kTable[] = {
      {"Release", "1.15.1", "1.15.1", kApp, kNginx},
      {"Release", "1.15", "1.15.1", kApp, kNginx},
      {"Release", "1", "1.15.1", kApp, kNginx},
      {"Release", "latest", "1.15.1", kApp, kNginx},
      {"Release", "1.15.0", "1.15.0", "docker.io/data61/anonlink-app:v1.15.0", kNginx},
      {"Develop", "develop", "develop", "docker.io/data61/anonlink-app:develop", kNginx},
      {"Commit", commit.c_str(), commit.c_str(), commit_app.c_str(), kNginx},
  };
  for (const Row& row : kTable) {
    const Resolved it = resolved(
        resource({{"profile", "Test"}, {"channel", row.channel}, {"version", row.version}}));
    EXPECT_EQ(it.app_version, row.app_version);
    EXPECT_EQ(it.images.app, row.app);
    EXPECT_EQ(it.images.nginx, row.nginx);
    EXPECT_EQ(it.images.pull_policy, row.channel == std::string("Develop") ? "Always" : "");
  }
}

TEST(Resolve, TunesTheReleasesThatItKnowsAndWhatIsWritten) {
  struct Row {
    Json spec;
    Tuning expected;
  };
  const std::string commit = "0123456789abcdef0123456789abcdef01234567";
  const Row kTable[] = {
      {Json::object(), Tuning::Operator},
      {{{"version", "1.15"}}, Tuning::Operator},
      {{{"version", "latest"}, {"profile", "Test"}}, Tuning::Operator},
      {{{"version", "1.15.0"}}, Tuning::Upstream},
      {{{"version", "1.99.0"}}, Tuning::Upstream},
      {{{"version", "develop"}, {"channel", "Develop"}}, Tuning::Upstream},
      {{{"version", commit}, {"channel", "Commit"}}, Tuning::Upstream},
      {{{"version", commit}, {"channel", "Commit"}, {"tuning", "Operator"}}, Tuning::Operator},
      {{{"tuning", "Upstream"}}, Tuning::Upstream},
  };
  for (const Row& row : kTable) {
    EXPECT_EQ(resolved(resource(row.spec)).tuning, row.expected) << row.spec;
  }
}

TEST(Resolve, PutsTheRegistryBeforeAllDefaultImages) {
  const Json images = {{"registry", "mirror.example"}, {"redis", "quay.io/valkey/valkey:9"}};
  const Images it = resolved(resource({{"images", images}})).images;
  EXPECT_EQ(it.app, "mirror.example/data61/anonlink-app:v1.15.1");
  EXPECT_EQ(it.nginx, "mirror.example/data61/anonlink-nginx:v1.4.9");
  EXPECT_EQ(it.postgres, "mirror.example/library/postgres:17-trixie");
  EXPECT_EQ(it.object_store, "mirror.example/pgsty/silo:RELEASE.2026-09-16T00-00-00Z");
  EXPECT_EQ(it.redis, "quay.io/valkey/valkey:9");
}

TEST(Resolve, HasNoValueWhenThereAreProblems) {
  const Outcome outcome = resolve(resource({{"replicas", -1}}), {});
  EXPECT_FALSE(outcome.resolved);
  EXPECT_EQ(outcome.problems, Problems({{"spec.replicas", "is -1, must be from 0 to 1000"}}));
}

TEST(Resolve, RefusesOtherKindsAndShapes) {
  Json other = resource(Json::object());
  other["kind"] = "EntityServices";
  EXPECT_EQ(resolve(other, {}).problems, Problems({{"kind", "must be EntityService"}}));
  Json typo = resource(Json::object());
  typo["Spec"] = Json::object();
  EXPECT_EQ(resolve(typo, {}).problems,
            Problems({{"Spec", "is not a field of this version; did you mean spec?"}}));
  Json bare = resource(Json::object());
  bare.erase("spec");
  EXPECT_EQ(resolve(bare, {}).problems,
            Problems({{"spec", "is missing; write spec: {} at least"}}));
  for (const Json& odd : {Json(), Json(1), Json("x"), Json::array(), Json::object()}) {
    EXPECT_FALSE(resolve(odd, {}).problems.empty()) << odd;
  }
}

TEST(Resolve, NamesTheFieldToUseInPlaceOfAVariable) {
  EXPECT_EQ(instead_of_variable("CELERYD_CONCURRENCY"),
            "is set by the operator; use spec.workers.celery.concurrency");
  EXPECT_EQ(instead_of_variable("PGPORT"), "is set by the operator; remove it");
  EXPECT_EQ(instead_of_variable("MAX_ENCODING_SIZE"), std::nullopt);
  EXPECT_EQ(instead_of_variable("PYTHONPATH"), std::nullopt);
  EXPECT_EQ(instead_of_parameter("max_connections"),
            "is set by the operator; use spec.database.managed.maxConnections");
  EXPECT_EQ(instead_of_parameter("work_mem"), std::nullopt);
}

// Sum of the requests of all pods that run at once, in CPUs and bytes.
std::pair<double, double> requests_of(const Resolved& it) {
  double cpu = 0, memory = 0;
  const auto add = [&](std::int64_t pods, const Json& resources) {
    const std::string cpus = resources.at("requests").at("cpu");
    const std::string bytes = resources.at("requests").at("memory");
    cpu += static_cast<double>(pods) * Quantity::parse(cpus)->value();
    memory += static_cast<double>(pods) * Quantity::parse(bytes)->value();
  };
  add(it.api.replicas, it.api.resources);
  add(it.api.replicas, it.api.proxy.resources);
  add(it.workers.replicas, it.workers.resources);
  add(it.high_memory.replicas, it.high_memory.resources);
  add(it.database.replicas, it.database.resources);
  add(it.redis.replicas, it.redis.resources);
  if (it.redis.mode == RedisMode::Sentinel) add(it.redis.replicas, it.redis.sentinel_resources);
  add(it.object_store.replicas, it.object_store.resources);
  add(1, it.job_resources);
  return {cpu, memory};
}

TEST(Profiles, FitWhereTheyPromiseTo) {
  constexpr double kGi = 1024.0 * 1024 * 1024;
  const auto [minimal_cpu, minimal_memory] = requests_of(resolved(profile("Minimal")));
  EXPECT_LE(minimal_cpu, 1);
  EXPECT_LE(minimal_memory, 2.5 * kGi);
  const auto [test_cpu, test_memory] = requests_of(resolved(profile("Test")));
  EXPECT_LE(test_cpu, 2 * 2 * 0.8);
  EXPECT_LE(test_memory, 2 * 8 * kGi * 0.8);
}

}  // namespace
}  // namespace crds
