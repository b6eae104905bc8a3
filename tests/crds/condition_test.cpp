#include "crds/condition.h"

#include <gtest/gtest.h>

namespace crds {
namespace {

constexpr const char* kThen = "2026-01-01T00:00:00Z";
constexpr const char* kNow = "2026-01-02T00:00:00Z";

Json published(const Condition& condition, std::int64_t generation, const char* since) {
  return {{"type", condition.type},      {"status", condition.status},
          {"reason", condition.reason},  {"message", condition.message},
          {"lastTransitionTime", since}, {"observedGeneration", generation}};
}

const Condition kReady = {"Ready", "True", "AllReady", "everything runs"};
const Condition kApi = {"APIReady", "False", "Rolling", "1 of 2 pods"};

TEST(MergeConditions, SortsByTypeAndStampsNewOnes) {
  EXPECT_EQ(merge_conditions(nullptr, {kReady, kApi}, 3, kNow),
            Json::array({published(kApi, 3, kNow), published(kReady, 3, kNow)}));
}

TEST(MergeConditions, KeepsTheTimeWhileTheStatusIsTheSame) {
  const Json old = merge_conditions(nullptr, {kReady}, 3, kThen);
  const Condition other = {"Ready", "True", "Other", "another reason"};
  EXPECT_EQ(merge_conditions(old, {other}, 4, kNow), Json::array({published(other, 4, kThen)}));
}

TEST(MergeConditions, MovesTheTimeWhenTheStatusFlips) {
  const Json old = merge_conditions(nullptr, {kReady}, 3, kThen);
  const Condition lost = {"Ready", "False", "DatabaseDown", "demo-postgres-0 is not ready"};
  EXPECT_EQ(merge_conditions(old, {lost}, 3, kNow), Json::array({published(lost, 3, kNow)}));
}

TEST(MergeConditions, DropsWhatIsNoLongerSaid) {
  const Json old = merge_conditions(nullptr, {kReady, kApi}, 3, kThen);
  EXPECT_EQ(merge_conditions(old, {kReady}, 3, kNow), Json::array({published(kReady, 3, kThen)}));
}

TEST(MergeConditions, IgnoresAnOldListOfAnyOtherShape) {
  const Json fresh = Json::array({published(kReady, 1, kNow)});
  const Json untimed = Json::array({{{"type", "Ready"}, {"status", "True"}}});
  for (const Json& odd : {Json(1), Json::object(), Json::array({1, nullptr}), untimed}) {
    EXPECT_EQ(merge_conditions(odd, {kReady}, 1, kNow), fresh) << odd;
  }
}

}  // namespace
}  // namespace crds
