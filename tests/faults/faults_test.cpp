// The operator under everything that may happen to it: whatever a script does, the outcome is that
// of the undisturbed run, and then nothing is written. LONG_TESTS=1: at every request instead of at
// some.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>

#include "tests/faults/scenario.h"

namespace faults {

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.name; }

namespace {

using namespace std::chrono_literals;
using ::testing::IsEmpty;
using ::testing::ValuesIn;

bool is_long() { return std::getenv("LONG_TESTS") != nullptr; }

// `most` of them, evenly spread, or all.
std::vector<int> some(const std::vector<int>& places, std::size_t most) {
  if (is_long() || places.size() <= most) return places;
  std::vector<int> chosen;
  for (std::size_t i = 0; i < most; ++i)
    chosen.push_back(places[(2 * i + 1) * places.size() / (2 * most)]);
  return chosen;
}

std::vector<int> all_requests(const Scenario& scenario) {
  std::vector<int> places;
  for (int at = 1; at <= undisturbed(scenario).requests; ++at) places.push_back(at);
  return places;
}

bool meets_a_predecessor(const Scenario& scenario) {
  static const std::set<std::string> names = {"delete-and-make-again", "delete-with-data",
                                              "successor-at-once", "successor-of-data-at-once",
                                              "orphans"};
  return names.contains(scenario.name);
}

std::vector<Scenario> chosen_scenarios() {
  static const std::set<std::string> usual = {"version", "drift", "successor-at-once",
                                              "failing-migration", "removals"};
  std::vector<Scenario> chosen;
  for (const Scenario& it : scenarios())
    if (usual.contains(it.name) || is_long()) chosen.push_back(it);
  return chosen;
}

void expect_the_same(const Scenario& scenario, const Script& script, WorldOptions setup = {}) {
  EXPECT_THAT(judge(scenario, script, setup), IsEmpty())
      << "replay: --scenario " << scenario.name << " --script '" << text(script) << "'"
      << (setup.election ? " --election" : "") << " --world " << setup.seed;
}

class Faults : public ::testing::TestWithParam<Scenario> {
 protected:
  // Where to begin in a list of blows, so that not all scenarios meet the same.
  static std::size_t first_blow() {
    const auto& all = scenarios();
    const auto it = std::find_if(all.begin(), all.end(), [](const Scenario& scenario) {
      return scenario.name == GetParam().name;
    });
    return static_cast<std::size_t>(it - all.begin()) * 2;
  }
  static void SetUpTestSuite() { spdlog::set_level(spdlog::level::off); }
};

TEST_P(Faults, UndisturbedComesToRestAndWritesNothingThenNorAfterARestart) {
  const RunReport& report = undisturbed(GetParam());
  EXPECT_THAT(report.troubles, IsEmpty());
  EXPECT_THAT(report.outcome.too_early, IsEmpty());
  EXPECT_THAT(report.outcome.in_vain, IsEmpty());
  EXPECT_GT(report.writes.size(), 1U);
  EXPECT_LE(report.outcome.status_writes, 30);
  const std::vector<std::string> none = {};
  EXPECT_THAT(meets_a_predecessor(GetParam()) ? none : report.refused, IsEmpty());
  const Json& status = report.outcome.objects.at("EntityService demo").at("status");
  for (const Json& it : status.at("conditions"))
    EXPECT_TRUE(it.at("type") != "Ready" || it.at("status") == "True") << it;
}

TEST_P(Faults, AProcessThatEndsBeforeOrAfterAWriteChangesNothingOfTheOutcome) {
  for (const int at : some(undisturbed(GetParam()).writes, 1))
    for (const Blow blow : {Blow::CrashBefore, Blow::CrashAfter})
      expect_the_same(GetParam(), {{blow, at}});
}

TEST_P(Faults, AnAnswerThatDoesNotComeChangesNothingOfTheOutcome) {
  const std::vector<Blow> blows = {Blow::LoseConnection, Blow::LoseAnswer, Blow::CutAnswer,
                                   Blow::Hang,           Blow::HangAfter,  Blow::Slow};
  std::size_t next = first_blow();
  for (const int at : some(all_requests(GetParam()), 1))
    for (std::size_t i = 0; i < (is_long() ? blows.size() : 1); ++i)
      expect_the_same(GetParam(), {{blows[next++ % blows.size()], at, 5}});
}

TEST_P(Faults, NoRefusalOfARequestChangesTheOutcome) {
  const std::vector<int> codes = {500, 429, 503, 409, 403, 404, 422, 400, 408, 410, 502, 504, 401};
  std::size_t next = first_blow();
  for (const int at : some(all_requests(GetParam()), 1))
    for (std::size_t i = 0; i < (is_long() ? codes.size() : 1); ++i)
      expect_the_same(GetParam(), {{Blow::Refuse, at, codes[next++ % codes.size()]}});
}

// Or it would wait for what else has a pass made, be it a deadline.
TEST_P(Faults, AChangeThatWasRefusedForTenSecondsIsMadeWithinAMinuteThoughNothingElseHappens) {
  const RunReport& expected = undisturbed(GetParam());
  const Script script = {{Blow::RefuseChanges, expected.changes.back(), 500}};
  const RunReport actual = run(GetParam(), script, {});
  EXPECT_THAT(actual.troubles, IsEmpty());
  EXPECT_GT(actual.changes.size(), expected.changes.size());
  EXPECT_LE(actual.last_change - expected.last_change, 60s);
}

TEST_P(Faults, WhateverBecomesOfTheWatchesTheOutcomeIsTheSame) {
  const Script troubles = {{Blow::BreakWatches, 0},       {Blow::ExpireWatches, 0},
                           {Blow::ExpireByAnswer, 0},     {Blow::DelayWatches, 0, 0x0aaa},
                           {Blow::DelayWatches, 0, 0x15}, {Blow::LagWatches, 0, 20},
                           {Blow::RewindWatches, 0, 40},  {Blow::MuteWatches, 0, 0x0ff},
                           {Blow::RefuseWatches, 0, 500}};
  std::size_t next = first_blow();
  for (const int at : some(all_requests(GetParam()), 1)) {
    for (std::size_t i = 0; i < (is_long() ? troubles.size() : 1); ++i) {
      Fault fault = troubles[next++ % troubles.size()];
      fault.at = at;
      expect_the_same(GetParam(), {fault});
    }
  }
}

TEST_P(Faults, TwoProcessesThatLoseTheLeadAtAnyMomentComeToTheSame) {
  const WorldOptions two{.processes = 2, .election = true};
  const Script blows = {{Blow::Freeze, 0, 30}, {Blow::FreezeInFlight, 0, 30},
                        {Blow::StealLease, 0}, {Blow::CrashAfter, 0},
                        {Blow::Freeze, 0, 9},  {Blow::RefuseLease, 0, 500}};
  std::size_t next = first_blow();
  for (const int at : some(undisturbed(GetParam()).writes, 1)) {
    for (std::size_t i = 0; i < (is_long() ? blows.size() : 1); ++i) {
      Fault fault = blows[next++ % blows.size()];
      fault.at = at;
      expect_the_same(GetParam(), {fault}, two);
    }
  }
}

TEST(Silence, IsKeptWhenTheServerDropsTheTimesOfWhatIsHeld) {
  spdlog::set_level(spdlog::level::off);
  const RunReport& report = undisturbed(scenario_named("older-crd"));
  EXPECT_THAT(report.troubles, IsEmpty());
  const Json& status = report.outcome.objects.at("EntityService demo").at("status");
  EXPECT_EQ(status.at("/held/0/object"_json_pointer), "StatefulSet demo-redis");
}

TEST(Successor, WaitsForTheDataOfItsPredecessorAlsoWhenWatchesBreak) {
  spdlog::set_level(spdlog::level::off);
  expect_the_same(scenario_named("successor-of-data-at-once"), parse_script("break-watches@2"));
}

INSTANTIATE_TEST_SUITE_P(Of, Faults, ValuesIn(chosen_scenarios()), [](const auto& it) {
  std::string name = it.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// The pod of the earlier Job was there still when the next one of its name came.
TEST(Found, AMigrationThatFailsIsMadeAgainWhenItsLeaderFroze) {
  spdlog::set_level(spdlog::level::off);
  const WorldOptions setup{.processes = 2, .election = true, .seed = 209};
  expect_the_same(scenario_named("failing-migration"), parse_script("freeze-in-flight:1@8"), setup);
}

// The standby heard neither of the edit nor of what the leader did for it.
TEST(Found, AnEditThatAStandbyMissedIsNotUndoneWhenItLeads) {
  spdlog::set_level(spdlog::level::off);
  const WorldOptions setup{.processes = 2, .election = true, .seed = 20261144};
  expect_the_same(scenario_named("version"), parse_script("mute-watches:6929@3 freeze:19@5"),
                  setup);
}

TEST(Script, HasATextThatIsReadBack) {
  std::mt19937 random(7);
  for (int i = 0; i < 100; ++i) {
    const Script script = random_script(random, 50, 5, true);
    EXPECT_EQ(parse_script(text(script)), script) << text(script);
  }
  EXPECT_THROW(parse_script("burn@3"), std::invalid_argument);
}

}  // namespace
}  // namespace faults
