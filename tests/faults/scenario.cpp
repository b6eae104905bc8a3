#include "tests/faults/scenario.h"

#include <map>
#include <stdexcept>

namespace faults {
namespace {

const ObjectKey kDemo{"EntityService", World::kNamespace, "demo"};
const Manager kPerson{"kubectl-edit"};

void create(World& world, const Json& spec) {
  world.server.create_as("kubectl-create",
                         {{"apiVersion", "entityservice.io/v1alpha1"},
                          {"kind", "EntityService"},
                          {"metadata", {{"name", kDemo.name}, {"namespace", kDemo.ns}}},
                          {"spec", spec}});
}

std::function<void(World&)> edit(const char* pointer, const Json& value) {
  return [path = Json::json_pointer(pointer), value](World& world) {
    world.server.edit_as(kPerson, kDemo, [&](Json& body) { body["spec"][path] = value; });
  };
}

std::function<void(World&)> edit_child(const std::string& kind, const std::string& name,
                                       const char* pointer, const Json& value) {
  return [key = ObjectKey{kind, World::kNamespace, name}, path = Json::json_pointer(pointer),
          value](World& world) {
    world.server.edit_as(kPerson, key, [&](Json& body) { body[path] = value; });
  };
}

std::function<void(World&)> remove(const ObjectKey& key, const std::string& propagation) {
  return [key, propagation](World& world) { world.server.remove(key, propagation); };
}

void remove_finished_jobs(World& world) {
  for (const ObjectKey& key : world.server.keys("Job")) world.server.remove(key);
}

// While no watch is there to tell of it, and from where they would resume has expired.
std::function<void(World&)> remove_unseen(const ObjectKey& key) {
  return [key](World& world) {
    for (const auto& watch : world.server.watches()) watch->broken = true;
    world.server.remove(key);
    world.server.compact();
  };
}

Json profile(const std::string& name, const Json& more = Json::object()) {
  Json spec = {{"profile", name}, {"version", "1.15.1"}, {"replicas", 2}};
  spec.update(more);
  return spec;
}

std::vector<std::string> rest_troubles(World& world, const char* when) {
  const std::size_t before = world.exchanges().size();
  world.settle();
  std::vector<std::string> troubles;
  for (const std::string& write : world.writes_since(before))
    troubles.push_back(std::string(when) + ": " + write);
  return troubles;
}

}  // namespace

const std::vector<Scenario>& scenarios() {
  static const std::vector<Scenario> all = {
      {"create-minimal", profile("Minimal"), true},
      {"create-test", profile("Test"), true},
      {"create-production", profile("Production"), true},
      {"scale", profile("Test"), false, {edit("/replicas", 5), edit("/replicas", 1)}},
      {"config", profile("Test"), false, {edit("/config", {{"MAX_ENCODING_SIZE", "512"}})}},
      {"version", profile("Test"), false, {edit("/images", {{"app", "example.org/app:next"}})}},
      {"version-and-scale", profile("Production"), false, {[](World& world) {
         edit("/images", {{"app", "example.org/app:next"}})(world);
         edit("/replicas", 4)(world);
       }}},
      {"retention",
       profile("Test"),
       false,
       {edit("/deletionPolicy", "Delete"), edit("/deletionPolicy", "Retain")}},
      {"grow",
       profile("Production"),
       false,
       {edit("/redis", {{"managed", {{"storage", {{"size", "90Gi"}}}}}})}},
      {"drift",
       profile("Test"),
       false,
       {edit_child("Deployment", "demo-worker", "/spec/replicas", 9),
        edit_child("Service", "demo-api", "/spec/ports/0/targetPort", 99),
        remove({"Service", World::kNamespace, "demo-api"}, "Background")}},
      {"delete-and-make-again",
       profile("Test"),
       false,
       {remove(kDemo, "Background"), [](World& world) { create(world, profile("Test")); }}},
      {"delete-with-data",
       profile("Test", {{"deletionPolicy", "Delete"}}),
       false,
       {remove(kDemo, "Background"), [](World& world) { create(world, profile("Test")); }}},
      {"successor-at-once", profile("Test"), false, {[](World& world) {
         remove(kDemo, "Background")(world);
         create(world, profile("Test"));
       }}},
      {"orphans",
       profile("Test"),
       false,
       {remove(kDemo, "Orphan"), [](World& world) { create(world, profile("Test")); }}},
      {"failing-migration", profile("Test"), false, {[](World& world) {
         world.workloads.failing_jobs = {{"demo-migrate", 1}};
         edit("/images", {{"app", "example.org/app:next"}})(world);
       }}},
      {"invalid-and-back", profile("Test"), false, {edit("/replicas", -1), edit("/replicas", 3)}},
      {"successor-of-data-at-once",
       profile("Test", {{"deletionPolicy", "Delete"}}),
       false,
       {[](World& world) {
         remove(kDemo, "Background")(world);
         create(world, profile("Test"));
       }}},
      {"older-crd", profile("Production"), false, {[](World& world) {
         world.server.knows_since = false;
         edit("/images", {{"redis", "example.org/redis:next"}})(world);
       }}},
      {"removals",
       profile("Production"),
       false,
       {remove_finished_jobs, remove_unseen({"Service", World::kNamespace, "demo-api"}),
        edit("/replicas", 4)}},
  };
  return all;
}

const Scenario& scenario_named(const std::string& name) {
  for (const Scenario& it : scenarios())
    if (it.name == name) return it;
  throw std::out_of_range("no scenario " + name);
}

namespace {

// A cluster in which the resource is ready; the way there is gone once for each spec.
const ServerState& ready(const Json& spec) {
  static std::map<std::string, ServerState> known;
  const auto found = known.find(spec.dump());
  if (found != known.end()) return found->second;
  World world({});
  create(world, spec);
  world.settle();
  return known[spec.dump()] = world.server.state();
}

void play(const Scenario& scenario, World& world) {
  if (scenario.from_the_start) create(world, scenario.spec);
  world.settle();
  for (const auto& act : scenario.acts) {
    act(world);
    world.settle();
  }
}

}  // namespace

RunReport run(const Scenario& scenario, const Script& script, WorldOptions options) {
  RunReport report;
  try {
    World world(options, scenario.from_the_start ? ServerState{} : ready(scenario.spec));
    world.play(script);
    play(scenario, world);
    for (const Exchange& it : world.exchanges()) {
      ++report.requests;
      if (!it.is_write()) continue;
      report.writes.push_back(report.requests);
      if (it.is_change()) {
        report.changes.push_back(report.requests);
        report.last_change = it.time;
      }
      const bool is_told_before = it.status == 409 && it.path.ends_with("/events");
      if ((it.status < 200 || it.status > 299) && !is_told_before)
        report.refused.push_back(it.text());
    }
    world.play({});
    report.troubles = rest_troubles(world, "written at rest");
    world.restart();
    for (auto& it : rest_troubles(world, "written after a restart"))
      report.troubles.push_back(std::move(it));
    for (const std::string& it : world.unfenced()) report.troubles.push_back(it);
    report.outcome = outcome_of(world.server.storage());
  } catch (const std::exception& error) {
    report.troubles.push_back(error.what());
  }
  return report;
}

const RunReport& undisturbed(const Scenario& scenario) {
  static std::map<std::string, RunReport> known;
  const auto found = known.find(scenario.name);
  if (found != known.end()) return found->second;
  return known[scenario.name] = run(scenario, {}, {});
}

std::vector<std::string> judge(const Scenario& scenario, const Script& script,
                               WorldOptions options) {
  const RunReport& expected = undisturbed(scenario);
  const RunReport actual = run(scenario, script, options);
  std::vector<std::string> verdict = actual.troubles;
  for (std::string& it : differences(expected.outcome, actual.outcome))
    verdict.push_back(std::move(it));
  return verdict;
}

}  // namespace faults
