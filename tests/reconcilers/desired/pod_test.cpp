#include "reconcilers/desired/pod.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/desired/metadata.h"
#include "tests/reconcilers/desired/sample.h"

namespace reconcilers::desired {
namespace {

Json pod_of(const Json& spec, PodParts parts = {.component = kWorker}) {
  const Resolved resource = resolved(spec);
  return pod_template(resource, resource.workers.pod, parts);
}

TEST(Pod, TakesTheUsersOptions) {
  const Json options = {{"labels", {{"team", "linkage"}}},
                        {"annotations", {{"note", "yes"}}},
                        {"nodeSelector", {{"disk", "fast"}}},
                        {"priorityClassName", "high"},
                        {"securityContext", {{"runAsUser", 2000}}}};
  const Json pod = pod_of({{"profile", "Minimal"}, {"pod", options}});
  EXPECT_EQ(pod.at("metadata").at("labels").at("team"), "linkage");
  EXPECT_EQ(pod.at("metadata").at("annotations"), Json({{"note", "yes"}}));
  EXPECT_EQ(pod.at("spec").at("nodeSelector"), Json({{"disk", "fast"}}));
  EXPECT_EQ(pod.at("spec").at("priorityClassName"), "high");
  EXPECT_EQ(pod.at("spec").at("securityContext").at("runAsUser"), 2000);
  EXPECT_EQ(pod.at("spec").at("securityContext").at("runAsNonRoot"), true);
}

TEST(Pod, JoinsTheUsersNamesForAnAddressOfOurs) {
  PodParts parts{.component = kWorker};
  parts.host_aliases = Json::array({{{"ip", "10.0.0.1"}, {"hostnames", Json::array({"ours"})}}});
  const Json of_user = Json::array({{{"ip", "10.0.0.1"}, {"hostnames", Json::array({"same"})}},
                                    {{"ip", "10.0.0.9"}, {"hostnames", Json::array({"other"})}}});
  const Json pod = pod_of({{"profile", "Minimal"}, {"pod", {{"hostAliases", of_user}}}}, parts);
  EXPECT_EQ(pod.at("spec").at("hostAliases"),
            Json::array({{{"ip", "10.0.0.1"}, {"hostnames", Json::array({"ours", "same"})}},
                         {{"ip", "10.0.0.9"}, {"hostnames", Json::array({"other"})}}}));
}

TEST(Pod, SpreadsByTheProfile) {
  EXPECT_FALSE(pod_of({{"profile", "Minimal"}}).at("spec").contains("topologySpreadConstraints"));
  const Json soft = pod_of({{"profile", "Production"}}).at("spec").at("topologySpreadConstraints");
  ASSERT_EQ(soft.size(), 2U);
  for (const Json& constraint : soft) {
    EXPECT_EQ(constraint.at("whenUnsatisfiable"), "ScheduleAnyway");
    EXPECT_EQ(constraint.at("labelSelector").at("matchLabels").at(kComponentLabel), kWorker);
    EXPECT_FALSE(constraint.contains("matchLabelKeys"));
  }
}

TEST(Pod, OfAQuorumNeverSharesAHost) {
  const Json pod =
      pod_of({{"profile", "Production"}}, {.component = kRedis, .hard_host_spread = true});
  const Json host = pod.at("spec").at("topologySpreadConstraints").at(0);
  EXPECT_EQ(host.at("topologyKey"), "kubernetes.io/hostname");
  EXPECT_EQ(host.at("whenUnsatisfiable"), "DoNotSchedule");
  EXPECT_EQ(host.at("maxSkew"), 1);
  EXPECT_EQ(host.at("minDomains"), 3);
}

TEST(Pod, PullsAsAsked) {
  PodParts parts{.component = kWorker};
  parts.containers = Json::array({{{"name", "one"}}});
  parts.init_containers = Json::array({{{"name", "first"}}});
  const Json images = {{"pullPolicy", "Never"}, {"pullSecrets", Json::array({"registry"})}};
  const Json pod = pod_of({{"profile", "Minimal"}, {"images", images}}, parts);
  EXPECT_EQ(pod.at("spec").at("imagePullSecrets"), Json::array({{{"name", "registry"}}}));
  EXPECT_EQ(pod.at("spec").at("containers")[0].at("imagePullPolicy"), "Never");
  EXPECT_EQ(pod.at("spec").at("initContainers")[0].at("imagePullPolicy"), "Never");
}

TEST(EphemeralStorage, IsBoundedByTheTemporarySpaceWithoutReservingAllOfIt) {
  EXPECT_EQ(with_ephemeral_storage({{"limits", {{"cpu", "1"}}}}, "20Gi"),
            Json({{"limits", {{"cpu", "1"}, {"ephemeral-storage", "20Gi"}}},
                  {"requests", {{"ephemeral-storage", "256Mi"}}}}));
  EXPECT_EQ(with_ephemeral_storage(Json::object(), "64Mi").at("requests"),
            Json({{"ephemeral-storage", "64Mi"}}));
  const Json of_user = {{"limits", {{"ephemeral-storage", "9Gi"}}},
                        {"requests", {{"ephemeral-storage", "2Gi"}}}};
  EXPECT_EQ(with_ephemeral_storage(of_user, "20Gi"), of_user);
}

TEST(Env, WithoutValueIsWrittenAsTheServerKeepsIt) {
  EXPECT_EQ(env("A", ""), Json({{"name", "A"}}));
  EXPECT_EQ(env("A", "b"), Json({{"name", "A"}, {"value", "b"}}));
}

}  // namespace
}  // namespace reconcilers::desired
