// The requests of a pass, several under way at once as in the running operator.
#include <atomic>
#include <chrono>
#include <set>
#include <thread>

#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::Le;
using ::testing::Not;

constexpr std::size_t kAtOnce = 8;

bool runs_pods(const std::string& write) {
  for (const char* kind : {"StatefulSet/", "Deployment/", "Job/"})
    if (write.find(kind) != std::string::npos) return true;
  return false;
}

TEST(SideBySide, MakesTheSameObjectsWithTheSameRequestsAsOneAfterTheOther) {
  Harness single, several(kAtOnce);
  for (Harness* it : {&single, &several}) {
    it->create("demo", production_spec());
    it->settle();
    EXPECT_EQ(it->condition("Ready"), "True Ready");
  }
  EXPECT_EQ(several.cluster.keys().size(), single.cluster.keys().size());
  // Names of configurations end in a hash of addresses, which are given in the order of arrival.
  EXPECT_EQ(several.writes().size(), single.writes().size());
  several.forget_requests();
  several.restart();
  several.settle();
  EXPECT_THAT(several.writes(), IsEmpty());
}

TEST(SideBySide, WhatRunsPodsIsSentWhenAllThatTheyNeedIsThere) {
  Harness it(kAtOnce);
  it.create("demo", test_spec());
  it.sync();
  it.reconcile();
  const auto writes = it.writes();
  const auto first = std::find_if(writes.begin(), writes.end(), runs_pods);
  ASSERT_NE(first, writes.end());
  EXPECT_TRUE(std::all_of(first, writes.end(), runs_pods));
  EXPECT_GT(first - writes.begin(), 10);
}

TEST(SideBySide, NothingThatRunsPodsIsSentWithoutTheServiceAccount) {
  Harness it(kAtOnce);
  it.cluster.failing["PATCH ServiceAccount/demo"] = 500;
  it.create("demo", test_spec());
  for (int pass = 0; pass < 3; ++pass) {
    it.sync();
    it.reconcile();
  }
  const auto writes = it.writes();
  EXPECT_TRUE(std::none_of(writes.begin(), writes.end(), runs_pods));
  EXPECT_NE(it.find("Service", "demo-api"), nullptr);
}

TEST(SideBySide, InANamespaceThatIsGoingNoMoreIsSentThanIsUnderWay) {
  Harness it(kAtOnce);
  it.create("demo", test_spec());
  it.sync();
  it.cluster.before_write = [&](const Seen& write) {
    if (write.kind == "Service") it.cluster.namespace_ending = true;
  };
  it.reconcile();
  const auto refused = it.count([](const Seen& write) { return write.status == 403; });
  EXPECT_THAT(refused, AllOf(Ge(1U), Le(kAtOnce)));
  it.forget_requests();
  for (int pass = 0; pass < 3; ++pass) {
    it.sync();
    it.reconcile();
  }
  EXPECT_THAT(it.writes(), IsEmpty()) << "the namespace will not come back in a moment";
}

TEST(SideBySide, WhatWasAnsweredIsKnownThoughAnotherRequestEndsThePass) {
  Harness it(kAtOnce);
  std::atomic<int> answered = 0;
  it.cluster.failing["PATCH ServiceAccount/demo"] = 401;  // the first of the plan, the last to fail
  it.cluster.after_write = [&](const Seen& write) { answered += write.kind == "Service" ? 1 : 0; };
  it.cluster.on_the_way = [&](const k8s::Request& request) {
    while (request.path.ends_with("/serviceaccounts/demo") && answered < 3)
      std::this_thread::sleep_for(1ms);
  };
  it.create("demo", test_spec());
  it.sync();
  it.reconcile();
  ASSERT_EQ(it.failed_passes, 1);
  ASSERT_GE(it.cluster.keys("Service").size(), 3U);
  it.cluster.failing.clear();
  it.cluster.on_the_way = nullptr;
  it.forget_requests();
  it.reconcile();  // the watches have told nothing yet
  EXPECT_THAT(it.writes(), Not(Contains(EndsWith(" 409"))));
}

TEST(SideBySide, RefusalsAreToldInTheOrderOfThePlanWhateverAnswersFirst) {
  std::set<std::string> messages;
  for (int round = 0; round < 5; ++round) {
    Harness it(kAtOnce);
    for (const char* name : {"Service/demo-api", "Service/demo-postgres", "NetworkPolicy/demo-api"})
      it.cluster.refused[name] = "not here";
    it.create("demo", test_spec());
    it.settle();
    messages.insert(it.message("Stalled"));
  }
  EXPECT_EQ(messages.size(), 1U);
}

}  // namespace
}  // namespace reconcilers::test
