#include "k8s-client/client.h"

#include <gtest/gtest.h>

#include "k8s-client/errors.h"
#include "tests/k8s-client/scripted_transport.h"

namespace k8s {
namespace {

using Stage = TransportError::Stage;

// What went over the wire, as one comparable text.
std::string wire(const Request& request) {
  std::string out = request.method + " " + request.path;
  for (const auto& [name, value] : request.query) out += " " + name + "=" + value;
  if (!request.content_type.empty()) out += " (" + request.content_type + ")";
  if (!request.body.empty()) out += " " + request.body;
  return out;
}

class ClientTest : public testing::Test {
 protected:
  std::string only_request() {
    EXPECT_EQ(transport_.sent.size(), 1U);
    return wire(transport_.sent.front());
  }
  Json body() {
    const Json metadata = {{"name", "demo-api"}, {"namespace", "apps"}};
    return {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"metadata", metadata}};
  }

  ScriptedTransport transport_;
  Client client_{transport_, [](std::chrono::milliseconds) {}};
};

TEST_F(ClientTest, GetsAnObject) {
  const Json live = {{"kind", "Deployment"}};
  transport_.then(ScriptedTransport::status(200, live));
  EXPECT_EQ(client_.get(deployments(), "apps", "demo-api"), live);
  EXPECT_EQ(only_request(), "GET /apis/apps/v1/namespaces/apps/deployments/demo-api");
  EXPECT_EQ(transport_.sent.front().accept, "application/json");
}

TEST_F(ClientTest, TheCoreGroupAndClusterScopeHaveTheirOwnPaths) {
  const Resource nodes{"", "v1", "nodes", "Node", false};
  EXPECT_EQ(object_path(config_maps(), "apps", "x"), "/api/v1/namespaces/apps/configmaps/x");
  EXPECT_EQ(object_path(nodes, "", "n"), "/api/v1/nodes/n");
  EXPECT_EQ(collection_path(deployments(), ""), "/apis/apps/v1/deployments");
}

TEST_F(ClientTest, FindTellsAbsenceFromFailure) {
  transport_.then(ScriptedTransport::status(404, {{"reason", "NotFound"}}))
      .then(ScriptedTransport::status(403, {{"reason", "Forbidden"}}));
  EXPECT_EQ(client_.find(deployments(), "apps", "x"), std::nullopt);
  EXPECT_THROW(client_.find(deployments(), "apps", "x"), ApiError);
}

TEST_F(ClientTest, AFirstApplyCanOnlyCreate) {
  transport_.then(ScriptedTransport::status(201));
  client_.apply(deployments(), body(), "us", Guard::create());
  EXPECT_EQ(only_request(),
            "PATCH /apis/apps/v1/namespaces/apps/deployments/demo-api fieldManager=us force=true "
            "(application/apply-patch+yaml) "
            R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"demo-api",)"
            R"("namespace":"apps","resourceVersion":"1"}})");
}

TEST_F(ClientTest, AnotherUidAtTheNameIsAConflictThoughTheServerCallsItInvalid) {
  const auto refused = [](const char* field) {
    const Json cause = {{"reason", "FieldValueInvalid"}, {"field", field}};
    return Json{{"reason", "Invalid"},
                {"message", "is invalid"},
                {"details", {{"causes", Json::array({cause})}}}};
  };
  const auto code = [&](const char* field) {
    transport_.then(ScriptedTransport::status(422, refused(field)));
    try {
      client_.apply(deployments(), body(), "us", Guard::update("u-1"));
    } catch (const ApiError& error) {
      return error.code();
    }
    return 200;
  };
  EXPECT_EQ(code("metadata.uid"), 409);
  EXPECT_EQ(code("spec.replicas"), 422);
}

TEST_F(ClientTest, ALaterApplyNamesWhatItUpdates) {
  transport_.then(ScriptedTransport::status(200));
  client_.apply(deployments(), body(), "us", Guard::update("u-1"));
  EXPECT_EQ(only_request(),
            "PATCH /apis/apps/v1/namespaces/apps/deployments/demo-api fieldManager=us force=true "
            "(application/apply-patch+yaml) "
            R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"demo-api",)"
            R"("namespace":"apps","uid":"u-1"}})");
}

