// Who the transport says that it is, and whom it believes: rotation while it runs, IPv6, servers
// that are not verified.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <thread>

#include "k8s-client/rest_transport.h"
#include "tests/k8s-client/config_folder.h"
#include "tests/k8s-client/fault_server.h"

namespace k8s {
namespace {

using Connection = FaultServer::Connection;
using testing::ElementsAre;
using testing::HasSubstr;

std::string bearer(const FaultServer::Received& request) {
  const auto at = request.head.find("Authorization");
  if (at == std::string::npos) return "";
  return request.head.substr(at, request.head.find("\r\n", at) - at);
}

void answer_anyone(Connection& connection) {
  while (const auto request = connection.read()) connection.answer("{}");
}

class RestIdentity : public ConfigFolder {
 protected:
  const TestCa ca_{"ca"};
};

TEST_F(RestIdentity, AnIpv6AddressIsConnectedToAndVerified) {
  FaultServer right(answer_anyone, ca_.issue("api", "IP:::1"), "", "::1");
  const auto transport =
      make_rest_transport({.server = right.url("[::1]") + "/prefix", .ca_pem = ca_.pem()});
  EXPECT_EQ(transport->send({.path = "/x"}).status, 200);

  FaultServer wrong(answer_anyone, ca_.issue("api", "IP:::2,DNS:localhost"), "", "::1");
  const auto other = make_rest_transport({.server = wrong.url("[::1]"), .ca_pem = ca_.pem()});
  EXPECT_THAT(refusal([&] { other->send({.path = "/x"}); }),
              testing::AllOf(HasSubstr("https://[::1]:"), HasSubstr("does not name ::1")));
  const auto named = make_rest_transport(
      {.server = wrong.url("[::1]"), .ca_pem = ca_.pem(), .tls_server_name = "localhost"});
  EXPECT_EQ(named->send({.path = "/x"}).status, 200);
}

TEST_F(RestIdentity, AnIpv6AddressKeepsThePathOfTheServer) {
  std::string line;
  FaultServer server(
      [&](Connection& connection) {
        line = connection.read().value().line;
        connection.answer("{}");
      },
      std::nullopt, "", "::1");
  make_rest_transport({.server = server.url("[::1]") + "/k8s/c-1"})->send({.path = "/api/v1/x"});
  EXPECT_EQ(line, "GET /k8s/c-1/api/v1/x HTTP/1.1");
}

TEST_F(RestIdentity, AServerIsBelievedUnseenOnlyWhenThatIsAskedFor) {
  FaultServer server(answer_anyone, TestCa("another").issue("api", "DNS:elsewhere"));
  const auto blind = make_rest_transport({.server = server.url(), .insecure = true});
  EXPECT_EQ(blind->send({.path = "/x"}).status, 200);
  const auto seeing = make_rest_transport({.server = server.url(), .ca_pem = ca_.pem()});
  EXPECT_THAT(refusal([&] { seeing->send({.path = "/x"}); }),
              HasSubstr("certificate is not trusted"));
}

TEST_F(RestIdentity, ANewClientCertificateIsShownOnNewConnections) {
  const CertifiedKey before = ca_.issue("before", "");
  const CertifiedKey after = ca_.issue("after", "");
  std::mutex mutex;
  std::vector<std::string> shown;
  FaultServer server(
      [&](Connection& connection) {
        while (connection.read()) {
          const std::lock_guard lock(mutex);
          shown.push_back(connection.peer());
          connection.answer("{}");
        }
      },
      ca_.issue("api", "IP:127.0.0.1"), ca_.pem());
  Clock::time_point now{};
  const auto credentials =
      std::make_shared<Credentials>(ClusterConfig{.server = server.url(),
                                                  .ca_pem = ca_.pem(),
                                                  .client_cert_pem = before.cert_pem,
                                                  .client_key_pem = before.key_pem,
                                                  .client_cert_file = write("crt", before.cert_pem),
                                                  .client_key_file = write("key", before.key_pem)},
                                    Credentials::Warn{}, [&now] { return now; });
  const auto transport = make_rest_transport(credentials);
  transport->send({.path = "/x"});
  transport->send({.path = "/x"});
  EXPECT_EQ(server.connections(), 1);
  write("crt", after.cert_pem);
  write("key", after.key_pem);
  now += std::chrono::seconds(10);
  EXPECT_EQ(transport->send({.path = "/x"}).status, 200);
  EXPECT_EQ(server.connections(), 2);
  const std::lock_guard lock(mutex);
  EXPECT_THAT(shown, ElementsAre("before", "before", "after"));
}

TEST_F(RestIdentity, ANewAuthorityIsTakenFromItsFile) {
  FaultServer server(answer_anyone, ca_.issue("api", "IP:127.0.0.1"));
  const TestCa old("old");
  Clock::time_point now{};
  const auto credentials = std::make_shared<Credentials>(
      ClusterConfig{.server = server.url(), .ca_pem = old.pem(), .ca_file = write("ca", old.pem())},
      Credentials::Warn{}, [&now] { return now; });
  const auto transport = make_rest_transport(credentials);
  EXPECT_THAT(refusal([&] { transport->send({.path = "/x"}); }),
              HasSubstr("certificate is not trusted"));
  write("ca", old.pem() + ca_.pem());  // as an authority is replaced
  now += std::chrono::seconds(10);
  EXPECT_EQ(transport->send({.path = "/x"}).status, 200);
}

TEST_F(RestIdentity, APluginsTokenIsRenewedAfterARefusalForRequestsAndStreams) {
  std::mutex mutex;
  std::vector<std::string> seen;
  std::string accepted = "Authorization:Bearer 1";
  FaultServer server(
      [&](Connection& connection) {
        while (const auto request = connection.read()) {
          const std::lock_guard lock(mutex);
          seen.push_back(bearer(*request));
          connection.answer("{}\n", seen.back() == accepted ? 200 : 401);
        }
      },
      ca_.issue("api", "IP:127.0.0.1"));
  ClusterConfig config{.server = server.url(), .ca_pem = ca_.pem()};
  config.exec = ExecPlugin{.place = "f: users[u].exec",
                           .api_version = "client.authentication.k8s.io/v1",
                           .command = script("plugin", "echo run >> " + folder_ + "/runs\n" + R"(
printf '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",'
printf '"status":{"token":"%d"}}' $(wc -l < )" + folder_ + "/runs)")};
  Clock::time_point now{};
  const auto credentials =
      std::make_shared<Credentials>(config, Credentials::Warn{}, [&now] { return now; });
  const auto requests = make_rest_transport(credentials);
  const auto watches = make_rest_transport(credentials);
  EXPECT_EQ(requests->send({.path = "/x"}).status, 200);
  const auto accept = [&](const std::string& number) {
    const std::lock_guard lock(mutex);
    accepted = "Authorization:Bearer " + number;
    now += std::chrono::seconds(5);
  };
  accept("2");
  EXPECT_EQ(requests->send({.path = "/x"}).status, 200);
  EXPECT_EQ(watches->send({.path = "/x"}).status, 200) << "it shares what the other one learnt";
  accept("3");
  EXPECT_EQ(
      watches->open({.path = "/x"}, std::chrono::seconds(5))->next(std::chrono::seconds(5)).line,
      "{}");
  const auto said = [](int number) { return "Authorization:Bearer " + std::to_string(number); };
  EXPECT_THAT(seen, ElementsAre(said(1), said(1), said(2), said(2), said(2), said(3)));
}

TEST_F(RestIdentity, AStopEndsARequestThatWaitsForThePlugin) {
  ClusterConfig config{.server = "https://127.0.0.1:1", .ca_pem = ca_.pem()};
  config.exec = ExecPlugin{.place = "f: users[u].exec",
                           .api_version = "client.authentication.k8s.io/v1",
                           .command = script("plugin", "sleep 60")};
  const auto transport = make_rest_transport(config);
  const auto begin = Clock::now();
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    transport->close();
  });
  EXPECT_THAT(refusal([&] { transport->send({.path = "/x"}); }), HasSubstr("is stopping"));
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(5));
  stopper.join();
}

}  // namespace
}  // namespace k8s
