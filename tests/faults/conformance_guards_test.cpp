// What a request may ask of the object that it changes, and what cannot be changed.
#include "tests/faults/lab.h"

namespace faults {
namespace {

class Guards : public Lab {
 protected:
  Json job(const std::string& image) const {
    const Json container = {{"name", "main"}, {"image", image}};
    return body(
        "Job", "job",
        {{"spec",
          {{"template",
            {{"spec", {{"restartPolicy", "Never"}, {"containers", Json::array({container})}}}}}}}});
  }
  Json set(const std::string& size) const {
    const Json labels = {{"app", "set"}};
    const Json container = {{"name", "main"}, {"image", "example.org/main:1"}};
    const Json claim = {{"metadata", {{"name", "data"}}},
                        {"spec",
                         {{"accessModes", Json::array({"ReadWriteOnce"})},
                          {"resources", {{"requests", {{"storage", size}}}}}}}};
    return body("StatefulSet", "set",
                {{"spec",
                  {{"replicas", 0},
                   {"serviceName", "set"},
                   {"selector", {{"matchLabels", labels}}},
                   {"template",
                    {{"metadata", {{"labels", labels}}},
                     {"spec", {{"containers", Json::array({container})}}}}},
                   {"volumeClaimTemplates", Json::array({claim})}}}});
  }
};

TEST_F(Guards, AFirstApplyNeverTouchesWhatIsThere) {
  for (const Json& it : {body("ConfigMap", "it", {{"data", {{"a", "1"}}}}), body("Secret", "it"),
                         deployment("it"), job("a"), body("ServiceAccount", "sa")}) {
    const std::string kind = it.at("kind"), name = it.at("metadata").at("name");
    create(it);
    EXPECT_EQ(code([&] { create(it, "second"); }), 409) << kind;
    const Json fields = get(kind, name).at("metadata").value("managedFields", Json());
    EXPECT_EQ(fields.dump().find("\"second\""), std::string::npos) << kind << fields;
  }
}

TEST_F(Guards, ALaterApplyDoesNotBringBackWhatIsGone) {
  const Json it = body("ConfigMap", "it", {{"data", {{"a", "1"}}}});
  const std::string uid = uid_of(create(it));
  client().remove(resource("ConfigMap"), ns, "it", {uid, ""}, "Background");
  EXPECT_EQ(code([&] { client().apply(resource("ConfigMap"), it, kUs, k8s::Guard::update(uid)); }),
            409);
  EXPECT_EQ(find("ConfigMap", "it"), std::nullopt);
}

// The API server takes another uid for a change of the field: the client knows what is meant.
TEST_F(Guards, NeitherApplyNorMergeTouchesASuccessor) {
  const Json spec = {{"profile", "Minimal"}, {"version", "1.15.1"}};
  for (const Json& it : {body("ConfigMap", "it"), body("Secret", "it"), deployment("it"), job("a"),
                         set("1Gi"), body("EntityService", "it", {{"spec", spec}})}) {
    const std::string kind = it.at("kind"), name = it.at("metadata").at("name");
    create(it);
    Json other = it;
    other["metadata"]["labels"] = {{"touched", "yes"}};
    const auto apply = [&] {
      client().apply(resource(kind), other, kUs, k8s::Guard::update("another"));
    };
    EXPECT_EQ(code(apply), 409) << kind << last_error;
    other["metadata"]["uid"] = "another";
    EXPECT_EQ(code([&] {
                merge(kind, name, {{"metadata", other["metadata"]}});
              }),
              409)
        << kind << last_error;
    const Json live = get(kind, name).at("metadata");
    EXPECT_FALSE(live.value("labels", Json::object()).contains("touched")) << kind;
  }
}

TEST_F(Guards, AMergeIsBoundToTheVersion) {
  const Json made = create(body("ConfigMap", "it"));
  const auto merge_if = [&](const std::string& version) {
    const Json metadata = {{"uid", uid_of(made)}, {"resourceVersion", version}};
    return code([&] {
      merge("ConfigMap", "it", {{"metadata", metadata}, {"data", {{"a", version}}}});
    });
  };
  EXPECT_EQ(merge_if("1"), 409);
  EXPECT_EQ(merge_if(version_of(made)), 200);
  EXPECT_EQ(code([&] { merge("ConfigMap", "nothing", Json::object()); }), 404);
}

TEST_F(Guards, AScaleIsBoundToTheUid) {
  const Json made = create(deployment("it"));
  const auto scale = [&](const std::string& uid) {
    return code([&] { client().scale(resource("Deployment"), ns, "it", uid, 0, kUs); });
  };
  EXPECT_EQ(scale("another"), 409);
  EXPECT_EQ(scale(uid_of(made)), 200);
}

TEST_F(Guards, ADeleteIsBoundToUidAndVersion) {
  const Json made = create(body("ConfigMap", "it"));
  const auto remove = [&](const std::string& uid, const std::string& version) {
    return client().remove(resource("ConfigMap"), ns, "it", {uid, version}, "Background");
  };
  EXPECT_FALSE(remove("another", ""));
  EXPECT_FALSE(remove(uid_of(made), "1"));
  EXPECT_TRUE(remove(uid_of(made), version_of(made)));
  EXPECT_FALSE(remove(uid_of(made), ""));
}

TEST_F(Guards, PostDoesNotReplaceAndPutIsBoundToTheVersion) {
  const Json it = body("Lease", "it", {{"spec", {{"holderIdentity", "a"}}}});
  Json made = post(it);
  EXPECT_EQ(code([&] { post(it); }), 409);
  const auto put = [&](const Json& body) {
    return code([&] { client().update(resource("Lease"), ns, "it", body, "poster"); });
  };
  Json next = made;
  next["spec"]["holderIdentity"] = "b";
  EXPECT_EQ(put(next), 200);
  EXPECT_EQ(put(next), 409) << "of the old version";
  EXPECT_EQ(get("Lease", "it").at("spec").at("holderIdentity"), "b");
}

TEST_F(Guards, WhatCannotChangeIsRefused) {
  create(job("example.org/a:1"));
  EXPECT_EQ(code([&] { update(job("example.org/b:1")); }), 422) << last_error;
  create(set("1Gi"));
  EXPECT_EQ(code([&] { update(set("2Gi")); }), 422) << last_error;
  Json config = body("ConfigMap", "it", {{"data", {{"a", "1"}}}, {"immutable", true}});
  create(config);
  config["data"]["a"] = "2";
  EXPECT_EQ(code([&] { update(config); }), 422) << last_error;
  config["data"]["a"] = "1";
  config["metadata"]["labels"] = {{"a", "b"}};
  EXPECT_EQ(code([&] { update(config); }), 200) << last_error;
}

TEST_F(Guards, AServiceKeepsItsAddressAndAnotherCannotHaveIt) {
  const auto service = [this](const std::string& name) {
    const Json port = {{"name", "http"}, {"port", 80}, {"protocol", "TCP"}};
    return body("Service", name,
                {{"spec", {{"selector", {{"app", "it"}}}, {"ports", Json::array({port})}}}});
  };
  const std::string address = create(service("one")).at("spec").at("clusterIP");
  EXPECT_EQ(update(service("one")).at("spec").at("clusterIP"), address);
  Json two = service("two");
  two["spec"]["clusterIP"] = address;
  EXPECT_EQ(code([&] { create(two); }), 422) << last_error;
  const std::string uid = uid_of(get("Service", "one"));
  client().remove(resource("Service"), ns, "one", {uid, ""}, "Background");
  EXPECT_TRUE(eventually([&] { return code([&] { create(two); }) == 200; })) << last_error;
}

TEST_F(Guards, AQuotaThatIsFullRefusesOneMoreAndLeavesTheOthersAlone) {
  post(body("ResourceQuota", "full",
            {{"spec", {{"hard", {{"count/leases.coordination.k8s.io", "1"}}}}}}));
  EXPECT_TRUE(eventually([&] { return code([&] { post(body("Lease", "one")); }) == 200; }))
      << last_error;
  EXPECT_TRUE(eventually([&] {
    static int count = 0;
    return code([&] { create(body("Lease", "more-" + std::to_string(++count))); }) == 403;
  }));
  EXPECT_THAT(last_error, ::testing::HasSubstr("exceeded quota: full"));
  EXPECT_EQ(code([&] { update(body("Lease", "one")); }), 200);
}

}  // namespace
}  // namespace faults
