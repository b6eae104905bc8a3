#include "k8s-client/rest_transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

#include "k8s-client/client.h"
#include "k8s-client/credentials.h"
#include "k8s-client/errors.h"
#include "tests/k8s-client/fault_server.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Connection = FaultServer::Connection;
using Kind = Stream::Read::Kind;
using Stage = TransportError::Stage;
using testing::HasSubstr;

void answer_all(Connection& connection) {
  while (const auto request = connection.read()) connection.answer(R"({"ok":true})");
}

ClusterConfig tls_config(const FaultServer& server, const TestCa& ca) {
  return {.server = server.url(), .ca_pem = ca.pem()};
}

std::pair<Stage, std::string> failure(const std::function<void()>& call) {
  try {
    call();
  } catch (const TransportError& error) {
    return {error.stage(), error.what()};
  }
  ADD_FAILURE() << "no TransportError";
  return {};
}

TEST(RestTransport, SendsWhatItIsTold) {
  std::optional<FaultServer::Received> received;
  FaultServer server([&](Connection& connection) {
    received = connection.read();
    connection.answer("{}", 201);
  });
  const auto transport = make_rest_transport({.server = server.url()});
  const auto response = transport->send({.method = "PATCH",
                                         .path = "/api/v1/x",
                                         .query = {{"labelSelector", "a=b,c in (d)"}},
                                         .body = "{\"a\":\"\xC3\xA9\"}",
                                         .content_type = "application/apply-patch+yaml"});
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "{}");
  ASSERT_TRUE(received);
  EXPECT_EQ(received->line, "PATCH /api/v1/x?labelSelector=a%3Db%2Cc%20in%20%28d%29 HTTP/1.1");
  EXPECT_EQ(received->body, "{\"a\":\"\xC3\xA9\"}");
  EXPECT_THAT(received->head, HasSubstr("\r\nContent-Type:application/apply-patch+yaml\r\n"));
  EXPECT_THAT(received->head, HasSubstr("\r\nAccept:application/json\r\n"));
  EXPECT_THAT(received->head, testing::Not(HasSubstr("Accept-Encoding")));
  EXPECT_THAT(received->head, testing::Not(HasSubstr("Authorization")));
}

TEST(RestTransport, AStalePooledConnectionCostsOneRepetitionAndNoError) {
  for (const bool reset : {false, true}) {
    std::atomic<int> patches = 0;
    FaultServer server([&](Connection& connection) {
      while (const auto request = connection.read()) {
        if (request->line.starts_with("PATCH")) ++patches;
        connection.answer("{}");
        if (connection.number() == 0) break;  // the API server restarts
      }
      if (reset && connection.number() == 0) connection.reset();
    });
    const auto transport = make_rest_transport({.server = server.url()});
    const Client client(*transport);
    const Resource resource{"", "v1", "configmaps", "ConfigMap"};
    client.get(resource, "n", "x");
    std::this_thread::sleep_for(milliseconds(50));
    const Json metadata = {{"name", "x"}, {"namespace", "n"}};
    const Json body = {{"metadata", metadata}, {"data", std::string(20000, 'x')}};
    EXPECT_NO_THROW(client.apply(resource, body, "us", Guard::create()));
    EXPECT_EQ(patches, 1);
    EXPECT_EQ(server.connections(), 2);
  }
}

TEST(RestTransport, NoRedirectIsFollowed) {
  FaultServer server([&](Connection& connection) {
    connection.read();
    connection.answer("", 307, "Location: /elsewhere\r\n");
    if (connection.read()) ADD_FAILURE() << "followed";
  });
  const auto transport = make_rest_transport({.server = server.url()});
  EXPECT_EQ(transport->send({.path = "/x"}).status, 307);
}

TEST(RestTransport, RetryAfterIsHandedOn) {
  FaultServer server([](Connection& connection) {
    connection.read();
    connection.answer("{}", 429, "Retry-After: 7\r\n");
  });
  const auto transport = make_rest_transport({.server = server.url()});
  EXPECT_EQ(transport->send({.path = "/x"}).retry_after, seconds(7));
}

