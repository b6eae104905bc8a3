// Somebody who changes or removes an object whenever it was put right.
#include "reconcilers/contest.h"

#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const auto kBegin = k8s::Clock::time_point(1h);

TEST(Contest, TheFirstRepairsFollowAtOnceAndLaterOnesEverMoreRarelyUpToABound) {
  Contest contest;
  note_write(contest, "a", kBegin);
  for (int repair = 1; repair <= kRepairsAtOnce; ++repair) {
    EXPECT_EQ(repair_time(contest, "a"), kBegin) << repair;
    note_write(contest, "a", kBegin);
  }
  auto now = kBegin;
  for (const auto pause : {10s, 20s, 40s, 80s, 160s, 300s, 300s, 300s}) {
    EXPECT_EQ(repair_time(contest, "a"), now + pause);
    now += pause;
    note_write(contest, "a", now);
  }
}

TEST(Contest, APeaceEndsARowAndSoDoesAnotherIntent) {
  Contest contest;
  for (int i = 0; i <= kRepairsAtOnce; ++i) note_write(contest, "a", kBegin);
  EXPECT_GT(repair_time(contest, "a"), kBegin);
  EXPECT_EQ(repair_time(contest, "b"), kBegin) << "a change of the resource's own is not put off";
  EXPECT_FALSE(is_over(contest, kBegin + kPeace - 1s));
  EXPECT_TRUE(is_over(contest, kBegin + kPeace));
  Contest other = contest;
  note_write(other, "b", kBegin);
  EXPECT_EQ(other.repairs, 0);
  note_write(contest, "a", kBegin + kPeace);
  EXPECT_EQ(contest.repairs, 0);
  EXPECT_LT(kLongestPause, kPeace) << "or a pause would end the fight that it belongs to";
}

TEST(Contest, TheRivalIsWhoeverWroteLastButForUsAndForTheStatus) {
  const auto entry = [](const char* manager, const char* time, const char* part = "") {
    return Json{{"manager", manager}, {"time", time}, {"subresource", part}};
  };
  const Json entries = Json::array(
      {entry("early", "2026-01-01T00:00:00Z"), entry("hpa", "2026-01-01T00:00:02Z", "scale"),
       entry("earlier", "2026-01-01T00:00:01Z"),
       entry("controller", "2026-01-01T00:00:03Z", "status"), entry("us", "2026-01-01T00:00:04Z")});
  EXPECT_EQ(last_writer({{"metadata", {{"managedFields", entries}}}}, "us"), "hpa");
  EXPECT_EQ(last_writer({{"metadata", Json::object()}}, "us"), "");
}

class Fight : public ::testing::Test {
 protected:
  Fight() {
    it.start_ready(production_spec);
    before = it.owned_state();
  }

  // Somebody sets the replicas back at once, whenever they were put right, for so long.
  void fight(std::chrono::seconds time) {
    const auto rounds = time / 5s;
    for (int i = 0; i < rounds; ++i) {
      set_back();
      it.pass_time(5s);
    }
    set_back();
    it.settle(0s);
  }

  void set_back() {
    if (replicas() == 9) return;
    it.cluster.edit_as("other-operator", kWorker, [](Json& body) { body["spec"]["replicas"] = 9; });
  }

  int replicas() const { return it.cluster.find(kWorker)->at("spec").at("replicas").get<int>(); }

  std::size_t repairs() const {
    return it.count([](const Seen& seen) {
      return seen.is_write() && seen.kind == kWorker.kind && seen.name == kWorker.name;
    });
  }

  std::size_t told() const {
    std::size_t found = 0;
    for (const auto& event : it.cluster.keys("Event"))
      if (it.cluster.find(event)->at("reason") == "Contested") ++found;
    return found;
  }

  static inline const SmallCluster::Key kWorker = key("Deployment", "demo-worker");
  Harness it;
  std::map<std::string, Json> before;
};

TEST_F(Fight, IsToldOnceWithTheRivalAndSlowedDown) {
  fight(3600s);
  // ten in the first five minutes, then one each five minutes
  EXPECT_THAT(repairs(), ::testing::AllOf(::testing::Ge(15U), ::testing::Le(25U)));
  EXPECT_EQ(it.condition("FieldConflict"), "True Contested");
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("Deployment demo-worker (by other-operator)"));
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("down to once every 5 minutes"));
  EXPECT_EQ(it.condition("Ready"), "False ComponentsNotReady");
  EXPECT_THAT(it.message("Ready"), HasSubstr("demo-worker"));
  EXPECT_EQ(told(), 1U);
}

