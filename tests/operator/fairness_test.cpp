// Who goes first, and what nobody has to wait for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "operator/stop_event.h"
#include "queue_values.h"

namespace op {
namespace {

TEST(Fairness, PutsAChangeBeforeWhatTheFirstListsHold) {
  WorkQueue queue;
  queue.add_listed(kA, kStart);
  queue.add(kB, kStart + 1s);
  EXPECT_EQ(queue.pop(kStart + 1s), kB);
  EXPECT_EQ(queue.pop(kStart + 1s), kA);
}

TEST(Fairness, PutsAKeyOfTheFirstListsBeforeTheOthersWhenItChanges) {
  WorkQueue queue;
  queue.add_listed(kA, kStart);
  queue.add_listed(kB, kStart);
  queue.add(kB, kStart + 1s);
  queue.add_listed(kB, kStart + 1s);
  EXPECT_EQ(queue.pop(kStart + 1s), kB);
  EXPECT_EQ(queue.pop(kStart + 1s), kA);
}

TEST(Fairness, GivesTheFirstListsTheirTurnHoweverMuchChanges) {
  WorkQueue queue({.turn = 4});
  std::vector<std::string> order;
  for (const char* name : {"l1", "l2"}) queue.add_listed({"EntityService", "ns", name}, kStart);
  for (int i = 0; i < 9; ++i) {
    queue.add(kA, kStart);
    const auto key = queue.pop(kStart).value();
    order.push_back(key.name);
    queue.done(key, kStart);
  }
  EXPECT_THAT(order, testing::ElementsAre("a", "a", "a", "l1", "a", "a", "a", "l2", "a"));
}

TEST(Fairness, TakesAKeyThatChangesWithoutEndInTurnWithTheOthers) {
  WorkQueue queue;
  std::vector<std::string> order;
  for (const auto& key : {kA, kB}) queue.add(key, kStart);
  for (int i = 0; i < 6; ++i) {
    const Time now = kStart + i * 1ms;
    const auto key = queue.pop(now).value();
    order.push_back(key.name);
    for (int change = 0; change < 100; ++change) queue.add(kA, now);
    if (key == kB) queue.add(kB, now);
    queue.done(key, now);
  }
  EXPECT_THAT(order, testing::ElementsAre("a", "b", "a", "b", "a", "b"));
}

TEST(Fairness, LetsAChangeShortenABackOffToAPauseAndNoFurther) {
  WorkQueue queue({.first_backoff = 20s, .failing_pause = 1s});
  queue.add_backed_off(kA, kStart);
  queue.add(kA, kStart + 100ms);
  queue.add_listed(kA, kStart + 200ms);
  EXPECT_EQ(queue.next(), kStart + 1s);
  ASSERT_EQ(queue.pop(kStart + 1s), kA);
  queue.add(kA, kStart + 2s);  // by what the pass itself has written
  queue.add_backed_off(kA, kStart + 2s);
  queue.done(kA, kStart + 2s);
  EXPECT_EQ(queue.next(), kStart + 3s);
  ASSERT_EQ(queue.pop(kStart + 3s), kA);
  queue.forget(kA);
  queue.add(kA, kStart + 4s);
  queue.done(kA, kStart + 4s);
  EXPECT_EQ(queue.next(), kStart + 4s) << "a key that has recovered waits for nothing";
}

TEST(Fairness, LetsNoChangeHastenAKeyBeforeTheServersRetryAfter) {
  WorkQueue queue;
  queue.add_backed_off(kA, kStart, 7s);
  queue.add(kA, kStart + 1s);
  EXPECT_EQ(queue.next(), kStart + 7s);
}

TEST(Fairness, GivesFailingKeysNoMoreThanTheirShareOfTheWorkers) {
  WorkQueue queue({.failing_at_once = 1});
  queue.add_backed_off(kA, kStart);
  queue.add_backed_off(kB, kStart);
  const Time now = kStart + 1s;
  EXPECT_EQ(queue.pop(now), kA);
  EXPECT_EQ(queue.pop(now), std::nullopt);
  EXPECT_EQ(queue.next(), std::nullopt) << "nobody waits for a key that must not be taken";
  const ObjectKey healthy{"EntityService", "ns", "c"};
  queue.add(healthy, now);
  EXPECT_EQ(queue.pop(now), healthy);
  queue.done(kA, now);
  EXPECT_EQ(queue.pop(now), kB);
}

TEST(Fairness, SaysThatSomebodyWaitsWhoIsDueAndHasNotFailed) {
  WorkQueue queue;
  queue.add_backed_off(kA, kStart);
  queue.add_after(kB, kStart, 1s);
  EXPECT_FALSE(queue.anybody_waits(kStart + 999ms));
  EXPECT_TRUE(queue.anybody_waits(kStart + 1s));
  while (queue.pop(kStart + 1s)) {
  }
  EXPECT_FALSE(queue.anybody_waits(kStart + 1s)) << "workers have them";
  queue.done(kB, kStart + 1s);
  queue.add_listed(kB, kStart + 1s);
  EXPECT_TRUE(queue.anybody_waits(kStart + 1s));
}

TEST(Fairness, RemembersNothingOfAKeyThatHasRecovered) {
  WorkQueue queue;
  queue.add_backed_off(kA, kStart);
  EXPECT_EQ(queue.state(kStart).failing, 1);
  ASSERT_EQ(queue.pop(kStart + 5ms), kA);
  queue.forget(kA);
  queue.done(kA, kStart + 5ms);
  QueueState nothing;
  nothing.adds = 1, nothing.retries = 1;
  EXPECT_EQ(queue.state(kStart + 5ms), nothing);
}

// Four workers; each of the poisoned keys holds its worker for 30 s and fails, again and again. The
// others change once a second and take 10 ms a pass.
struct Simulation {
  struct Worker {
    Time free_at;
    std::optional<ObjectKey> holds = {};
  };
  static bool poisoned(const ObjectKey& key) { return key.name.front() == 'p'; }

