#include "operator/logged_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "captured_log.h"
#include "scripted_transport.h"

namespace op {
namespace {

const std::string kDeployment = "/apis/apps/v1/namespaces/lab/deployments/demo-api";

struct Told {
  const char* name;
  k8s::Request request;
  int status;
  const char* line;  // at level info; empty: only at debug
};
class Logged : public testing::TestWithParam<Told> {};

TEST_P(Logged, TellsWhatChangedSomethingAtInfoAndAllElseAtDebug) {
  const auto& [name, request, status, line] = GetParam();
  ScriptedTransport inner([&](const k8s::Request&) { return k8s::Response{status, "{}"}; });
  LoggedTransport transport(inner);
  {
    const CapturedLog log(LogFormat::Json);
    EXPECT_EQ(transport.send(request).status, status);
    const std::string told = log.text();
    EXPECT_EQ(told.empty() ? "" : nlohmann::json::parse(told).at("msg").get<std::string>(), line);
  }
  const CapturedLog log(LogFormat::Json);
  spdlog::default_logger_raw()->set_level(spdlog::level::debug);
  transport.send(request);
  EXPECT_THAT(log.text(), testing::HasSubstr(request.path + ": " + std::to_string(status)));
  EXPECT_THAT(log.text(), testing::Not(testing::HasSubstr("hunter2")));
}

INSTANTIATE_TEST_SUITE_P(
    Table, Logged,
    testing::Values(Told{"apply",
                         {.method = "PATCH", .path = kDeployment, .body = "hunter2"},
                         201,
                         "PATCH /apis/apps/v1/namespaces/lab/deployments/demo-api: 201"},
                    Told{"removal",
                         {.method = "DELETE", .path = "/api/v1/namespaces/lab/services/x"},
                         200,
                         "DELETE /api/v1/namespaces/lab/services/x: 200"},
                    Told{"refusal", {.method = "PATCH", .path = kDeployment}, 403, ""},
                    Told{"reading", {.method = "GET", .path = kDeployment}, 200, ""},
                    Told{"namespace_of_events",
                         {.method = "DELETE", .path = "/api/v1/namespaces/events-prod/services/x"},
                         200,
                         "DELETE /api/v1/namespaces/events-prod/services/x: 200"},
                    Told{"object_named_events",
                         {.method = "DELETE", .path = "/api/v1/namespaces/lab/services/events-api"},
                         200,
                         "DELETE /api/v1/namespaces/lab/services/events-api: 200"},
                    Told{"object_named_status",
                         {.method = "PATCH",
                          .path = "/api/v1/namespaces/lab/serviceaccounts/status"},
                         201,
                         "PATCH /api/v1/namespaces/lab/serviceaccounts/status: 201"},
                    Told{"status",
                         {.method = "PATCH",
                          .path = "/apis/entityservice.io/v1alpha1/namespaces/lab/entityservices/"
                                  "demo/status"},
                         200,
                         ""},
                    Told{"event",
                         {.method = "POST", .path = "/apis/events.k8s.io/v1/namespaces/lab/events"},
                         201,
                         ""}),
    [](const auto& test) { return test.param.name; });

TEST(LoggedTransport, TellsOfARequestWithoutAnswerAndPassesItOn) {
  ScriptedTransport inner([](const k8s::Request&) -> k8s::Response {
    throw k8s::TransportError(k8s::TransportError::Stage::Connect, "refused");
  });
  LoggedTransport transport(inner);
  const CapturedLog log(LogFormat::Json);
  spdlog::default_logger_raw()->set_level(spdlog::level::debug);
  EXPECT_THROW(transport.send({.method = "PATCH", .path = kDeployment}), k8s::TransportError);
  EXPECT_THAT(log.text(), testing::HasSubstr("demo-api: refused"));
}

}  // namespace
}  // namespace op
