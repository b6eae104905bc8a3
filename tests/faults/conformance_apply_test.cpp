// Server-side apply and managedFields.
#include <filesystem>
#include <fstream>

#include "tests/faults/lab.h"
#include "tests/source_dir.h"

namespace faults {
namespace {

using Pointer = Json::json_pointer;

class Apply : public Lab {
 protected:
  Json config(const Json& data) const { return body("ConfigMap", "it", {{"data", data}}); }
  // Of ours in managedFields, with its time: controllers write too, so versions say nothing.
  static Json entry(const Json& object) {
    for (const Json& it : object.at("metadata").at("managedFields"))
      if (it.at("manager") == kUs) return it;
    return nullptr;
  }
  Json data() const { return get("ConfigMap", "it").value("data", Json::object()); }
};

// Every object that the operator makes, as the golden files have them.
TEST_F(Apply, EveryGoldenObjectIsInStepAfterOneApplyAndASecondChangesNothing) {
  const std::filesystem::path folder = std::string(kSourceDir) + "/tests/reconcilers/golden";
  int objects = 0;
  for (const std::string profile : {"Minimal", "Production", "Test"}) {
    for (const auto& file : std::filesystem::directory_iterator(folder / profile)) {
      std::ifstream in(file.path());
      for (const Json& item : Json::parse(in)) {
        Json object = item.at("body");
        Json& metadata = object["metadata"];
        metadata["namespace"] = ns;
        metadata["name"] = std::string(metadata["name"]) + "-" + static_cast<char>(profile[0] | 32);
        metadata.erase("ownerReferences");  // or the collector takes it
        if (object["spec"].is_object() && object["spec"].contains("clusterIP") &&
            object["spec"]["clusterIP"] != "None")
          object["spec"].erase("clusterIP");
        if (object["spec"].is_null()) object.erase("spec");
        const Json made = create(object);
        EXPECT_TRUE(in_step(made, object)) << object.dump() << "\n" << made.dump();
        const Json again = update(object);
        EXPECT_EQ(entry(again), entry(made)) << object.dump();
        EXPECT_EQ(again.at("metadata").value("generation", 1), 1) << object.dump();
        ++objects;
      }
    }
  }
  EXPECT_GT(objects, 60);
}

TEST_F(Apply, WhatIsNoLongerMeantGoesAndWhatOthersAddedStays) {
  create(config({{"a", "1"}, {"b", "2"}}));
  merge("ConfigMap", "it", {{"data", {{"c", "3"}}}});
  const Json body = config({{"a", "1"}});
  EXPECT_TRUE(in_step(update(body), body));
  EXPECT_EQ(data(), Json({{"a", "1"}, {"c", "3"}}));
}

TEST_F(Apply, WhatTwoManagersMeanStaysUntilBothDropIt) {
  create(config({{"a", "1"}, {"b", "2"}}));
  update(config({{"b", "2"}}), "second");
  update(config({{"a", "1"}}));
  EXPECT_EQ(data(), Json({{"a", "1"}, {"b", "2"}}));
  update(config({{"d", "4"}}), "second");
  EXPECT_EQ(data(), Json({{"a", "1"}, {"d", "4"}}));
}

TEST_F(Apply, AFieldThatSomebodyChangesLeavesOurEntryAndComesBackWithTheNextApply) {
  const Json body = config({{"a", "1"}, {"b", "2"}});
  create(body);
  const Json edited = merge("ConfigMap", "it", {{"data", {{"a", "9"}}}});
  EXPECT_TRUE(in_step(edited, config({{"b", "2"}}))) << edited.dump();
  const Json again = update(body);
  EXPECT_TRUE(in_step(again, body)) << again.dump();
  EXPECT_EQ(again.at("data").at("a"), "1");
}

TEST_F(Apply, AFieldThatSomebodyRemovesLeavesOurEntry) {
  create(config({{"a", "1"}, {"b", "2"}}));
  const Json edited = merge("ConfigMap", "it", {{"data", {{"a", nullptr}}}});
  EXPECT_TRUE(in_step(edited, config({{"b", "2"}}))) << edited.dump();
}

TEST_F(Apply, AnEditToTheSameValueTakesNothingFromUs) {
  const Json body = config({{"a", "1"}});
  const Json made = create(body);
  const Json edited = merge("ConfigMap", "it", {{"data", {{"a", "1"}}}});
  EXPECT_EQ(version_of(edited), version_of(made));
  EXPECT_TRUE(in_step(edited, body));
}

TEST_F(Apply, WithoutForceAForeignFieldIsAConflict) {
  create(config({{"a", "1"}}), "second");
  k8s::Request request{.method = "PATCH",
                       .path = k8s::object_path(resource("ConfigMap"), ns, "it"),
                       .query = {{"fieldManager", kUs}},
                       .body = config({{"a", "2"}}).dump(),
                       .content_type = "application/apply-patch+yaml"};
  EXPECT_EQ(transport().send(request).status, 409);
  request.query.emplace_back("force", "true");
  EXPECT_EQ(transport().send(request).status, 200);
  EXPECT_EQ(data().at("a"), "2");
}

struct List {
  const char* pointer;
  Json one, two;
  bool by_key;  // each item has owners of its own
};

TEST_F(Apply, ListsOfPodTemplatesAreMergedByTheirKeysOrTakenAsAWhole) {
  const std::string pod = "/spec/template/spec", main = pod + "/containers/0";
  const auto variable = [](const char* name) { return Json{{"name", name}, {"value", "1"}}; };
  const auto volume = [](const char* name) {
    return Json{{"name", name}, {"configMap", {{"name", "x"}}}};
  };
  const auto port = [](int number) { return Json{{"containerPort", number}, {"protocol", "TCP"}}; };
  const auto spread = [](const char* key) {
    const Json labels = {{"matchLabels", {{"app", "it"}}}};
    return Json{{"topologyKey", key},
                {"whenUnsatisfiable", "ScheduleAnyway"},
                {"maxSkew", 1},
                {"labelSelector", labels}};
  };
  const Json no_one = {{"key", "one"}, {"operator", "Exists"}};
  const Json no_two = {{"key", "two"}, {"operator", "Exists"}};
  const std::vector<std::pair<std::string, List>> lists = {
      {pod, {"volumes", volume("one"), volume("two"), true}},
      {pod, {"imagePullSecrets", {{"name", "one"}}, {{"name", "two"}}, true}},
      {pod, {"topologySpreadConstraints", spread("one"), spread("two"), true}},
      {pod,
       {"hostAliases",
        {{"ip", "10.0.0.1"}, {"hostnames", Json::array({"a"})}},
        {{"ip", "10.0.0.2"}, {"hostnames", Json::array({"b"})}},
        true}},
      {pod, {"tolerations", no_one, no_two, false}},
      {main, {"env", variable("ONE"), variable("TWO"), true}},
      {main, {"ports", port(1), port(2), true}},
      {main, {"args", "one", "two", false}},
      {main, {"command", "one", "two", false}},
  };
  for (const auto& [place, list] : lists) {
    const auto with = [&, at = Pointer(place)](const Json& items) {
      Json it = deployment("it");
      if (place == main) it[at]["name"] = "main";
      it[at][list.pointer] = items;
      return it;
    };
    create(with(Json::array({list.one})));
    update(with(Json::array({list.two})), "second");
    const Json live = get("Deployment", "it").at(Pointer(place)).at(list.pointer);
    EXPECT_EQ(live.size(), list.by_key ? 2U : 1U) << list.pointer << live.dump();
    const Json back = update(with(Json::array({list.one})));
    EXPECT_EQ(back.at(Pointer(place)).at(list.pointer).size(), list.by_key ? 2U : 1U)
        << list.pointer;
    EXPECT_TRUE(in_step(back, with(Json::array({list.one})))) << list.pointer << back.dump();
    const Json gone = update(deployment("it"));
    EXPECT_EQ(gone.at(Pointer(place)).value(list.pointer, Json::array()).size(),
              list.by_key ? 1U : 0U)
        << list.pointer << gone.dump();
    client().remove(resource("Deployment"), ns, "it", {uid_of(back), ""}, "Background");
  }
}

TEST_F(Apply, AnItemOfAListIsMergedFieldByField) {
  Json ours = deployment("it");
  create(ours);
  Json theirs = ours;
  theirs["spec"]["template"]["spec"]["containers"][0] = {{"name", "main"}, {"tty", true}};
  const Json both = update(theirs, "second").at("/spec/template/spec/containers/0"_json_pointer);
  EXPECT_EQ(both.at("image"), "example.org/main:1");
  EXPECT_EQ(both.at("tty"), true);
}

TEST_F(Apply, OwnersAreMergedByUid) {
  const Json owner = create(body("ConfigMap", "owner"));
  const auto owned_by = [&](const char* name) {
    const Json reference = {{"apiVersion", "v1"},
                            {"kind", "ConfigMap"},
                            {"name", name},
                            {"uid", uid_of(get("ConfigMap", name))}};
    return body("ConfigMap", "it", {{"metadata", {{"ownerReferences", Json::array({reference})}}}});
  };
  create(body("ConfigMap", "another"));
  create(owned_by("owner"));
  EXPECT_EQ(update(owned_by("another"), "second").at("metadata").at("ownerReferences").size(), 2U);
  const Json left = update(body("ConfigMap", "it"), "second");
  ASSERT_EQ(left.at("metadata").at("ownerReferences").size(), 1U);
  EXPECT_EQ(left.at("metadata").at("ownerReferences").at(0).at("uid"), uid_of(owner));
  EXPECT_TRUE(in_step(left, owned_by("owner")));
}

TEST_F(Apply, ReplicasThatNobodyMeansAnyMoreBecomeOne) {
  create(deployment("it"));
  Json without = deployment("it");
  without["spec"].erase("replicas");
  EXPECT_EQ(update(without).at("spec").at("replicas"), 1);
}

TEST_F(Apply, AScaleTakesTheReplicasOutOfOurEntryAndTheNextApplyTakesThemBack) {
  const Json made = create(deployment("it"));
  const Json scale = client().scale(resource("Deployment"), ns, "it", uid_of(made), 3, kUs);
  EXPECT_EQ(scale.at("spec").at("replicas"), 3);
  Json without = deployment("it");
  without["spec"].erase("replicas");
  EXPECT_TRUE(in_step(get("Deployment", "it"), without));
  const Json back = update(deployment("it"));
  EXPECT_TRUE(in_step(back, deployment("it")));
  EXPECT_EQ(back.at("spec").at("replicas"), 0);
}

}  // namespace
}  // namespace faults