TEST(RestTransport, StagesSayHowFarARequestGot) {
  std::string url;
  {
    FaultServer gone([](Connection&) {});
    url = gone.url();
  }
  const auto nobody = failure([&] { make_rest_transport({.server = url})->send({.path = "/x"}); });
  EXPECT_EQ(nobody.first, Stage::Connect);
  EXPECT_EQ(nobody.second, "GET " + url + "/x: can not connect: refused or unreachable");

  FaultServer mute([](Connection& connection) { connection.read(); });
  const auto no_answer =
      failure([&] { make_rest_transport({.server = mute.url()})->send({.path = "/x"}); });
  EXPECT_EQ(no_answer.first, Stage::Answer);
  EXPECT_THAT(no_answer.second, HasSubstr("no answer came: the server closed the connection"));

  FaultServer half([](Connection& connection) {
    connection.read();
    connection.write(std::string(kChunked) + "20\r\nonly a part");
  });
  const auto broken =
      failure([&] { make_rest_transport({.server = half.url()})->send({.path = "/x"}); });
  EXPECT_EQ(broken.first, Stage::Body);
  EXPECT_THAT(broken.second, HasSubstr("the answer broke off: the server closed the connection"));

  FaultServer absurd([](Connection& connection) {
    connection.read();
    connection.write(std::string(kChunked) + "-2\r\nx\r\n");
    connection.wait_for_close();
  });
  EXPECT_EQ(
      failure([&] { make_rest_transport({.server = absurd.url()})->send({.path = "/x"}); }).first,
      Stage::Body);
}

