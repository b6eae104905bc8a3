#include "operator/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace op {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using Time = k8s::Clock::time_point;

const Time kStart{1000s};
constexpr auto kLimit = 320s + kHealthMargin;

WatchReport report(const std::string& kind, Time last_event, int failures = 0) {
  WatchReport result{
      .name = kind, .kind = kind, .health = {}, .started = kStart, .last_step = last_event};
  result.health.synced = true;
  result.health.last_event = last_event;
  result.health.failures_in_a_row = failures;
  if (failures > 0) result.health.last_error = "connection refused";
  return result;
}

TEST(Liveness, IsGoodWhileEveryWatchHearsSomething) {
  const Time now = kStart + 1h;
  EXPECT_EQ(liveness_problem({report("Pod", now - kLimit), report("Secret", now)}, now), "");
}

TEST(Liveness, NamesTheWatchThatFellSilent) {
  const Time now = kStart + 1h;
  auto silent = report("Pod", now - kLimit - 1s);
  silent.last_step = now;
  EXPECT_EQ(liveness_problem({silent, report("Secret", now)}, now),
            "watch of Pod made no progress for 381 s\n");
}

TEST(Liveness, CountsAWatchThatNeverHeardAnythingFromItsStart) {
  WatchReport never{.name = "Pod",
                    .kind = "Pod",
                    .health = {},
                    .started = kStart,
                    .last_step = kStart + kLimit + 1s};
  EXPECT_EQ(liveness_problem({never}, kStart + kLimit), "");
  EXPECT_THAT(liveness_problem({never}, kStart + kLimit + 1s), HasSubstr("watch of Pod"));
}

TEST(Liveness, CountsAListAsProgress) {
  const Time now = kStart + 1h;
  auto listed = report("Pod", kStart);
  listed.last_step = now;
  listed.health.last_list = now - 1s;
  EXPECT_EQ(liveness_problem({listed}, now), "");
}

TEST(Liveness, SaysWhyOneWatchFailsWhileOthersGetThrough) {
  const Time now = kStart + 1h;
  auto failing = report("Pod", kStart, 9);
  failing.last_step = now;
  EXPECT_EQ(liveness_problem({failing, report("Secret", now)}, now),
            "watch of Pod made no progress for 3600 s: connection refused\n");
}

TEST(Liveness, DoesNotRestartTheProcessBecauseTheApiServerIsAway) {
  const Time now = kStart + 1h;
  auto pods = report("Pod", kStart, 9), secrets = report("Secret", kStart, 8);
  pods.last_step = secrets.last_step = now;
  EXPECT_EQ(liveness_problem({pods, secrets}, now), "");
}

TEST(Liveness, NoticesAThreadThatHangsEvenThen) {
  const Time now = kStart + 1h;
  auto pods = report("Pod", kStart, 9), secrets = report("Secret", kStart, 8);
  pods.last_step = now;
  EXPECT_EQ(liveness_problem({pods, secrets}, now), "watch of Secret hangs since 3600 s\n");
}

TEST(Liveness, DoesNotExpectAnythingOfAnOptionalKind) {
  const Time now = kStart + 1h;
  auto absent = report("Namespace", kStart, 5);
  absent.optional = true;
  absent.last_step = now;
  EXPECT_EQ(liveness_problem({absent, report("Pod", now)}, now), "");
}

TEST(Readiness, NamesWhatHasNotSyncedAndWhy) {
  auto pods = report("Pod", kStart, 1), secrets = report("Secret", kStart);
  pods.health.synced = false;
  EXPECT_EQ(readiness_problem({pods, secrets}), "not synced: Pod: connection refused\n");
  pods.health.synced = true;
  EXPECT_EQ(readiness_problem({pods, secrets}), "");
}

}  // namespace
}  // namespace op
