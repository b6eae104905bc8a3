#include "operator/work_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "queue_values.h"

namespace op {
namespace {

struct Durations : QueueObserver {
  void waited(std::chrono::duration<double> time) override { waits.push_back(time.count()); }
  void worked(std::chrono::duration<double> time) override { works.push_back(time.count()); }
  std::vector<double> waits, works;
};

TEST(WorkQueue, HoldsAKeyOnlyOnce) {
  WorkQueue queue;
  queue.add(kA, kStart);
  queue.add(kA, kStart);
  EXPECT_EQ(queue.pop(kStart), kA);
  queue.done(kA, kStart);
  EXPECT_EQ(queue.pop(kStart), std::nullopt);
}

TEST(WorkQueue, GivesKeysInTheOrderInWhichTheyBecameDue) {
  WorkQueue queue;
  queue.add_after(kA, kStart, 20ms);
  queue.add_after(kB, kStart, 10ms);
  EXPECT_EQ(queue.pop(kStart + 30ms), kB);
  EXPECT_EQ(queue.pop(kStart + 30ms), kA);
}

TEST(WorkQueue, KeepsTheOrderOfAdditionAtTheSameTime) {
  WorkQueue queue;
  queue.add(kB, kStart);
  queue.add(kA, kStart);
  EXPECT_EQ(queue.pop(kStart), kB);
  EXPECT_EQ(queue.pop(kStart), kA);
}

struct TwoAdds {
  const char* name;
  std::chrono::milliseconds first, second, due;
};
class EarliestTime : public testing::TestWithParam<TwoAdds> {};

TEST_P(EarliestTime, Wins) {
  const auto& [name, first, second, due] = GetParam();
  WorkQueue queue;
  queue.add_after(kA, kStart, first);
  queue.add_after(kA, kStart, second);
  EXPECT_EQ(queue.next(), kStart + due);
  EXPECT_EQ(queue.pop(kStart + due - 1ms), std::nullopt);
  EXPECT_EQ(queue.pop(kStart + due), kA);
  queue.done(kA, kStart + due);
  EXPECT_EQ(queue.next(), std::nullopt) << "the later time must be forgotten";
}

INSTANTIATE_TEST_SUITE_P(Table, EarliestTime,
                         testing::Values(TwoAdds{"earlier_second", 30ms, 10ms, 10ms},
                                         TwoAdds{"later_second", 10ms, 30ms, 10ms},
                                         TwoAdds{"now_second", 30ms, 1ms, 1ms}),
                         [](const auto& test) { return test.param.name; });

TEST(WorkQueue, NeverGivesAKeyThatIsBeingProcessed) {
  WorkQueue queue;
  queue.add(kA, kStart);
  ASSERT_EQ(queue.pop(kStart), kA);
  queue.add(kA, kStart + 1ms);
  EXPECT_EQ(queue.pop(kStart + 10ms), std::nullopt);
  EXPECT_EQ(queue.next(), std::nullopt);
  queue.done(kA, kStart + 10ms);
  EXPECT_EQ(queue.pop(kStart + 10ms), kA) << "a key that changed during its pass runs again";
}

TEST(WorkQueue, LetsAnEventOvertakeARequeueThatWasAskedDuringThePass) {
  WorkQueue queue;
  queue.add(kA, kStart);
  ASSERT_EQ(queue.pop(kStart), kA);
  queue.add_after(kA, kStart, 10s);
  queue.add(kA, kStart + 1ms);
  queue.done(kA, kStart + 2ms);
  EXPECT_EQ(queue.pop(kStart + 2ms), kA);
}

TEST(WorkQueue, DoublesTheBackOffOfAKeyUpToItsLimitUntilForgotten) {
  WorkQueue queue({.first_backoff = 5ms, .longest_backoff = 30ms});
  Time now = kStart;
  const auto delay = [&queue, &now] {
    queue.add_backed_off(kA, now);
    const auto due = queue.next().value();
    const auto waited = due - now;
    now = due;
    EXPECT_EQ(queue.pop(now), kA);
    queue.done(kA, now);
    return std::chrono::duration_cast<std::chrono::milliseconds>(waited).count();
  };
  std::vector<std::int64_t> delays;
  for (int i = 0; i < 5; ++i) delays.push_back(delay());
  queue.forget(kA);
  delays.push_back(delay());
  EXPECT_EQ(delays, (std::vector<std::int64_t>{5, 10, 20, 30, 30, 5}));
}

TEST(WorkQueue, NeverOverflowsItsBackOff) {
  WorkQueue queue;
  for (int i = 0; i < 200; ++i) {
    queue.add_backed_off(kA, kStart);
    ASSERT_EQ(queue.pop(*queue.next()), kA);
    queue.done(kA, kStart);
  }
  queue.add_backed_off(kA, kStart);
  EXPECT_EQ(queue.next(), kStart + 300s);
}

TEST(WorkQueue, BacksEachKeyOffAlone) {
  WorkQueue queue;
  for (int i = 0; i < 10; ++i) {
    queue.add_backed_off(kA, kStart);
    ASSERT_EQ(queue.pop(*queue.next()), kA);
    queue.done(kA, kStart);
  }
  queue.add_backed_off(kB, kStart);
  EXPECT_EQ(queue.next(), kStart + 5ms);
}

TEST(WorkQueue, KeepsAMinimumThatTheServerAskedFor) {
  WorkQueue queue;
  queue.add_backed_off(kA, kStart, 7s);
  EXPECT_EQ(queue.next(), kStart + 7s);
}

TEST(WorkQueue, RefusesMoreKeysThanItsBound) {
  WorkQueue queue({.keys = 1});
  queue.add(kA, kStart);
  EXPECT_NO_THROW(queue.add(kA, kStart));
  EXPECT_THROW(queue.add(kB, kStart), std::length_error);
}

TEST(WorkQueue, ReportsItsStateAtATime) {
  WorkQueue queue;
  queue.add(kA, kStart);
  queue.add_backed_off(kB, kStart, 1s);
  QueueState before;
  before.depth = 1, before.delayed = 1, before.adds = 2, before.retries = 1, before.failing = 1;
  EXPECT_EQ(queue.state(kStart), before);
  ASSERT_EQ(queue.pop(kStart), kA);
  QueueState during;
  during.depth = 1, during.adds = 2, during.retries = 1, during.active = 1, during.failing = 1;
  during.unfinished = during.longest_running = 3s;
  EXPECT_EQ(queue.state(kStart + 3s), during);
}

TEST(WorkQueue, TellsHowLongKeysWaitedAndWorked) {
  Durations durations;
  WorkQueue queue({}, &durations);
  queue.add_after(kA, kStart, 1s);
  ASSERT_EQ(queue.pop(kStart + 3s), kA);
  queue.done(kA, kStart + 7s);
  EXPECT_EQ(durations.waits, std::vector<double>{2});
  EXPECT_EQ(durations.works, std::vector<double>{4});
}

TEST(WorkQueue, StopWakesEveryTaker) {
  WorkQueue queue;
  queue.add_after(kA, k8s::Clock::now(), 1h);
  std::vector<std::thread> takers;
  for (int i = 0; i < 4; ++i) {
    takers.emplace_back([&queue] { EXPECT_EQ(queue.take(k8s::Clock::now), std::nullopt); });
  }
  queue.stop();
  for (auto& taker : takers) taker.join();
  queue.add(kB, k8s::Clock::now());
  EXPECT_EQ(queue.take(k8s::Clock::now), std::nullopt);
}

TEST(WorkQueue, WakesATakerForAKeyThatIsDueEarlierThanTheOneItWaitsFor) {
  WorkQueue queue;
  queue.add_after(kA, k8s::Clock::now(), 1h);
  std::thread taker([&queue] { EXPECT_EQ(queue.take(k8s::Clock::now), kB); });
  std::this_thread::sleep_for(20ms);
  queue.add_after(kB, k8s::Clock::now(), 10ms);
  taker.join();
}

// Many threads add, take and requeue: no key is ever held twice, and the last change of each key is
// seen by a pass that began after it.
TEST(WorkQueue, LosesNoChangeAndOverlapsNoKeyUnderStress) {
  constexpr int kKeys = 8, kChanges = 3'000, kProducers = 3, kTakers = 4;
  WorkQueue queue;
  std::array<std::atomic<int>, kKeys> holders{}, changed{}, seen{};
  std::vector<std::thread> threads;
  for (int taker = 0; taker < kTakers; ++taker) {
    threads.emplace_back([&] {
      int passes = 0;
      while (const auto key = queue.take(k8s::Clock::now)) {
        const auto index = static_cast<std::size_t>(std::stoi(key->name));
        EXPECT_EQ(holders[index].fetch_add(1), 0);
        seen[index] = changed[index].load();
        if (++passes % 7 == 0) queue.add_backed_off(*key, k8s::Clock::now());
        if (passes % 11 == 0) queue.forget(*key);
        holders[index].fetch_sub(1);
        queue.done(*key, k8s::Clock::now());
      }
    });
  }
  std::vector<std::thread> producers;
  for (int producer = 0; producer < kProducers; ++producer) {
    producers.emplace_back([&, producer] {
      for (int i = 0; i < kChanges; ++i) {
        const int index = (i * 5 + producer) % kKeys;
        changed[static_cast<std::size_t>(index)].fetch_add(1);
        queue.add({"EntityService", "ns", std::to_string(index)}, k8s::Clock::now());
      }
    });
  }
  for (auto& producer : producers) producer.join();
  const auto idle = [&queue] {
    const QueueState state = queue.state(k8s::Clock::now());
    return state.depth == 0 && state.delayed == 0 && state.active == 0;
  };
  for (int i = 0; i < 1'000 && !idle(); ++i) std::this_thread::sleep_for(10ms);
  EXPECT_TRUE(idle());
  queue.stop();
  for (auto& thread : threads) thread.join();
  for (std::size_t i = 0; i < kKeys; ++i) EXPECT_EQ(seen[i], changed[i]) << "key " << i;
}

}  // namespace
}  // namespace op