TEST(RestTransport, ADeadlineIsKeptAndTheTransportStaysUsable) {
  FaultServer server([](Connection& connection) {
    while (const auto request = connection.read()) {
      if (request->line.starts_with("GET /slow")) {
        connection.write("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        connection.wait_for_close();
        return;
      }
      connection.answer("{}");
    }
  });
  const auto transport = make_rest_transport({.server = server.url()});
  const auto begin = Clock::now();
  const auto late =
      failure([&] { transport->send({.path = "/slow", .deadline = milliseconds(200)}); });
  EXPECT_EQ(late.first, Stage::Deadline);
  EXPECT_LT(Clock::now() - begin, seconds(2));
  EXPECT_EQ(transport->send({.path = "/fast"}).status, 200);
}

TEST(RestTransport, ATokenIsNeverSentInClearText) {
  EXPECT_THROW(make_rest_transport({.server = "http://127.0.0.1:1", .token = "t"}), ConfigError);
}

class RestTransportTls : public testing::Test {
 protected:
  const TestCa ca_{"ca"};
  const CertifiedKey identity_ = ca_.issue("server", "IP:127.0.0.1,DNS:api.test");
};

TEST_F(RestTransportTls, TrustsTheGivenAuthorityAlone) {
  FaultServer server(answer_all, identity_);
  EXPECT_EQ(make_rest_transport(tls_config(server, ca_))->send({.path = "/x"}).status, 200);
  const auto refused = failure(
      [&] { make_rest_transport(tls_config(server, TestCa("other")))->send({.path = "/x"}); });
  EXPECT_EQ(refused.first, Stage::Connect);
  EXPECT_THAT(refused.second, HasSubstr("the server's certificate is not trusted"));
  EXPECT_THROW(make_rest_transport({.server = server.url(), .ca_pem = "no PEM"}), ConfigError);
}

TEST_F(RestTransportTls, TheNameIsVerifiedUnlessAnotherIsConfigured) {
  FaultServer server(answer_all, ca_.issue("server", "DNS:api.test"));
  ClusterConfig config = tls_config(server, ca_);
  EXPECT_EQ(failure([&] { make_rest_transport(config)->send({.path = "/x"}); }).first,
            Stage::Connect);
  config.tls_server_name = "api.test";
  EXPECT_EQ(make_rest_transport(config)->send({.path = "/x"}).status, 200);
}

TEST_F(RestTransportTls, ShowsItsClientCertificate) {
  FaultServer server(answer_all, identity_, ca_.pem());
  const CertifiedKey us = ca_.issue("us", "");
  ClusterConfig config = tls_config(server, ca_);
  EXPECT_THROW(make_rest_transport(config)->send({.path = "/x"}), TransportError);
  config.client_cert_pem = us.cert_pem;
  config.client_key_pem = us.key_pem;
  EXPECT_EQ(make_rest_transport(config)->send({.path = "/x"}).status, 200);
}

TEST_F(RestTransportTls, ARefusedTokenIsReadAgainAndTheRequestRepeatedOnce) {
  const std::string path = testing::TempDir() + "token-" + std::to_string(::getpid());
  std::ofstream(path) << "old\n";
  std::vector<std::string> seen;
  std::mutex mutex;
  FaultServer server(
      [&](Connection& connection) {
        while (const auto request = connection.read()) {
          const auto at = request->head.find("Authorization:") + 14;
          const std::string token = request->head.substr(at, request->head.find("\r\n", at) - at);
          {
            const std::lock_guard lock(mutex);
            seen.push_back(token);
          }
          connection.answer("{}", token == "Bearer new" ? 200 : 401);
        }
      },
      identity_);
  ClusterConfig config = tls_config(server, ca_);
  config.token_file = path;
  Clock::time_point now{};
  const auto transport = make_rest_transport(
      std::make_shared<Credentials>(config, Credentials::Warn{}, [&now] { return now; }));
  EXPECT_EQ(transport->send({.path = "/x"}).status, 401);
  std::ofstream(path) << "new\n";
  now += seconds(1);
  EXPECT_EQ(transport->send({.path = "/x"}).status, 200);
  EXPECT_NE(transport->open({.path = "/x"}, seconds(5)), nullptr);
  EXPECT_EQ(seen,
            (std::vector<std::string>{"Bearer old", "Bearer old", "Bearer new", "Bearer new"}));
  std::filesystem::remove(path);
}

TEST_F(RestTransportTls, AStreamGivesLinesAsTheyComeAndThenItsEnd) {
  FaultServer server(
      [](Connection& connection) {
        connection.read();
        connection.write(kChunked);
        connection.write(chunk("one\ntwo\nth"));
        connection.write(chunk("ree\n"));
        connection.write("0\r\n\r\n");
        connection.wait_for_close();
      },
      identity_);
  const auto transport = make_rest_transport(tls_config(server, ca_));
  const auto stream = transport->open({.path = "/watch"}, seconds(5));
  std::vector<std::string> lines;
  for (;;) {
    const auto read = stream->next(seconds(5));
    if (read.kind == Kind::End) break;
    ASSERT_EQ(read.kind, Kind::Line);
    lines.push_back(read.line);
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "three"}));
}

TEST_F(RestTransportTls, ARefusedStreamIsAnApiError) {
  FaultServer server(
      [](Connection& connection) {
        connection.read();
        connection.answer(R"({"kind":"Status","reason":"Expired","message":"too old"})", 410);
      },
      identity_);
  const auto transport = make_rest_transport(tls_config(server, ca_));
  try {
    transport->open({.path = "/api/v1/pods"}, seconds(5));
    FAIL();
  } catch (const ApiError& error) {
    EXPECT_EQ(error.code(), 410);
    EXPECT_STREQ(error.what(), "watch /api/v1/pods: too old (HTTP 410)");
  }
}

TEST_F(RestTransportTls, ASilentStreamIsGivenUpAndABrokenOneToldFromAnEnded) {
  FaultServer server(
      [](Connection& connection) {
        connection.read();
        connection.write(kChunked + chunk("one\n"));
        if (connection.number() == 0) connection.wait_for_close();
      },
      identity_);
  const auto transport = make_rest_transport(tls_config(server, ca_));
  const auto silent = transport->open({.path = "/watch"}, milliseconds(200));
  EXPECT_EQ(silent->next(seconds(5)).line, "one");
  EXPECT_EQ(failure([&] { silent->next(seconds(5)); }).first, Stage::Deadline);
  const auto broken = transport->open({.path = "/watch"}, seconds(5));
  EXPECT_EQ(broken->next(seconds(5)).line, "one");
  EXPECT_EQ(failure([&] { broken->next(seconds(5)); }).first, Stage::Body);
}

