#include <cstdlib>

#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using ::testing::IsEmpty;

// Names and hashes hold uids of claims, which follow the order of creation: only what is left when
// these are the same can be compared value by value. Names are.
std::vector<std::string> names(const std::map<std::string, Json>& state) {
  std::vector<std::string> all;
  for (const auto& [name, unused] : state) {
    const bool by_uid = name.find("Job/") == 0;
    all.push_back(by_uid ? name.substr(0, name.rfind('-')) : name);
  }
  return all;
}

// A process that ends at a write leaves what the API server holds then, and nothing else: so each
// of these states of one undisturbed create is taken up by a process that knows nothing. After one
// write is before the next, and before the first there is nothing to take up. Every third, or all
// with LONG_TESTS=1; the test below ends a process at every one.
TEST(Crash, AtAnyWriteEndsInTheSameStateAndThenWritesNothing) {
  const std::size_t stride = std::getenv("LONG_TESTS") != nullptr ? 1 : 3;
  std::vector<std::shared_ptr<const SmallCluster::Snapshot>> crashes;
  Harness undisturbed;
  const auto note = [&](const Seen&) { crashes.push_back(undisturbed.cluster.snapshot()); };
  undisturbed.cluster.after_write = note;
  undisturbed.create("demo", test_spec());
  undisturbed.settle();
  ASSERT_EQ(undisturbed.condition("Ready"), "True Ready");
  ASSERT_GT(crashes.size(), 30U);
  const auto expected = names(undisturbed.owned_state());
  for (std::size_t n = 0; n < crashes.size(); n += stride) {
    Harness it;
    it.cluster.restore(*crashes[n]);
    crashes[n].reset();
    it.restart();
    it.settle();
    ASSERT_EQ(it.condition("Ready"), "True Ready") << "crash at write " << n;
    ASSERT_EQ(names(it.owned_state()), expected) << "crash at write " << n;
    it.restart();
    it.forget_requests();
    it.settle();
    ASSERT_THAT(it.writes(), IsEmpty()) << "crash at write " << n;
  }
}

TEST(Crash, ComesToReadyThoughEveryWriteIsTheLastOfItsProcess) {
  Harness it;
  it.create("demo", test_spec());
  it.cluster.after_write = [](const Seen&) { throw Crash("the process ends here"); };
  int crashes = 0;
  for (bool crashed = true; crashed && crashes < 200;) {
    crashed = false;
    try {
      it.settle();
    } catch (const Crash&) {
      crashed = true;
      ++crashes;
      it.restart();
    }
  }
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_GT(crashes, 30);
}

}  // namespace
}  // namespace reconcilers::test
