// What is true of every object, whatever the component.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/redis_names.h"
#include "tests/reconcilers/desired/sample.h"

namespace reconcilers::desired {
namespace {

// Paths of values that the API server would not keep: null, {}, [] and "".
void find_empty(const Json& value, const std::string& path, std::vector<std::string>& found) {
  if (value.is_null() || (value.is_structured() && value.empty()) || value == "") {
    found.push_back(path);
  }
  if (!value.is_structured()) return;
  for (const auto& item : value.items()) find_empty(item.value(), path + "/" + item.key(), found);
}

Json containers_of(const Json& pod) {
  Json all = pod.at("containers");
  for (const Json& container : pod.value("initContainers", Json::array())) {
    all.push_back(container);
  }
  return all;
}

class EveryObject : public testing::TestWithParam<std::string> {
 protected:
  const Resolved resolved_ = of_profile(GetParam());
  const Objects objects_ = build(resolved_, known());
};

TEST_P(EveryObject, AreCanonicalSoThatAnApplyIsKeptAsItWasSent) {
  for (const Object& object : objects_) {
    std::vector<std::string> found;
    find_empty(object.body, "", found);
    // a rule or selector that means "all" has to be written as {}
    std::erase_if(found, [](const std::string& path) { return path.ends_with("/ingress/0"); });
    EXPECT_THAT(found, testing::IsEmpty()) << object.kind() << " " << object.name();
  }
}

TEST_P(EveryObject, HaveOneFrame) {
  std::set<std::string> names;
  for (const Object& object : objects_) {
    const std::string who = object.kind() + " " + object.name();
    EXPECT_TRUE(names.insert(who).second) << who << " is built twice";
    const Json& metadata = object.body.at("metadata");
    EXPECT_EQ(metadata.at("namespace"), "linkage") << who;
    EXPECT_EQ(metadata.at("labels").at(kResourceLabel), "demo") << who;
    EXPECT_EQ(metadata.at("labels").at(kComponentLabel), object.component) << who;
    EXPECT_EQ(metadata.contains("ownerReferences"), object.owned) << who;
    EXPECT_EQ(metadata.at("labels").contains("app.kubernetes.io/instance"), object.owned) << who;
    if (object.owned) {
      EXPECT_EQ(metadata.at("ownerReferences"), Json::array({owner_reference(resolved_)})) << who;
    }
  }
}

TEST_P(EveryObject, OnlyCredentialsAndRedisStateHaveNoOwner) {
  std::set<std::string> ownerless;
  for (const Object& object : objects_) {
    if (!object.owned) ownerless.insert(object.name());
  }
  ownerless.erase("demo-redis-state");
  EXPECT_EQ(ownerless, std::set<std::string>({"demo-credentials"}));
}

TEST_P(EveryObject, SelectorsUseOurTwoLabelsAndMatchTheTemplate) {
  for (const Object& object : objects_) {
    const Json found = object.body.value(Json::json_pointer("/spec/selector/matchLabels"), Json());
    if (found.is_null() || template_of(object).is_null()) continue;
    EXPECT_EQ(found, selector(resolved_, object.component)) << object.name();
    const Json labels = template_of(object).at("metadata").at("labels");
    for (const auto& [key, value] : found.items()) EXPECT_EQ(labels.at(key), value);
  }
}

TEST_P(EveryObject, PodsPassPodSecurityRestrictedAndHoldNoToken) {
  for (const Object& object : objects_) {
    if (template_of(object).is_null()) continue;
    const Json pod = template_of(object).at("spec");
    EXPECT_EQ(pod.at("automountServiceAccountToken"), false) << object.name();
    EXPECT_EQ(pod.at("serviceAccountName"), "demo") << object.name();
    EXPECT_EQ(pod.at("enableServiceLinks"), false) << object.name();
    EXPECT_EQ(pod.at("securityContext").at("runAsNonRoot"), true) << object.name();
    EXPECT_EQ(pod.at("securityContext").at("seccompProfile").at("type"), "RuntimeDefault");
    for (const Json& container : containers_of(pod)) {
      const Json& security = container.at("securityContext");
      EXPECT_EQ(security.at("allowPrivilegeEscalation"), false) << container.at("name");
      EXPECT_EQ(security.at("readOnlyRootFilesystem"), true) << container.at("name");
      EXPECT_EQ(security.at("capabilities").at("drop"), Json::array({"ALL"}));
    }
  }
}

TEST_P(EveryObject, ContainersHaveRequestsAndLimitsOfAllThatANodeSharesOut) {
  for (const Object& object : objects_) {
    if (template_of(object).is_null()) continue;
    for (const Json& container : containers_of(template_of(object).at("spec"))) {
      for (const char* kind : {"requests", "limits"}) {
        for (const char* resource : {"cpu", "memory", "ephemeral-storage"}) {
          EXPECT_TRUE(container.at("resources").at(kind).contains(resource))
              << object.name() << " " << container.at("name") << " " << kind << " " << resource;
        }
      }
    }
  }
}

TEST_P(EveryObject, EmptyDirsAreBounded) {
  for (const Object& object : objects_) {
    if (template_of(object).is_null()) continue;
    for (const Json& volume : template_of(object).at("spec").value("volumes", Json::array())) {
      if (!volume.contains("emptyDir")) continue;
      EXPECT_TRUE(volume.at("emptyDir").contains("sizeLimit")) << volume.at("name");
    }
  }
}

TEST_P(EveryObject, NoNameOfOneResourceCanBeAnotherResources) {
  // `demo` and `demo-x` collide when the suffix of a name of the one ends with one of the other.
  std::vector<std::string> suffixes;
  for (const Object& object : objects_) {
    const std::string suffix = object.name().substr(std::string("demo").size());
    if (!suffix.empty()) suffixes.push_back(object.kind() + suffix);
  }
  for (const std::string& one : suffixes) {
    for (const std::string& other : suffixes) {
      const auto dash = other.find('-');
      const std::string kind = other.substr(0, dash);
      const bool same_kind = one.starts_with(kind + "-");
      if (one == other || !same_kind) continue;
      EXPECT_FALSE(one.ends_with(other.substr(dash))) << one << " ends with " << other;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Profiles, EveryObject, testing::ValuesIn(kProfiles),
                         [](const auto& of) { return of.param; });

TEST(Objects, OfTheLongestNameHaveNamesThatKubernetesTakes) {
  const std::string name(40, 'n');
  for (const Object& object : build(resolved({{"profile", "Production"}}, name), known())) {
    // the names of others become labels or DNS names
    if (object.kind() == "ConfigMap") continue;
    EXPECT_LE(object.name().size(), 63U) << object.name();
  }
}

TEST(Objects, OfTheLongestNamesHaveAHostNameThatDnsTakes) {
  const std::string domain = std::string(40, 'c') + "." + std::string(42, 'd');
  Resolved longest = resolved({{"clusterDomain", domain}}, std::string(40, 'a'));
  longest.ns = std::string(63, 'n');
  EXPECT_EQ((redis_pod(longest, 2) + "." + redis_domain(longest)).size(), 253U);
}

TEST(Objects, WithoutPoliciesThereIsNoNetworkPolicy) {
  for (const Object& object : build(resolved({{"networkPolicy", {{"enabled", false}}}}), known())) {
    EXPECT_NE(object.kind(), "NetworkPolicy") << object.name();
  }
}

TEST(Objects, WhatIsUnknownLeavesOutWhatHangsOnIt) {
  std::set<std::string> names;
  for (const Object& object : build(of_profile("Minimal"), Facts())) {
    if (object.kind() == "Job" || object.kind() == "Secret") names.insert(object.name());
    if (template_of(object).is_null()) continue;
    const Json annotations =
        template_of(object).value(Json::json_pointer("/metadata/annotations"), Json::object());
    EXPECT_FALSE(annotations.contains("entityservice.io/secrets")) << object.name();
  }
  EXPECT_EQ(names, std::set<std::string>());
}

TEST(Workers, GiveUpTheQueuesThatTheyReadBeforeTheyEnd) {
  const Objects objects = build(of_profile("Production"), known());
  std::set<std::string> pools;
  for (const char* name : {"demo-worker", "demo-worker-highmemory"}) {
    const Json pod = template_of(find(objects, "Deployment", name));
    const Json& worker = pod.at("/spec/containers/0"_json_pointer);
    const Json& command = worker.at("command");
    const auto queues = std::next(std::find(command.begin(), command.end(), "-Q"));
    Json hook = worker.at("/lifecycle/preStop/exec/command"_json_pointer);
    EXPECT_EQ(hook.back(), *queues) << name;
    hook.erase(hook.size() - 1);
    for (const char* queue : {"compute", "highmemory"})
      EXPECT_THAT(hook.dump(), testing::Not(testing::HasSubstr(queue))) << name;
    pools.insert(queues->get<std::string>());
  }
  EXPECT_EQ(pools.size(), 2U);
}

}  // namespace
}  // namespace reconcilers::desired
