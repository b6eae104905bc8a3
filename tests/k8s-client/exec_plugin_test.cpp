#include "k8s-client/exec_plugin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "k8s-client/errors.h"

namespace k8s {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kVersion = "client.authentication.k8s.io/v1";

std::string answer(const std::string& status) {
  return std::string(R"({"kind":"ExecCredential","apiVersion":")") + kVersion + R"(","status":)" +
         status + "}";
}

ExecCredential parse(const std::string& status) {
  return parse_exec_credential(answer(status), kVersion);
}

std::string refusal(const std::string& output) {
  try {
    parse_exec_credential(output, kVersion);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ExecPlugin, IsToldAboutTheClusterOnlyWhenItAsks) {
  ClusterConfig config{.server = "https://h", .tls_server_name = "api", .insecure = true};
  config.exec = ExecPlugin{.api_version = kVersion};
  EXPECT_EQ(Json::parse(exec_info(config, "CA")), Json::parse(R"({
    "apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
    "spec": {"interactive": false}})"));
  config.exec->provide_cluster_info = true;
  config.exec->cluster_extension = {{"audience", "x"}};
  EXPECT_EQ(Json::parse(exec_info(config, "CA"))["spec"], Json::parse(R"({
    "interactive": false,
    "cluster": {"server": "https://h", "tls-server-name": "api", "insecure-skip-tls-verify": true,
                "certificate-authority-data": "Q0E=", "config": {"audience": "x"}}})"));
}

TEST(ExecPlugin, AnswersWithATokenACertificateOrBoth) {
  EXPECT_EQ(parse(R"({"token":"t\n"})").token, "t");
  EXPECT_FALSE(parse(R"({"token":"t"})").expires);
  const auto both = parse(R"({"token":"t","clientCertificateData":"C","clientKeyData":"K"})");
  EXPECT_EQ(both.token + both.cert_pem + both.key_pem, "tCK");
  EXPECT_EQ(parse(R"({"token":null,"clientCertificateData":"C","clientKeyData":"K"})").token, "");
}

TEST(ExecPlugin, ReadsExpiryInEveryFormOfRfc3339) {
  const auto expiry = [](const std::string& text) {
    const auto time =
        parse(R"({"token":"t","expirationTimestamp":")" + text + R"("})").expires.value();
    return time.time_since_epoch().count();
  };
  EXPECT_EQ(expiry("2026-01-31T08:00:00Z"), 1769846400);
  EXPECT_EQ(expiry("2026-01-31T08:00:00.123456789Z"), 1769846400);
  EXPECT_EQ(expiry("2026-01-31T09:30:00+01:30"), 1769846400);
  EXPECT_EQ(expiry("2026-01-31T07:00:00-01:00"), 1769846400);
  EXPECT_GT(expiry("9999-12-31T23:59:59Z"), 1769846400);
}

TEST(ExecPlugin, RefusesAnyOtherAnswerWithoutRepeatingIt) {
  const std::pair<std::string, const char*> refused[] = {
      {"SECRET", "no JSON object"},
      {"", "no JSON object"},
      {R"(["SECRET"])", "no JSON object"},
      {R"({"kind":"SECRET"})", "something else than an ExecCredential"},
      {R"({"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1",
          "status":{"token":"SECRET"}})",
       "something else than an ExecCredential of client.authentication.k8s.io/v1"},
      {answer("null"), "without status"},
      {answer("{}"), "neither a token nor"},
      {answer(R"({"token":""})"), "neither a token nor"},
      {answer(R"({"token":7})"), "status.token is not a string"},
      {answer(R"({"clientKeyData":"SECRET"})"), "only one of clientCertificateData"},
      {answer(R"({"token":"SECRET","clientCertificateData":"C"})"), "only one of"},
      {answer(R"({"token":"SECRET","expirationTimestamp":"tomorrow"})"), "expirationTimestamp"},
      {answer(R"({"token":"SECRET","expirationTimestamp":"2026-01-31T08:00:00"})"), "like 2026"},
      {answer(R"({"token":"SECRET","expirationTimestamp":"2026-01-31T08:00:00+01"})"), "like 2026"},
  };
  for (const auto& [output, said] : refused) {
    EXPECT_THAT(refusal(output), HasSubstr(said)) << output;
    EXPECT_THAT(refusal(output), Not(HasSubstr("SECRET")));
  }
}

}  // namespace
}  // namespace k8s
