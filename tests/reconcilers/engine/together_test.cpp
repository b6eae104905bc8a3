#include "reconcilers/together.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "k8s-client/guarded.h"
#include "k8s-client/work.h"

namespace reconcilers {
namespace {

TEST(Together, RunsEachJobOnceAndReturnsWhenAllHaveEnded) {
  for (const std::size_t width : {1U, 3U, 8U, 100U}) {
    std::vector<std::atomic<int>> runs(40);
    together(runs.size(), width, [&](std::size_t i) { ++runs[i]; });
    for (const auto& number : runs) EXPECT_EQ(number, 1) << width;
  }
  together(0, 8, [](std::size_t) { FAIL() << "there is no job"; });
}

TEST(Together, RunsThemInTheirOrderInTheThreadOfTheCallerWhenOneAtATime) {
  std::vector<std::size_t> order;
  const auto caller = std::this_thread::get_id();
  together(4, 1, [&](std::size_t i) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
    order.push_back(i);
  });
  EXPECT_THAT(order, ::testing::ElementsAre(0, 1, 2, 3));
}

// Each of four waits for three others: fewer at once would wait for ever.
TEST(Together, RunsAsManyAtOnceAsItIsAllowedToAndNoMore) {
  std::barrier all(4);
  std::atomic<int> now = 0, most = 0;
  together(8, 4, [&](std::size_t) {
    most = std::max(most.load(), ++now);
    all.arrive_and_wait();
    --now;
    all.arrive_and_wait();
  });
  EXPECT_LE(most, 4);
}

TEST(Together, BeginsNoMoreAfterOneThatThrowsAndThrowsTheSame) {
  std::size_t begun = 0;
  const auto job = [&](std::size_t i) {
    ++begun;
    if (i == 2) throw std::runtime_error("the third");
  };
  EXPECT_THROW(together(10, 1, job), std::runtime_error);
  EXPECT_EQ(begun, 3U);
}

TEST(Together, LogsForTheCallerOnEachThread) {
  k8s::current_work() = {"lab/demo", "id-7"};
  k8s::Guarded<std::map<std::thread::id, std::string>> seen;
  std::barrier all(3);
  together(3, 3, [&](std::size_t) {
    all.arrive_and_wait();
    seen.with([](auto& it) { it[std::this_thread::get_id()] = k8s::current_work().id; });
  });
  k8s::current_work() = {};
  const auto ids = seen.with([](const auto& it) { return it; });
  EXPECT_EQ(ids.size(), 3U);
  for (const auto& [thread, id] : ids) EXPECT_EQ(id, "id-7");
}

}  // namespace
}  // namespace reconcilers
