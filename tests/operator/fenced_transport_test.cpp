#include "operator/fenced_transport.h"

#include <gtest/gtest.h>

#include "scripted_transport.h"

namespace op {
namespace {

using namespace std::chrono_literals;
using Time = k8s::Clock::time_point;

const Time kNow{1000s};

struct Fenced : testing::Test {
  // The stage of the refusal, nothing when the request went out.
  std::optional<k8s::TransportError::Stage> refused(const std::string& method) {
    try {
      transport.send({.method = method, .path = "/x"});
      return std::nullopt;
    } catch (const k8s::TransportError& error) {
      return error.stage();
    }
  }
  ScriptedTransport inner{[](const k8s::Request&) { return k8s::Response{200, "{}"}; }};
  LeaseFence fence;
  FencedTransport transport{inner, fence, [] { return kNow; }};
};

struct Method {
  const char* name;
  bool writes;
};
class FencedMethod : public Fenced, public testing::WithParamInterface<Method> {};

TEST_P(FencedMethod, IsSentWithoutTheLeaseOnlyWhenItReads) {
  const auto cancelled = std::optional(k8s::TransportError::Stage::Cancelled);
  const auto expected = GetParam().writes ? cancelled : std::nullopt;
  EXPECT_EQ(refused(GetParam().name), expected) << "never held";
  fence.open_until(kNow);
  EXPECT_EQ(refused(GetParam().name), expected) << "expired in this moment";
  fence.open_until(kNow + 1s);
  fence.close();
  EXPECT_EQ(refused(GetParam().name), expected) << "closed";
  EXPECT_EQ(inner.requests().size(), GetParam().writes ? 0u : 3u);
  fence.open_until(kNow + 1s);
  EXPECT_EQ(refused(GetParam().name), std::nullopt) << "held";
}

INSTANTIATE_TEST_SUITE_P(Methods, FencedMethod,
                         testing::Values(Method{"GET", false}, Method{"POST", true},
                                         Method{"PUT", true}, Method{"PATCH", true},
                                         Method{"DELETE", true}),
                         [](const auto& test) { return test.param.name; });

TEST_F(Fenced, EndsAWriteBeforeTheLeaseEnds) {
  fence.open_until(kNow + 4s);
  transport.send({.method = "PATCH", .path = "/x", .deadline = 30s});
  transport.send({.method = "PATCH", .path = "/x", .deadline = 1s});
  EXPECT_EQ(inner.requests()[0].deadline, 4s);
  EXPECT_EQ(inner.requests()[1].deadline, 1s);
}

TEST_F(Fenced, LeavesDeadlinesAloneWithoutLeaderElection) {
  fence.open_forever();
  transport.send({.method = "PATCH", .path = "/x", .deadline = 30s});
  EXPECT_EQ(inner.requests()[0].deadline, 30s);
}

TEST(CappedTransport, ShortensWhatIsLongerOnly) {
  ScriptedTransport inner([](const k8s::Request&) { return k8s::Response{200, "{}"}; });
  CappedTransport transport(inner, 2s);
  transport.send({.path = "/x", .deadline = 30s});
  transport.send({.path = "/x", .deadline = 1s});
  EXPECT_EQ(inner.requests()[0].deadline, 2s);
  EXPECT_EQ(inner.requests()[1].deadline, 1s);
}

}  // namespace
}  // namespace op