TEST_F(Fight, ThatHasEndedIsWonAndForgotten) {
  fight(120s);
  ASSERT_EQ(it.condition("FieldConflict"), "True Contested");
  it.pass_time(kLongestPause);
  EXPECT_EQ(it.owned_state(), before);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  it.pass_time(kPeace);
  EXPECT_EQ(it.condition("FieldConflict"), "");
  it.forget_requests();
  set_back();
  it.settle(0s);
  EXPECT_EQ(replicas(), 2) << "the next edit is put right at once";
}

TEST_F(Fight, DelaysNothingElse) {
  fight(60s);
  ASSERT_EQ(it.condition("FieldConflict"), "True Contested");
  ASSERT_EQ(replicas(), 9);
  it.edit_spec("demo", [](Json& spec) { spec["replicas"] = 4; });
  it.cluster.edit_as("kubectl-edit", key("Service", "demo-api"), [](Json& body) {
    body["metadata"]["labels"].erase("app.kubernetes.io/name");
  });
  it.settle(0s);
  EXPECT_EQ(replicas(), 4) << "what the resource asks for anew is no repair";
  EXPECT_TRUE(it.find("Service", "demo-api")
                  ->at("metadata")
                  .at("labels")
                  .contains("app.kubernetes.io/name"));
}

TEST_F(Fight, APersonWhoTriesAFewTimesIsNone) {
  for (int i = 0; i < kRepairsAtOnce; ++i) {
    set_back();
    it.settle(0s);
    EXPECT_EQ(replicas(), 2) << i;
  }
  EXPECT_EQ(it.condition("FieldConflict"), "");
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(Fight, RemovalsCountToo) {
  const auto target = key("Service", "demo-api");
  const auto made = [&] {
    return it.count([&](const Seen& seen) { return seen.is_write() && seen.kind == "Service"; });
  };
  for (int i = 0; i < 60; ++i) {
    if (it.cluster.find(target) != nullptr) it.cluster.remove(target);
    it.pass_time(5s);
  }
  EXPECT_THAT(made(), ::testing::AllOf(::testing::Ge(8U), ::testing::Le(12U)));
  EXPECT_EQ(it.condition("FieldConflict"), "True Contested");
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("Service demo-api"));
}

// As a tool does that prunes what it does not know.
TEST(Removals, OfWhatANewResourceNeedsAreAFightFromTheBeginning) {
  Harness it;
  const auto target = key("StatefulSet", "demo-postgres");
  int made = 0;
  it.cluster.after_write = [&](const Seen& seen) {
    if (seen.kind != target.kind || seen.name != target.name || seen.status != 201) return;
    ++made;
    it.cluster.remove(target);
  };
  it.create("demo", production_spec());
  it.pass_time(300s);
  EXPECT_THAT(made, ::testing::AllOf(::testing::Ge(8), ::testing::Le(12)));
  EXPECT_EQ(it.condition("FieldConflict"), "True Contested");
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("StatefulSet demo-postgres"));
  it.cluster.after_write = nullptr;
  it.pass_time(kLongestPause);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(Fight, TheRivalIsAskedForUntilTheApiServerHasSaidWhoItIs) {
  it.cluster.failing["GET Deployment/demo-worker"] = 500;
  fight(60s);
  ASSERT_EQ(it.condition("FieldConflict"), "True Contested");
  EXPECT_THAT(it.message("FieldConflict"), ::testing::Not(HasSubstr("(by ")));
  it.cluster.failing.clear();
  fight(60s);
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("Deployment demo-worker (by other-operator)"));
}

