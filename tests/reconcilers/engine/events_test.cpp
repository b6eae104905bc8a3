// Events: one for each thing that a person would want to be told, however often it happens.
#include "reconcilers/events.h"

#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using ::testing::ElementsAre;

struct Flapping : ::testing::Test {
  Flapping() { it.start_ready(minimal_spec); }

  void flap(int times) {
    for (int i = 0; i < times; ++i) {
      it.controllers.idle.insert("demo-api");
      it.settle();
      ASSERT_EQ(it.condition("Ready").substr(0, 5), "False") << it.condition("Ready");
      it.controllers.idle.clear();
      it.settle();
      ASSERT_EQ(it.condition("Ready"), "True Ready");
    }
  }
  std::vector<Json> told(const std::string& reason) const {
    std::vector<Json> found;
    for (const auto& event : it.cluster.keys("Event"))
      if (it.cluster.find(event)->at("reason") == reason) found.push_back(*it.cluster.find(event));
    return found;
  }
  std::size_t patches() const {
    return it.count([](const Seen& s) { return s.kind == "Event" && s.method == "PATCH"; });
  }

  Harness it;
};

TEST_F(Flapping, IsOneEventWhoseSeriesCountsIt) {
  flap(1);
  ASSERT_EQ(told("NotReady").size(), 1U);
  const Json first = told("NotReady").front();
  EXPECT_FALSE(first.contains("series"));
  it.forget_requests();
  flap(8);
  ASSERT_EQ(told("NotReady").size(), 1U);
  const Json last = told("NotReady").front();
  EXPECT_EQ(last.at("series").at("count"), 8);
  EXPECT_GT(last.at("series").at("lastObservedTime"), first.at("eventTime"));
  for (const char* field : {"eventTime", "note", "type", "regarding"})
    EXPECT_EQ(last.at(field), first.at(field)) << field;
  EXPECT_EQ(patches(), 3U) << "of the 2nd, 4th and 8th, and none of what an earlier process told";
}

TEST_F(Flapping, WhoseEventIsGoneIsToldAnew) {
  flap(3);
  for (const auto& event : it.cluster.keys("Event")) it.cluster.remove(event);
  flap(1);
  ASSERT_EQ(told("NotReady").size(), 1U);
  EXPECT_FALSE(told("NotReady").front().contains("series"));
  flap(1);
  EXPECT_EQ(told("NotReady").front().value("/series/count"_json_pointer, 0), 2);
}

TEST_F(Flapping, ThatAnEarlierProcessHasToldIsNotToldAgain) {
  flap(1);
  const auto before = told("NotReady");
  it.restart();
  it.forget_requests();
  flap(4);
  EXPECT_EQ(told("NotReady"), before);
  EXPECT_EQ(patches(), 0U);
}

}  // namespace
}  // namespace reconcilers::test
