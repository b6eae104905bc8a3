#include "operator/engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_api_server.h"
#include "queue_values.h"
#include "scripted_transport.h"

namespace op {
namespace {

using k8s::Json;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

const Json kSpec = {{"profile", "Minimal"}, {"version", "1.15.1"}};

Json service(const std::string& name) {
  return {{"apiVersion", "entityservice.io/v1alpha1"},
          {"kind", "EntityService"},
          {"metadata",
           {{"name", name},
            {"namespace", "ns"},
            {"uid", "uid-of-" + name},
            {"resourceVersion", "1"},
            {"generation", 1}}},
          {"spec", kSpec}};
}

// As an API server without defaults, in which nothing is yet.
k8s::Response stored(const k8s::Request& request) {
  if (request.method == "GET") return {404, R"({"kind":"Status","code":404})"};
  Json body = Json::parse(request.body);
  body["metadata"]["resourceVersion"] = "2";
  if (!body["metadata"].contains("uid")) body["metadata"]["uid"] = "uid-of-" + request.path;
  if (request.path.ends_with("/status")) body["metadata"]["generation"] = 1, body["spec"] = kSpec;
  return {200, body.dump()};
}

TEST(Engine, SendsWhatIsOnlyToldOfAResourceWhenNoOtherIsDueForAPass) {
  FakeApiServer server;
  server.services = {service("a"), service("b")};
  const auto watches = server.connect(), lease = server.connect();
  ScriptedTransport passes(stored);
  Time now = kStart;
  Engine engine({.leader_elect = false, .identity = "test"},
                {.watches = *watches,
                 .passes = passes,
                 .lease = *lease,
                 .sleep = [](std::chrono::milliseconds) {},
                 .now = [&now] { return now; }},
                {});
  for (std::size_t i = 0; i < engine.watches().count(); ++i)
    while (engine.watches().step(i, 0ms) == 0ms && !engine.watches().reports()[i].health.synced) {
    }
  ASSERT_TRUE(engine.watches().synced());
  const auto told_after = [&](std::chrono::milliseconds time) {
    now = kStart + time;
    while (engine.controller().step(now)) {
    }
    std::vector<std::string> names;
    for (const k8s::Request& it : passes.requests())
      if (it.path.ends_with("/status")) names.push_back(Json::parse(it.body)["metadata"]["name"]);
    return names;
  };
  EXPECT_THAT(told_after(0ms), ElementsAre());
  EXPECT_EQ(told_after(500ms).size(), 1U) << "the first whom nobody waits for";
  EXPECT_THAT(told_after(1500ms), UnorderedElementsAre("a", "b"));
}

}  // namespace
}  // namespace op
