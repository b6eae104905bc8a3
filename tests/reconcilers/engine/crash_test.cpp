#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using ::testing::IsEmpty;

std::map<std::string, Json> state_of_an_undisturbed_create() {
  Harness it;
  it.create("demo", test_spec());
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  return it.owned_state();
}

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

enum class When { Before, After };

// Ends the process at the n-th write; false: there were fewer.
bool crashes_at(Harness& it, int n, When when) {
  int left = n;
  const auto crash = [&left](const Seen&) {
    if (--left == 0) throw Crash("the process ends here");
  };
  (when == When::Before ? it.cluster.before_write : it.cluster.after_write) = crash;
  bool crashed = false;
  try {
    it.settle();
  } catch (const Crash&) {
    crashed = true;
  }
  it.cluster.before_write = it.cluster.after_write = nullptr;
  return crashed;
}

class CrashTest : public ::testing::TestWithParam<When> {};
INSTANTIATE_TEST_SUITE_P(AtEachWrite, CrashTest, ::testing::Values(When::Before, When::After));

TEST_P(CrashTest, EndsInTheSameStateAndThenWritesNothing) {
  const auto expected = state_of_an_undisturbed_create();
  int n = 1;
  for (;; ++n) {
    ASSERT_LT(n, 200);
    Harness it;
    it.create("demo", test_spec());
    if (!crashes_at(it, n, GetParam())) break;
    it.restart();
    it.settle();
    ASSERT_EQ(it.condition("Ready"), "True Ready") << "crash at write " << n;
    ASSERT_EQ(names(it.owned_state()), names(expected)) << "crash at write " << n;
    it.restart();
    it.forget_requests();
    it.settle();
    ASSERT_THAT(it.writes(), IsEmpty()) << "crash at write " << n;
  }
  EXPECT_GT(n, 20);
}

}  // namespace
}  // namespace reconcilers::test
