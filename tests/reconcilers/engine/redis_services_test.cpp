// The Services that give each pod of Redis its address: pods and Sentinels know it by heart.
#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class RedisServices : public ::testing::Test {
 protected:
  RedisServices() { it.start_ready(production_spec); }

  std::string address(const std::string& service) const {
    return it.find("Service", service)->at("spec").at("clusterIP");
  }
  std::map<std::string, Json> uids_of_pods() const {
    std::map<std::string, Json> uids;
    for (const auto& pod : it.cluster.keys("Pod"))
      uids[pod.name] = it.cluster.find(pod)->at("metadata").at("uid");
    return uids;
  }

  Harness it;
};

TEST_F(RedisServices, ComeBackWithTheirAddressAndNothingElseChanges) {
  const std::string before = address("demo-redis-1");
  const auto pods = uids_of_pods();
  it.cluster.remove(key("Service", "demo-redis-1"));
  it.settle();
  EXPECT_EQ(address("demo-redis-1"), before);
  EXPECT_THAT(it.writes(), Each(StartsWith("PATCH Service/demo-redis-1")));
  EXPECT_EQ(uids_of_pods(), pods);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  it.forget_requests();
  it.settle();
  EXPECT_THAT(it.writes(), IsEmpty());
}

TEST_F(RedisServices, ComeBackWithTheirAddressWhenTheyWereLostWhileNobodyLooked) {
  std::map<std::string, std::string> before;
  for (const std::string name :
       {"demo-redis-0", "demo-redis-1", "demo-redis-2", "demo-redis-sentinel"})
    before[name] = address(name);
  for (const auto& [name, unused] : before) it.cluster.remove(key("Service", name));
  it.restart();
  it.settle();
  for (const auto& [name, was] : before) EXPECT_EQ(address(name), was);
  EXPECT_THAT(it.writes(), Not(Contains(AllOf(HasSubstr("Deployment"), HasSubstr("200")))));
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST_F(RedisServices, ComeBackWithTheirAddressThoughTheStatefulSetIsGoneToo) {
  const std::string before = address("demo-redis-2");
  it.cluster.remove(key("Service", "demo-redis-2"));
  it.cluster.remove(key("StatefulSet", "demo-redis"));
  it.settle();
  EXPECT_EQ(address("demo-redis-2"), before);
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

class RedisService : public RedisServices, public ::testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(OfAPodAndOfAllSentinels, RedisService,
                         ::testing::Values("demo-redis-1", "demo-redis-sentinel"),
                         [](const auto& it) { return it.index == 0 ? "pod" : "sentinels"; });

TEST_P(RedisService, TakesAnyAddressWhenItsOwnIsTakenAndTheClientsLearnIt) {
  const std::string name = GetParam();
  const std::string before = address(name);
  it.cluster.taken_addresses.insert(before);
  it.cluster.remove(key("Service", name));
  it.settle();
  ASSERT_NE(it.find("Service", name), nullptr);
  EXPECT_NE(address(name), before);
  EXPECT_THAT(it.find("Deployment", "demo-worker")->dump(), HasSubstr(address(name)));
  EXPECT_EQ(it.condition("Ready"), "True Ready");
  EXPECT_EQ(it.condition("Stalled"), "False NotStalled");
  EXPECT_EQ(it.condition("FieldConflict"), "") << "nobody asks for the former address any more";
}

}  // namespace
}  // namespace reconcilers::test
