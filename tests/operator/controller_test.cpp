#include "operator/controller.h"

#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <vector>

#include "captured_log.h"
#include "k8s-client/errors.h"

namespace op {
namespace {

using namespace std::chrono_literals;
using k8s::ObjectKey;
using k8s::TransportError;
using reconcilers::Action;
using Time = k8s::Clock::time_point;

const ObjectKey kA{"EntityService", "ns", "a"};
const ObjectKey kB{"EntityService", "ns", "b"};
const Time kStart{1000s};

struct Passes : PassObserver {
  void started() override { ++begun; }
  void finished(PassResult result, std::chrono::duration<double>) override {
    results.push_back(result);
  }
  int begun = 0;
  std::vector<PassResult> results;
};

struct Fixture {
  explicit Fixture(Controller::Reconcile reconcile)
      : controller(queue, std::move(reconcile),
                   {.synced = [this] { return synced; },
                    .now = [this] { return now; },
                    .observer = &passes,
                    .id_prefix = "test"}) {
    queue.add(kA, now);
  }
  Time now = kStart;
  bool synced = true;
  Passes passes;
  WorkQueue queue;
  Controller controller;
};

struct Outcome {
  const char* name;
  std::function<Action()> act;
  PassResult result;
  std::optional<std::chrono::milliseconds> again;
};
class PassOutcome : public testing::TestWithParam<Outcome> {};

TEST_P(PassOutcome, DecidesWhatTheQueueDoesNext) {
  const Outcome& outcome = GetParam();
  Fixture fixture([&outcome](const ObjectKey&) { return outcome.act(); });
  EXPECT_TRUE(fixture.controller.step(kStart));
  EXPECT_EQ(fixture.passes.results, std::vector{outcome.result});
  std::optional<Time> due;
  if (outcome.again) due = kStart + *outcome.again;
  EXPECT_EQ(fixture.queue.next(), due);
  EXPECT_EQ(fixture.queue.state(kStart).active, 0) << "the key must be given back";
}

INSTANTIATE_TEST_SUITE_P(
    Table, PassOutcome,
    testing::Values(
        Outcome{"in_step", [] { return Action::await_change(); }, PassResult::Success, {}},
        Outcome{"comes_back", [] { return Action::requeue(30s); }, PassResult::RequeueAfter, 30s},
        Outcome{"conflict", []() -> Action { throw k8s::ApiError(409, "Conflict", "changed"); },
                PassResult::Requeue, 5ms},
        Outcome{"api_error", []() -> Action { throw k8s::ApiError(500, "InternalError", "oops"); },
                PassResult::Error, 5ms},
        Outcome{"throttled",
                []() -> Action { throw k8s::ApiError(429, "TooMany", "slow", nullptr, 3s); },
                PassResult::Error, 3s},
        Outcome{"no_answer",
                []() -> Action { throw TransportError(TransportError::Stage::Connect, "down"); },
                PassResult::Error, 5ms},
        Outcome{"not_leader",
                []() -> Action { throw TransportError(TransportError::Stage::Cancelled, "lost"); },
                PassResult::Requeue, 5ms},
        Outcome{"late_answer",
                []() -> Action { throw TransportError(TransportError::Stage::Deadline, "slow"); },
                PassResult::Timeout, 5ms},
        Outcome{"invalid",
                [] {
                  return Action{std::nullopt, true};
                },
                PassResult::Invalid,
                {}},
        Outcome{"malformed", []() -> Action { throw k8s::ConfigError("half a file"); },
                PassResult::Error, 5ms},
        Outcome{"bug", []() -> Action { throw std::logic_error("bug"); }, PassResult::Bug, 5ms},
        Outcome{"panic", []() -> Action { throw 42; }, PassResult::Bug, 5ms}),
    [](const auto& test) { return test.param.name; });

TEST(Controller, BacksOffFurtherWithEachFailureAndStartsAfreshAfterSuccess) {
  int calls = 0;
  Fixture fixture([&calls](const ObjectKey&) -> Action {
    if (++calls == 4) return Action::requeue(1s);
    throw std::runtime_error("broken");
  });
  std::vector<Time::duration> delays;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(fixture.controller.step(fixture.now));
    const Time due = fixture.queue.next().value();
    delays.push_back(due - fixture.now);
    fixture.now = due;
  }
  EXPECT_EQ(delays, (std::vector<Time::duration>{5ms, 10ms, 20ms, 1s, 5ms}));
}

TEST(Controller, ReconcilesNothingBeforeAllWatchesHaveSynced) {
  int calls = 0;
  Fixture fixture([&calls](const ObjectKey&) {
    ++calls;
    return Action::await_change();
  });
  fixture.synced = false;
  EXPECT_FALSE(fixture.controller.step(kStart));
  EXPECT_EQ(calls, 0);
  fixture.synced = true;
  EXPECT_TRUE(fixture.controller.step(kStart));
  EXPECT_EQ(calls, 1);
}

TEST(Controller, DoesNotLetAFailingKeyDelayAnother) {
  std::vector<ObjectKey> order;
  Fixture fixture([&order](const ObjectKey& key) -> Action {
    order.push_back(key);
    if (key == kA) throw std::runtime_error("broken");
    return Action::await_change();
  });
  fixture.queue.add(kB, kStart);
  while (fixture.controller.step(kStart)) {
  }
  EXPECT_EQ(order, (std::vector{kA, kB}));
}

TEST(Controller, RunsAKeyAgainThatChangedDuringItsPass) {
  int calls = 0;
  Fixture* self = nullptr;
  Fixture fixture([&](const ObjectKey& key) {
    if (++calls == 1) self->queue.add(key, kStart);
    return Action::requeue(1h);
  });
  self = &fixture;
  EXPECT_TRUE(fixture.controller.step(kStart));
  EXPECT_TRUE(fixture.controller.step(kStart));
  EXPECT_FALSE(fixture.controller.step(kStart));
  EXPECT_EQ(calls, 2);
}

TEST(Controller, NamesKeyAndPassInItsLog) {
  const CapturedLog log(LogFormat::Json);
  Fixture fixture([](const ObjectKey&) -> Action { throw std::runtime_error("no luck"); });
  fixture.controller.step(kStart);
  auto line = nlohmann::json::parse(log.text());
  line.erase("time");
  const nlohmann::json expected = {{"level", "error"},
                                   {"msg", "pass failed: no luck"},
                                   {"key", "ns/a"},
                                   {"reconcile_id", "test-1"}};
  EXPECT_EQ(line, expected);
}

}  // namespace
}  // namespace op
