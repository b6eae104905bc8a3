// Generations, subresources, finalizers, garbage, the end of a namespace.
#include "tests/faults/lab.h"

namespace faults {
namespace {

class Objects : public Lab {
 protected:
  Json owned(const std::string& name, const Json& owner) const {
    const Json reference = {{"apiVersion", "v1"},
                            {"kind", "ConfigMap"},
                            {"name", owner.at("metadata").at("name")},
                            {"uid", uid_of(owner)},
                            {"blockOwnerDeletion", true}};
    return body("ConfigMap", name, {{"metadata", {{"ownerReferences", Json::array({reference})}}}});
  }
  void remove(const std::string& name, const std::string& propagation) const {
    const std::string uid = uid_of(get("ConfigMap", name));
    client().remove(resource("ConfigMap"), ns, name, {uid, ""}, propagation);
  }
  bool is_there(const std::string& name) const { return find("ConfigMap", name).has_value(); }
};

std::int64_t generation(const Json& object) { return object.at("metadata").at("generation"); }

TEST_F(Objects, AGenerationGrowsWithTheSpecAlone) {
  EXPECT_EQ(generation(create(deployment("it"))), 1);
  Json it = deployment("it");
  it["metadata"]["labels"] = {{"a", "b"}};
  EXPECT_EQ(generation(update(it)), 1);
  it["spec"]["minReadySeconds"] = 3;
  EXPECT_EQ(generation(update(it)), 2);
  EXPECT_FALSE(create(body("ConfigMap", "it")).at("metadata").contains("generation"));
}

TEST_F(Objects, AResourceOfOursHasStatusAndSpecApart) {
  const Json spec = {{"profile", "Minimal"}, {"version", "1.15.1"}};
  const Json made =
      post(body("EntityService", "it", {{"spec", spec}, {"status", {{"replicas", 3}}}}));
  EXPECT_FALSE(made.contains("status"));
  const Json status = body("EntityService", "it", {{"status", {{"replicas", 2}}}});
  const Json told = client().patch_status(resource("EntityService"), status, kUs);
  EXPECT_EQ(told.at("status").at("replicas"), 2);
  EXPECT_EQ(generation(told), 1);
  EXPECT_EQ(told.at("spec").at("profile"), "Minimal");
  EXPECT_EQ(version_of(client().patch_status(resource("EntityService"), status, kUs)),
            version_of(told));
  const Json edited =
      merge("EntityService", "it", {{"spec", {{"replicas", 4}}}, {"status", {{"replicas", 9}}}});
  EXPECT_EQ(generation(edited), 2);
  EXPECT_EQ(edited.at("status").at("replicas"), 2);
  EXPECT_EQ(code([&] {
              client().patch_status(resource("EntityService"),
                                    body("EntityService", "nothing", {{"status", Json::object()}}),
                                    kUs);
            }),
            404);
}

// No guard: who writes a status must not rely on it.
TEST_F(Objects, AStatusIsWrittenWhateverUidItNames) {
  post(body("EntityService", "it", {{"spec", {{"profile", "Minimal"}, {"version", "1.15.1"}}}}));
  Json status = body("EntityService", "it", {{"status", {{"replicas", 2}}}});
  status["metadata"]["uid"] = "another";
  EXPECT_EQ(code([&] { client().patch_status(resource("EntityService"), status, kUs); }), 200);
}

TEST_F(Objects, AFinalizerKeepsWhatIsDeletedUntilItGoes) {
  create(
      body("ConfigMap", "it", {{"metadata", {{"finalizers", Json::array({"example.org/wait"})}}}}));
  remove("it", "Background");
  const Json waiting = get("ConfigMap", "it");
  EXPECT_TRUE(waiting.at("metadata").contains("deletionTimestamp"));
  EXPECT_EQ(code([&] { create(body("ConfigMap", "it")); }), 409);
  merge("ConfigMap", "it", {{"metadata", {{"finalizers", nullptr}}}});
  EXPECT_FALSE(is_there("it"));
}

TEST_F(Objects, InTheBackgroundDependentsFollow) {
  const Json owner = create(body("ConfigMap", "owner"));
  create(owned("child", owner));
  remove("owner", "Background");
  EXPECT_FALSE(is_there("owner"));
  EXPECT_TRUE(eventually([&] { return !is_there("child"); }));
}

TEST_F(Objects, InTheForegroundDependentsGoFirst) {
  const Json owner = create(body("ConfigMap", "owner"));
  Json child = owned("child", owner);
  child["metadata"]["finalizers"] = Json::array({"example.org/wait"});
  create(child);
  remove("owner", "Foreground");
  EXPECT_TRUE(eventually(
      [&] { return get("ConfigMap", "child").at("metadata").contains("deletionTimestamp"); }));
  EXPECT_TRUE(is_there("owner"));
  merge("ConfigMap", "child", {{"metadata", {{"finalizers", nullptr}}}});
  EXPECT_TRUE(eventually([&] { return !is_there("owner"); }));
}

TEST_F(Objects, OrphansStayAndLoseTheirOwner) {
  const Json owner = create(body("ConfigMap", "owner"));
  create(owned("child", owner));
  remove("owner", "Orphan");
  EXPECT_TRUE(eventually([&] { return !is_there("owner"); }));
  EXPECT_FALSE(get("ConfigMap", "child").at("metadata").contains("ownerReferences"));
}

TEST_F(Objects, OneOfTwoOwnersIsEnoughToStay) {
  const Json one = create(body("ConfigMap", "one")), two = create(body("ConfigMap", "two"));
  Json child = owned("child", one);
  const Json second = owned("child", two).at("metadata").at("ownerReferences").at(0);
  child["metadata"]["ownerReferences"].push_back(second);
  create(child);
  remove("one", "Background");
  EXPECT_TRUE(eventually(
      [&] { return get("ConfigMap", "child").at("metadata").at("ownerReferences").size() == 1; }));
}

TEST_F(Objects, NothingIsMadeInANamespaceThatEndsOrIsNotThere) {
  // so that it is still there when it is asked
  create(
      body("ConfigMap", "it", {{"metadata", {{"finalizers", Json::array({"example.org/wait"})}}}}));
  const Json self = client().get(resource("Namespace"), "", ns);
  client().remove(resource("Namespace"), "", ns, {uid_of(self), ""}, "Background");
  const auto cause = [&](const Json& it) {
    try {
      create(it);
    } catch (const k8s::ApiError& error) {
      return std::to_string(error.code()) + error.details().dump();
    }
    return std::string("made");
  };
  EXPECT_TRUE(eventually([&] {
    const std::string said = cause(body("ConfigMap", "another"));
    return said.starts_with("403") && said.find("NamespaceTerminating") != std::string::npos;
  }));
  merge("ConfigMap", "it", {{"metadata", {{"finalizers", nullptr}}}});
  Json elsewhere = body("ConfigMap", "it");
  elsewhere["metadata"]["namespace"] = "conformance-nowhere";
  EXPECT_THAT(cause(elsewhere), ::testing::AllOf(::testing::StartsWith("404"),
                                                 ::testing::HasSubstr("\"kind\":\"namespaces\"")));
}

}  // namespace
}  // namespace faults
