#include "tests/reconcilers/engine/harness.h"

namespace reconcilers::test {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Json foreign(const std::string& kind, const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", kind},
          {"metadata", {{"name", name}, {"namespace", kNs}}},
          {"spec", {{"mine", true}}}};
}

TEST(Conflict, ForeignObjectStaysUntouchedAndIsNamed) {
  Harness it;
  it.cluster.create_as("kubectl", foreign("PodDisruptionBudget", "demo-redis"));
  const Json before = *it.find("PodDisruptionBudget", "demo-redis");
  it.create("demo", production_spec());
  it.settle();
  EXPECT_EQ(*it.find("PodDisruptionBudget", "demo-redis"), before);
  EXPECT_EQ(it.condition("Stalled"), "True NameConflict");
  EXPECT_EQ(it.condition("Reconciling"), "False Stalled");
  EXPECT_THAT(it.message("Stalled"), HasSubstr("PodDisruptionBudget demo-redis"));
  EXPECT_NE(it.find("Deployment", "demo-api"), nullptr) << "what is independent goes on";
}

TEST(Conflict, EndsWhenTheForeignObjectIsRemoved) {
  Harness it;
  it.cluster.create_as("kubectl", foreign("Service", "demo-api"));
  it.create("demo", minimal_spec());
  it.settle();
  EXPECT_EQ(it.condition("Stalled"), "True NameConflict");
  it.cluster.remove(key("Service", "demo-api"));
  it.pass_time(std::chrono::seconds(60));
  EXPECT_EQ(it.condition("Stalled"), "False NotStalled");
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Conflict, NothingSpeaksToAForeignDatabase) {
  Harness it;
  it.cluster.create_as("kubectl", foreign("Service", "demo-postgres"));
  it.create("demo", minimal_spec());
  it.settle();
  EXPECT_EQ(it.find("StatefulSet", "demo-postgres"), nullptr);
  EXPECT_EQ(it.named("Job", "demo-migrate"), "");
}

TEST(Conflict, ForeignSecretIsNeitherReadNorUsed) {
  Harness it;
  it.cluster.create_as("kubectl", foreign("Secret", "demo-credentials"));
  it.create("demo", minimal_spec());
  it.settle();
  EXPECT_EQ(it.condition("Stalled"), "True NameConflict");
  EXPECT_THAT(it.cluster.keys("StatefulSet"), IsEmpty());
}

TEST(Conflict, ObjectsOfADeletedPredecessorAreWaitedFor) {
  Harness it;
  it.create("demo", minimal_spec());
  it.settle();
  it.cluster.remove(key("EntityService", "demo"));
  it.create("demo", minimal_spec());
  it.forget_requests();
  it.sync();
  it.reconcile();
  EXPECT_THAT(it.writes(), IsEmpty()) << "they are not ours, and not yet collected";
  it.settle();
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

TEST(Conflict, RefusedObjectIsNamedAndTriedAgain) {
  Harness it;
  it.cluster.refused["Deployment/demo-worker"] = "exceeded quota: compute";
  it.create("demo", minimal_spec());
  it.settle();
  EXPECT_EQ(it.condition("Stalled"), "True ApplyRefused");
  EXPECT_THAT(it.message("Stalled"), HasSubstr("exceeded quota: compute"));
  it.cluster.refused.clear();
  it.pass_time(std::chrono::seconds(30));
  EXPECT_EQ(it.condition("Ready"), "True Ready");
}

}  // namespace
}  // namespace reconcilers::test