// Sends lines until the client goes; counts the bytes that were taken.
FaultServer::Handler endless(std::atomic<std::size_t>& taken) {
  return [&taken](Connection& connection) {
    connection.read();
    connection.write(kChunked);
    const std::string piece = chunk(std::string(4000, 'x') + "\n");
    while (connection.write(piece)) taken += piece.size();
  };
}

TEST_F(RestTransportTls, ASlowReaderHoldsTheSenderBackAndLosesNothing) {
  std::atomic<std::size_t> taken = 0;
  FaultServer server(endless(taken), identity_);
  const auto transport = make_rest_transport(tls_config(server, ca_));
  const auto stream = transport->open({.path = "/watch"}, seconds(5));
  std::this_thread::sleep_for(milliseconds(500));
  const std::size_t held = taken;
  EXPECT_LT(held, 12U << 20U);  // one window and what the kernel buffers
  std::size_t bytes = 0;
  while (bytes < (16U << 20U)) {
    const auto read = stream->next(seconds(5));
    ASSERT_EQ(read.kind, Kind::Line);
    ASSERT_EQ(read.line.size(), 4000U);
    bytes += read.line.size();
  }
  EXPECT_GT(taken, held);
}

TEST_F(RestTransportTls, StreamsCanBeClosedAtAnyMoment) {
  std::atomic<std::size_t> taken = 0;
  FaultServer server(endless(taken), identity_);
  const auto transport = make_rest_transport(tls_config(server, ca_));
  for (int round = 0; round < 300; ++round) {
    const auto stream = transport->open({.path = "/watch"}, seconds(5));
    for (int line = 0; line < round % 7; ++line) stream->next(seconds(5));
    std::this_thread::sleep_for(std::chrono::microseconds(round % 10 * 100));
  }
}

TEST_F(RestTransportTls, DestructionEndsWhatIsInFlightSoon) {
  std::atomic<std::size_t> taken = 0;
  FaultServer server(endless(taken), identity_);
  auto transport = make_rest_transport(tls_config(server, ca_));
  const auto stream = transport->open({.path = "/watch"}, seconds(60));
  const auto begin = Clock::now();
  transport.reset();
  EXPECT_LT(Clock::now() - begin, seconds(1));
  const auto drained = failure([&] {
    while (stream->next(seconds(1)).kind == Kind::Line) {
    }
  });
  EXPECT_EQ(drained.first, Stage::Cancelled);
}

TEST_F(RestTransportTls, ClosingEndsWhatIsInFlightAndRefusesWhatComesLater) {
  std::atomic<std::size_t> taken = 0;
  FaultServer server(endless(taken), identity_);
  const auto transport = make_rest_transport(tls_config(server, ca_));
  const auto stream = transport->open({.path = "/watch"}, seconds(60));
  transport->close();
  const auto begin = Clock::now();
  const auto drained = failure([&] {
    while (stream->next(seconds(1)).kind == Kind::Line) {
    }
  });
  EXPECT_EQ(drained.first, Stage::Cancelled);
  EXPECT_EQ(failure([&] { transport->send({.path = "/x"}); }).first, Stage::Cancelled);
  EXPECT_LT(Clock::now() - begin, seconds(1));
}

struct Counter : RestObserver {
  void finished(const std::string& method, int status, std::chrono::nanoseconds) override {
    seen.push_back(method + " " + std::to_string(status));
  }
  std::vector<std::string> seen;
};

TEST(RestTransport, EachRequestIsObserved) {
  FaultServer server([](Connection& connection) {
    if (connection.read()) connection.answer("{}");
    connection.wait_for_close();
  });
  Counter counter;
  const auto transport = make_rest_transport({.server = server.url()}, &counter);
  transport->send({.path = "/x"});
  EXPECT_THROW(transport->send({.method = "POST", .path = "/x", .deadline = milliseconds(300)}),
               TransportError);
  EXPECT_EQ(counter.seen, (std::vector<std::string>{"GET 200", "POST 0"}));
}

}  // namespace
}  // namespace k8s