TEST_F(ClientTest, BodiesAreRawUtf8AndInvalidBytesAreReplaced) {
  transport_.then(ScriptedTransport::status(200));
  Json object = body();
  object["data"] = "r\xC3\xA9sum\xC3\xA9 \xFF";
  client_.apply(deployments(), object, "us", Guard::create());
  EXPECT_NE(only_request().find("r\xC3\xA9sum\xC3\xA9 \xEF\xBF\xBD"), std::string::npos);
}

TEST_F(ClientTest, TheOtherWritesSayWhatTheyMean) {
  for (int i = 0; i < 6; ++i) transport_.then(ScriptedTransport::status(200));
  const std::string path = "/apis/apps/v1/namespaces/apps/deployments";
  const Json patch = {{"spec", {{"suspend", true}}}};
  client_.patch_status(deployments(), body(), "us");
  client_.scale(deployments(), "apps", "x", "u-1", 20, "us");
  client_.merge(deployments(), "apps", "x", patch, "us");
  client_.create(deployments(), "apps", patch, "us");
  client_.update(deployments(), "apps", "x", patch, "us");
  EXPECT_TRUE(client_.remove(deployments(), "apps", "x", {"u-1", "7"}, "Background"));
  std::vector<std::string> wires;
  for (const Request& request : transport_.sent) wires.push_back(wire(request));
  const std::string spec = R"({"spec":{"suspend":true}})";
  EXPECT_EQ(wires,
            (std::vector<std::string>{
                "PATCH " + path +
                    "/demo-api/status fieldManager=us force=true "
                    "(application/apply-patch+yaml) " +
                    body().dump(),
                "PATCH " + path +
                    "/x/scale fieldManager=us (application/merge-patch+json) "
                    R"({"metadata":{"uid":"u-1"},"spec":{"replicas":20}})",
                "PATCH " + path + "/x fieldManager=us (application/merge-patch+json) " + spec,
                "POST " + path + " fieldManager=us (application/json) " + spec,
                "PUT " + path + "/x fieldManager=us (application/json) " + spec,
                "DELETE " + path +
                    "/x (application/json) "
                    R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":)"
                    R"({"resourceVersion":"7","uid":"u-1"},)"
                    R"("propagationPolicy":"Background"})"}));
}

TEST_F(ClientTest, RemovingWhatIsGoneOrReplacedIsNoError) {
  transport_.then(ScriptedTransport::status(404)).then(ScriptedTransport::status(409));
  EXPECT_FALSE(client_.remove(deployments(), "apps", "x", {"u-1", ""}, "Background"));
  EXPECT_FALSE(client_.remove(deployments(), "apps", "x", {"u-1", ""}, "Background"));
}

TEST_F(ClientTest, OnlyWritesThatCanBeDoneTwiceAreRepeatedWhenTheirFateIsUnknown) {
  const auto sends = [&](const std::function<void()>& call) {
    transport_.sent.clear();
    transport_.then(ScriptedTransport::failure(Stage::Answer));
    transport_.then(ScriptedTransport::status(200));
    try {
      call();
    } catch (const TransportError&) {
      transport_.send({});  // uses up the second answer
      return transport_.sent.size() - 1;
    }
    return transport_.sent.size();
  };
  const Json versioned = {{"metadata", {{"resourceVersion", "7"}}}};
  EXPECT_EQ(sends([&] { client_.get(deployments(), "n", "x"); }), 2U);
  EXPECT_EQ(sends([&] { client_.apply(deployments(), body(), "us", Guard::create()); }), 2U);
  EXPECT_EQ(sends([&] { client_.update(deployments(), "n", "x", versioned, "us"); }), 2U);
  EXPECT_EQ(sends([&] { client_.remove(deployments(), "n", "x", {"u", ""}, "Orphan"); }), 2U);
  EXPECT_EQ(sends([&] { client_.update(deployments(), "n", "x", body(), "us"); }), 1U);
  EXPECT_EQ(sends([&] { client_.create(deployments(), "n", body(), "us"); }), 1U);
  EXPECT_EQ(sends([&] { client_.merge(deployments(), "n", "x", body(), "us"); }), 1U);
}