  void run(int poisons, int seconds) {
    std::vector<Worker> workers(4, Worker{kStart});
    for (int i = 0; i < poisons; ++i)
      queue.add({"EntityService", "ns", "p" + std::to_string(i)}, kStart);
    for (Time now = kStart; now < kStart + seconds * 1s; now += 10ms) {
      for (int i = 0; i < 10 && (now - kStart) % 1s == 0ms; ++i) {
        const ObjectKey key{"EntityService", "ns", "h" + std::to_string(i)};
        if (changed.emplace(key, now).second) queue.add(key, now);
      }
      for (Worker& worker : workers) step(worker, now);
    }
  }
  void step(Worker& worker, Time now) {
    if (worker.free_at > now) return;
    if (worker.holds) {
      if (poisoned(*worker.holds)) queue.add_backed_off(*worker.holds, now);
      queue.done(*worker.holds, now);
    }
    worker.holds = queue.pop(now);
    if (!worker.holds) return;
    ++passes[poisoned(*worker.holds)];
    worker.free_at = now + (poisoned(*worker.holds) ? 30'000ms : 10ms);
    const auto change = changed.find(*worker.holds);
    if (change == changed.end()) return;
    if (change->second > kStart + 40s) longest_wait = std::max(longest_wait, now - change->second);
    changed.erase(change);
  }

  WorkQueue queue;
  std::map<ObjectKey, Time> changed;
  std::map<bool, int> passes;
  Time::duration longest_wait{0};  // once every poisoned key has failed for the first time
};

TEST(Fairness, LetsPoisonedKeysTakeNothingFromTheOthers) {
  Simulation alone, beside;
  alone.run(0, 600);
  beside.run(4, 600);
  EXPECT_EQ(alone.passes[false], 6000);
  EXPECT_GE(beside.passes[false], 6000 - 10 * 30) << "they wait for first passes alone";
  EXPECT_GE(beside.passes[true], 4) << "the poisoned keys are tried again";
  EXPECT_LE(beside.longest_wait, 50ms);
}

// Whoever takes the key that is due now may be the one that has waited for the other.
TEST(Fairness, WaitsForADelayedKeyAlsoWhenItsWaiterIsGivenAnother) {
  for (int round = 0; round < 12 && !HasFailure(); ++round) {
    WorkQueue queue;
    StopEvent delayed_taken;
    queue.add_after(kB, k8s::Clock::now(), 60ms);
    std::vector<std::thread> takers;
    for (int i = 0; i < 2; ++i) {
      takers.emplace_back([&] {
        const auto key = queue.take(k8s::Clock::now);
        if (key == kB) return delayed_taken.set();
        if (delayed_taken.wait_for(5s)) return;
        ADD_FAILURE() << "a long pass delays another key";
        queue.stop();
      });
    }
    std::this_thread::sleep_for(20ms);
    queue.add(kA, k8s::Clock::now());
    for (auto& taker : takers) taker.join();
  }
}

}  // namespace
}  // namespace op