TEST_F(Fight, OverTheRedisStateThatIsMadeAnewAndFollowsTheResourceIsSlowedDownAndToldOnce) {
  it.edit_spec("demo", [](Json& spec) { spec["deletionPolicy"] = "Delete"; });
  it.settle();
  it.forget_requests();
  const auto state = key("ConfigMap", "demo-redis-state");
  for (int i = 0; i < 60; ++i) {
    if (it.cluster.find(state) != nullptr) it.cluster.remove(state);
    it.pass_time(5s);
  }
  const auto made =
      it.count([](const Seen& seen) { return seen.is_write() && seen.status == 201; });
  EXPECT_THAT(made, ::testing::AllOf(::testing::Ge(8U), ::testing::Le(12U)));
  EXPECT_EQ(it.condition("FieldConflict"), "True Contested");
  const std::string told = it.message("FieldConflict"), title = "ConfigMap demo-redis-state";
  ASSERT_THAT(told, HasSubstr(title));
  EXPECT_EQ(told.find(title), told.rfind(title)) << told;
}

TEST_F(Fight, OverWhatTheDeletionPolicyAsksOfVolumesIsSlowedDownToo) {
  it.edit_spec("demo", [](Json& spec) { spec["deletionPolicy"] = "Delete"; });
  it.settle();
  it.forget_requests();
  const auto claim = key("PersistentVolumeClaim", "data-demo-postgres-0");
  for (int i = 0; i < 60; ++i) {
    if (it.cluster.find(claim)->at("metadata").contains("ownerReferences"))
      it.cluster.edit_as("backup", claim,
                         [](Json& body) { body["metadata"].erase("ownerReferences"); });
    it.pass_time(5s);
  }
  EXPECT_THAT(it.writes().size(), ::testing::AllOf(::testing::Ge(8U), ::testing::Le(12U)));
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("data-demo-postgres-0"));
}

TEST_F(Fight, WhatTheOperatorItselfRemovesAndMakesAgainIsNone) {
  for (int i = 0; i < 2 * kRepairsAtOnce; ++i) {
    for (const int replicas : {1, 2}) {
      it.edit_spec("demo", [replicas](Json& spec) { spec["api"]["replicas"] = replicas; });
      it.settle();
    }
    ASSERT_NE(it.find("PodDisruptionBudget", "demo-api"), nullptr) << i;
  }
  EXPECT_EQ(it.condition("FieldConflict"), "");
}

TEST_F(Fight, AJobThatFailsAgainAndAgainIsNone) {
  it.controllers.failing_jobs = {{"demo-migrate", 9}};
  it.edit_spec("demo", [](Json& spec) { spec["images"]["app"] = "example.org/app:next"; });
  it.settle();
  it.pass_time(3600s);
  EXPECT_EQ(it.condition("FieldConflict"), "");
}

TEST(Admission, ThatStoresOtherValuesIsToldAndNotFought) {
  Harness it;
  it.cluster.admission = [](const SmallCluster::Key& target, Json& body) {
    if (target.name == "demo-worker") body["spec"]["replicas"] = 7;
  };
  it.create("demo", minimal_spec());
  it.settle();
  EXPECT_EQ(it.condition("FieldConflict"), "True Altered");
  EXPECT_THAT(it.message("FieldConflict"), HasSubstr("Deployment demo-worker"));
  it.forget_requests();
  it.pass_time(600s);
  EXPECT_THAT(it.writes(), IsEmpty());
  it.restart();
  it.settle();
  EXPECT_THAT(it.writes(), SizeIs(1)) << "a new process does not know yet";
  EXPECT_EQ(it.condition("FieldConflict"), "True Altered");
  it.cluster.admission = nullptr;
  it.restart();
  it.settle();
  EXPECT_EQ(it.condition("FieldConflict"), "");
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Admission, ThatStoresWhatTheResourceAsksForByNowAltersNothing) {
  Harness it;
  it.cluster.admission = [](const SmallCluster::Key& target, Json& body) {
    if (target.name == "demo-worker") body["spec"]["replicas"] = 7;
  };
  it.create("demo", minimal_spec());
  it.settle();
  ASSERT_EQ(it.condition("FieldConflict"), "True Altered");
  it.edit_spec("demo", [](Json& spec) { spec["replicas"] = 7; });
  it.settle();
  EXPECT_EQ(it.condition("FieldConflict"), "");
  it.edit_spec("demo", [](Json& spec) { spec["replicas"] = 2; });
  it.settle();
  EXPECT_EQ(it.condition("FieldConflict"), "True Altered");
}

}  // namespace
}  // namespace reconcilers::test
