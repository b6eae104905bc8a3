#include "operator/watch_runner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "captured_log.h"
#include "fake_api_server.h"
#include "operator/alarm_clock.h"

namespace op {
namespace {

using namespace std::chrono_literals;

TEST(AlarmClock, MissesNoRingBetweenTheQuestionAndTheSleep) {
  AlarmClock clock;
  const auto rings = clock.rings();
  clock.ring();
  clock.sleep(rings, 1h);
  EXPECT_EQ(clock.rings(), rings + 1);
}

TEST(AlarmClock, SleepsNoLongerThanItIsTold) {
  AlarmClock clock;
  clock.sleep(clock.rings(), 1ms);
  EXPECT_EQ(clock.rings(), 0U);
}

TEST(WatchFigures, AreTheOldestAgesOfAKindAndNoneOfAnAbsentOne) {
  const k8s::Clock::time_point start{1h};
  const auto report = [start](const char* kind, std::chrono::seconds heard, bool absent) {
    WatchReport it;
    it.kind = kind;
    it.started = start;
    it.health.absent = absent;
    it.health.failures = 1;
    if (!absent) it.health.last_list = it.health.last_event = start + heard;
    return it;
  };
  const auto figures = watch_figures({report("Namespace", 0s, true), report("Pod", 5s, false),
                                      report("Pod", 2s, false), report("Pod", 0s, true)},
                                     start + 10s);
  ASSERT_EQ(figures.size(), 2U);
  EXPECT_EQ(figures[0].kind, "Namespace");
  EXPECT_FALSE(figures[0].last_event_age || figures[0].last_list_age);
  EXPECT_EQ(figures[1].last_event_age, WatchFigures::Age(8s));
  EXPECT_EQ(figures[1].last_list_age, WatchFigures::Age(8s));
  EXPECT_EQ(figures[1].failures, 3);
}

struct RunningWatches : testing::Test {
  bool eventually(const std::function<bool()>& holds) const {
    for (int i = 0; i < 1000 && !holds(); ++i) std::this_thread::sleep_for(10ms);
    return holds();
  }
  // Attempts that found nobody: each doubles the wait before the next one.
  std::int64_t failures() const {
    std::int64_t least = 1000;
    for (const WatchReport& report : runner.reports())
      least = std::min(least, report.health.failures);
    return least;
  }
  void fail_often() {
    for (std::int64_t i = 1; i <= 8; ++i) {
      ASSERT_TRUE(eventually([&] { return failures() >= i; })) << i;
      runner.server_answers();
    }
    ASSERT_TRUE(eventually([&] { return failures() >= 9; }));
  }

  FakeApiServer server;
  std::unique_ptr<k8s::Transport> transport = server.connect();
  const k8s::Client client{*transport};
  k8s::Store store;
  StopEvent stopping;
  WatchRunner runner{client,
                     store,
                     watch_specs({}, ""),
                     {.stepped = [] {},
                      .failed = [](const std::string& why) { ADD_FAILURE() << why; },
                      .sleep = [this](std::chrono::milliseconds time) { stopping.wait_for(time); },
                      .now = k8s::Clock::now}};
};

// By then each would wait for half a minute.
TEST_F(RunningWatches, ThatFoundNoConnectionGoOnAsSoonAsSomebodyFindsOne) {
  server.behaviour = Behaviour::Refuses;
  runner.start();
  fail_often();
  server.behaviour = Behaviour::Works;
  runner.server_answers();
  EXPECT_TRUE(eventually([this] { return runner.synced(); }));
  transport->close();
  stopping.set();
}

TEST_F(RunningWatches, GoOnAsSoonAsAnApiServerHasReadTheRolesWithWhichItStarted) {
  const auto all_say = [this](const char* text) {
    return std::ranges::all_of(runner.reports(), [text](const WatchReport& report) {
      return report.health.last_error.find(text) != std::string::npos;
    });
  };
  server.behaviour = Behaviour::Refuses;
  runner.start();
  fail_often();
  server.behaviour = Behaviour::Forbids;
  runner.server_answers();
  ASSERT_TRUE(eventually([&] { return all_say("no roles yet"); }));
  server.behaviour = Behaviour::Works;
  runner.server_answers();
  EXPECT_TRUE(eventually([this] { return runner.synced(); }));
  transport->close();
  stopping.set();
}

TEST_F(RunningWatches, SayNothingOfWatchesThatAStopEnds) {
  const CapturedLog log(LogFormat::Text);
  runner.start();
  EXPECT_TRUE(eventually([this] { return runner.synced(); }));
  runner.stop();
  transport->close();
  stopping.set();
  runner.join();
  EXPECT_EQ(log.text().find("failed"), std::string::npos) << log.text();
}

}  // namespace
}  // namespace op
