#include "operator/leader_election.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "fake_lease_server.h"
#include "operator/fenced_transport.h"

namespace op {
namespace {

using namespace std::chrono_literals;
using Time = k8s::Clock::time_point;
using State = LeaderElector::State;
using k8s::TransportError;

const Time kStart{1000s};

struct DecideCase {
  const char* name;
  std::optional<Lease> lease;
  std::chrono::seconds seen_ago;
  LeaseDecision decision;
};
class Decide : public testing::TestWithParam<DecideCase> {};

TEST_P(Decide, SaysWhatToDoAboutALease) {
  const DecideCase& c = GetParam();
  std::optional<ObservedLease> observed;
  if (c.lease) observed = ObservedLease{*c.lease, kStart - c.seen_ago};
  EXPECT_EQ(decide(observed, "me", kStart), c.decision);
}

Lease held(const std::string& holder, std::int64_t seconds) {
  return {.holder = holder, .duration_seconds = seconds};
}

INSTANTIATE_TEST_SUITE_P(
    Table, Decide,
    testing::Values(
        DecideCase{"none", {}, 0s, LeaseDecision::Create},
        DecideCase{"mine", held("me", 15), 5s, LeaseDecision::Renew},
        DecideCase{"mine_and_old", held("me", 15), 100s, LeaseDecision::Renew},
        DecideCase{"released", held("", 1), 0s, LeaseDecision::Take},
        DecideCase{"other_fresh", held("you", 15), 0s, LeaseDecision::Wait},
        DecideCase{"other_just_alive", held("you", 15), 15s, LeaseDecision::Wait},
        DecideCase{"other_expired", held("you", 15), 16s, LeaseDecision::Take},
        DecideCase{"other_with_longer_lease", held("you", 60), 16s, LeaseDecision::Wait},
        DecideCase{"nonsense_zero", held("you", 0), 2s, LeaseDecision::Take},
        DecideCase{"nonsense_huge", held("you", 1'000'000'000'000), 3601s, LeaseDecision::Take}),
    [](const auto& test) { return test.param.name; });

TEST(Lease, SurvivesItsJson) {
  const Lease lease{.holder = "me",
                    .duration_seconds = 15,
                    .transitions = 3,
                    .acquire_time = "2026-01-31T23:59:59.000001Z",
                    .renew_time = "2026-01-31T23:59:59.000002Z",
                    .resource_version = "7"};
  EXPECT_EQ(parse_lease(lease_object(lease, "ns", "name")), lease);
}

TEST(Lease, ReadsForeignContentAsEmpty) {
  EXPECT_EQ(parse_lease(k8s::Json::parse(R"({"spec":{"holderIdentity":null,
      "leaseDurationSeconds":"x"},"metadata":7})")),
            Lease{});
  EXPECT_EQ(parse_lease(k8s::Json::object()), Lease{});
}

TEST(Lease, WritesTimesWithMicroseconds) {
  const auto time = std::chrono::system_clock::from_time_t(1'767'225'599) + 1us;
  EXPECT_EQ(micro_time(time), "2025-12-31T23:59:59.000001Z");
}

// One candidate with its own connection; all share server and clock.
struct Candidate {
  Candidate(FakeLeaseServer& server, Time& now, const std::string& identity)
      : client(server),
        elector(client, fence,
                {.identity = identity,
                 .now = [&now] { return now; },
                 .wall_clock =
                     [&now] {
                       return std::chrono::system_clock::time_point(now.time_since_epoch());
                     }}) {}
  k8s::Client client;
  LeaseFence fence;
  LeaderElector elector;
};

struct Election : testing::Test {
  void advance(std::chrono::milliseconds time) { now += time; }
  Time now = kStart;
  FakeLeaseServer server;
  Candidate first{server, now, "first"}, second{server, now, "second"};
};

TEST_F(Election, TheFirstCandidateCreatesTheLeaseAndMayWriteUntilItExpires) {
  EXPECT_EQ(first.fence.until(), Time::min());
  EXPECT_EQ(first.elector.step(), 2s);
  EXPECT_EQ(first.elector.state(), State::Leader);
  EXPECT_EQ(first.fence.until(), kStart + 15s);
  auto lease = *server.lease;
  lease["metadata"].erase("resourceVersion");
  const k8s::Json expected = {
      {"apiVersion", "coordination.k8s.io/v1"},
      {"kind", "Lease"},
      {"metadata", {{"name", "entityservice-operator"}, {"namespace", "entityservice-system"}}},
      {"spec",
       {{"holderIdentity", "first"},
        {"leaseDurationSeconds", 15},
        {"leaseTransitions", 0},
        {"acquireTime", "1970-01-01T00:16:40.000000Z"},
        {"renewTime", "1970-01-01T00:16:40.000000Z"}}}};
  EXPECT_EQ(lease, expected);
}

TEST_F(Election, TheSecondWaitsAsLongAsTheFirstRenews) {
  for (int i = 0; i < 50; ++i) {
    first.elector.step();
    second.elector.step();
    advance(2s);
  }
  EXPECT_EQ(first.elector.state(), State::Leader);
  EXPECT_EQ(second.elector.state(), State::Standby);
  EXPECT_EQ(server.writes, 50) << "one write for each renewal, none by the standby";
}

TEST_F(Election, TheSecondTakesOverOnlyAfterTheFirstMayNoLongerWrite) {
  first.elector.step();
  advance(1s);
  while (second.elector.state() == State::Standby) {
    second.elector.step();
    if (second.elector.state() == State::Leader) break;
    ASSERT_LT(now, kStart + 60s);
    advance(2s);
  }
  EXPECT_GT(now, first.fence.until());
  EXPECT_LE(now, kStart + 20s);
  EXPECT_EQ(server.holder(), "second");
  EXPECT_EQ(server.lease->at("spec").at("leaseTransitions"), 1);
}

TEST_F(Election, CountsAnOldLeaseFromWhenItWasFirstSeenAndNotByItsTimes) {
  const Lease old{.holder = "gone",
                  .duration_seconds = 15,
                  .renew_time = "2001-01-01T00:00:00.000000Z",
                  .resource_version = "0"};
  server.lease.emplace(lease_object(old, "entityservice-system", "entityservice-operator"));
  first.elector.step();
  EXPECT_EQ(first.elector.state(), State::Standby);
  advance(16s);
  first.elector.step();
  EXPECT_EQ(first.elector.state(), State::Leader);
}

TEST_F(Election, CountsFromWhenASlowAnswerCameIn) {
  first.elector.step();
  // The answer that shows the lease to `second` takes 4 s; `first` renews meanwhile.
  server.before = [this](const k8s::Request& request) {
    if (request.method != "GET") return;
    server.before = [](const k8s::Request&) {};
    advance(4s);
    first.elector.step();
  };
  second.elector.step();
  const Time until = first.fence.until();
  now = until;
  second.elector.step();
  EXPECT_EQ(second.elector.state(), State::Standby) << "the first may still write";
}

TEST_F(Election, OnlyOneOfTwoThatTakeAtOnceWins) {
  const Lease released{.duration_seconds = 1, .resource_version = "0"};
  server.lease.emplace(lease_object(released, "entityservice-system", "entityservice-operator"));
  server.before = [this](const k8s::Request& request) {
    if (request.method != "PUT") return;
    server.before = [](const k8s::Request&) {};
    second.elector.step();  // between the look of `first` and its write
  };
  first.elector.step();
  EXPECT_EQ(second.elector.state(), State::Leader);
  EXPECT_EQ(first.elector.state(), State::Standby);
  EXPECT_EQ(server.holder(), "second");
}

TEST_F(Election, ReleasingLetsTheNextTakeOverAtOnce) {
  first.elector.step();
  second.elector.step();
  first.elector.release();
  EXPECT_EQ(first.fence.until(), Time::min());
  EXPECT_EQ(server.holder(), "");
  EXPECT_EQ(server.lease->at("spec").at("leaseDurationSeconds"), 1);
  advance(2s);
  second.elector.step();
  EXPECT_EQ(second.elector.state(), State::Leader);
}

TEST_F(Election, KnowsWhetherItHadToWait) {
  first.elector.step();
  EXPECT_FALSE(first.elector.waited());
  second.elector.step();
  first.elector.release();
  advance(2s);
  second.elector.step();
  ASSERT_EQ(second.elector.state(), State::Leader);
  EXPECT_TRUE(second.elector.waited());
}

TEST_F(Election, ThatCouldNotLookAtOnceMayHaveMissedALeader) {
  server.before = [](const k8s::Request&) {
    throw TransportError(TransportError::Stage::Connect, "down");
  };
  first.elector.step();
  server.before = [](const k8s::Request&) {};
  first.elector.step();
  ASSERT_EQ(first.elector.state(), State::Leader);
  EXPECT_TRUE(first.elector.waited());
}

TEST_F(Election, AStandbyReleasesNothing) {
  first.elector.step();
  second.elector.step();
  second.elector.release();
  EXPECT_EQ(server.holder(), "first");
}

TEST_F(Election, ALeaderThatCannotRenewGivesUpBeforeItsLeaseExpires) {
  first.elector.step();
  server.before = [](const k8s::Request&) {
    throw TransportError(TransportError::Stage::Deadline, "no answer");
  };
  std::vector<State> states;
  for (int i = 0; i < 5; ++i) {
    advance(2s);
    first.elector.step();
    states.push_back(first.elector.state());
  }
  EXPECT_EQ(states,
            (std::vector{State::Leader, State::Leader, State::Leader, State::Leader, State::Lost}));
  EXPECT_EQ(first.fence.until(), Time::min());
}

TEST_F(Election, ALostLeaseIsNeverTakenAgainByTheSameProcess) {
  first.elector.step();
  advance(10s);
  server.before = [](const k8s::Request&) {
    throw TransportError(TransportError::Stage::Connect, "down");
  };
  first.elector.step();
  ASSERT_EQ(first.elector.state(), State::Lost);
  server.before = [](const k8s::Request&) {};
  advance(60s);
  first.elector.step();
  EXPECT_EQ(first.elector.state(), State::Lost);
  EXPECT_EQ(first.fence.until(), Time::min());
}

TEST_F(Election, AShortOutageIsSurvived) {
  first.elector.step();
  server.before = [](const k8s::Request&) {
    throw TransportError(TransportError::Stage::Connect, "down");
  };
  advance(2s);
  first.elector.step();
  server.before = [](const k8s::Request&) {};
  advance(2s);
  first.elector.step();
  EXPECT_EQ(first.elector.state(), State::Leader);
  EXPECT_EQ(first.fence.until(), kStart + 4s + 15s);
}

TEST_F(Election, ARenewalWhoseAnswerWasLostIsRecognisedAsItsOwn) {
  first.elector.step();
  advance(2s);
  server.after = [](const k8s::Request& request) {
    if (request.method == "PUT") throw TransportError(TransportError::Stage::Answer, "cut");
  };
  first.elector.step();
  server.after = [](const k8s::Request&) {};
  advance(2s);
  first.elector.step();
  EXPECT_EQ(first.elector.state(), State::Leader);
  EXPECT_EQ(first.fence.until(), kStart + 4s + 15s);
}

TEST_F(Election, ALeaderThatFindsAnotherHolderStops) {
  first.elector.step();
  auto stolen = *server.lease;
  stolen["spec"]["holderIdentity"] = "thief";
  stolen["metadata"]["resourceVersion"] = "99";
  server.lease.emplace(stolen);
  advance(2s);
  first.elector.step();  // 409
  advance(2s);
  first.elector.step();  // looks
  EXPECT_EQ(first.elector.state(), State::Lost);
  EXPECT_EQ(server.holder(), "thief");
}

TEST_F(Election, ALeaderWhoseLeaseWasDeletedStops) {
  first.elector.step();
  server.lease.reset();
  advance(2s);
  first.elector.step();
  advance(2s);
  first.elector.step();
  EXPECT_EQ(first.elector.state(), State::Lost);
  EXPECT_FALSE(server.lease);
}

TEST_F(Election, AnAnswerThatComesAfterTheRenewDeadlineOpensNothing) {
  server.after = [this](const k8s::Request& request) {
    if (request.method == "POST") advance(11s);
  };
  first.elector.step();
  EXPECT_EQ(first.elector.state(), State::Standby);
  EXPECT_EQ(first.fence.until(), Time::min());
}

}  // namespace
}  // namespace op