TEST_F(ClientTest, AnErrorSaysWhatWasTriedAndWhatTheServerSaid) {
  const Json details = {{"causes", Json::array()}};
  transport_.then(ScriptedTransport::status(409, {{"kind", "Status"},
                                                  {"reason", "Conflict"},
                                                  {"message", "uid mismatch"},
                                                  {"details", details}}));
  try {
    client_.apply(deployments(), body(), "us", Guard::update("u-1"));
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_STREQ(error.what(), "apply Deployment apps/demo-api: uid mismatch (HTTP 409)");
    EXPECT_EQ(error.code(), 409);
    EXPECT_EQ(error.reason(), "Conflict");
    EXPECT_EQ(error.details(), details);
  }
}

TEST_F(ClientTest, AnErrorOfAProxyIsQuoted) {
  transport_.then([](const Request&) { return Response{502, "<html>bad gateway</html>"}; });
  try {
    client_.get(deployments(), "apps", "x");
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_STREQ(error.what(), "get Deployment apps/x: <html>bad gateway</html> (HTTP 502)");
  }
}

TEST_F(ClientTest, AnAnswerThatIsNotJsonIsATransportError) {
  transport_.then([](const Request&) { return Response{200, "<html>"}; });
  EXPECT_THROW(client_.get(deployments(), "apps", "x"), TransportError);
}

Json page(const std::string& version, const std::string& next, std::vector<std::string> names) {
  Json items = Json::array();
  for (const auto& name : names) items.push_back({{"metadata", {{"name", name}}}});
  return {{"metadata", {{"resourceVersion", version}, {"continue", next}}}, {"items", items}};
}

TEST_F(ClientTest, ListsPageByPage) {
  transport_.then(ScriptedTransport::status(200, page("7", "c1", {"a", "b"})))
      .then(ScriptedTransport::status(200, page("7", "", {"c"})));
  std::vector<std::string> names;
  const auto version =
      client_.list(deployments(), "apps", {"app=x", "metadata.name=y"},
                   [&](Json&& item) { names.push_back(item["metadata"]["name"]); });
  EXPECT_EQ(version, "7");
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(wire(transport_.sent[1]),
            "GET /apis/apps/v1/namespaces/apps/deployments limit=500 labelSelector=app=x "
            "fieldSelector=metadata.name=y continue=c1");
}

TEST_F(ClientTest, AListThatExpiresInTheMiddleStartsOver) {
  transport_.then(ScriptedTransport::status(200, page("7", "c1", {"a"})))
      .then(ScriptedTransport::status(410, {{"reason", "Expired"}}))
      .then(ScriptedTransport::status(200, page("9", "", {"b"})));
  std::vector<std::string> names;
  const auto version = client_.list(
      deployments(), "", {}, [&](Json&& item) { names.push_back(item["metadata"]["name"]); },
      [&] { names.clear(); });
  EXPECT_EQ(version, "9");
  EXPECT_EQ(names, std::vector<std::string>{"b"});
}

TEST_F(ClientTest, AListWhosePageIsFollowedByItselfBreaksOff) {
  for (int i = 0; i < 2; ++i) {
    transport_.then(ScriptedTransport::status(200, page("7", "c1", {"a"})));
  }
  EXPECT_THROW(client_.list(deployments(), "", {}, [](Json&&) {}), TransportError);
  EXPECT_TRUE(transport_.exhausted());
}

TEST_F(ClientTest, AMetadataListAsksForNothingElse) {
  transport_.then(ScriptedTransport::status(200, page("7", "", {})));
  client_.list(
      config_maps(), "", {}, [](Json&&) {}, {}, true);
  EXPECT_EQ(transport_.sent[0].accept,
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json");
}

}  // namespace
}  // namespace k8s
