// What a broken server, network or certificate becomes: the stage and the words of the error, and
// how often the server sees the request, once it may be repeated and once it may not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <thread>

#include "k8s-client/errors.h"
#include "k8s-client/rest_transport.h"
#include "k8s-client/retry.h"
#include "tests/k8s-client/fault_server.h"

namespace k8s {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Connection = FaultServer::Connection;
using Stage = TransportError::Stage;
using testing::EndsWith;
using testing::HasSubstr;

constexpr const char* kSized = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n";
// Long enough for a handshake before it, and shorter than a drip of headers takes.
#ifdef __SANITIZE_THREAD__
constexpr milliseconds kDeadline{1800};
#else
constexpr milliseconds kDeadline{700};
#endif
constexpr milliseconds kUntilRead{300};

enum class Close { Fin, Farewell, Reset, Never };

struct Fault {
  const char* name;
  std::string bytes;  // what is sent once the request has been read
  Close close;
  Stage stage;
  const char* words;
  int idempotent;  // requests that the server sees
  int other;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.name; }

// `paced`: byte by byte, slower than the deadline.
bool send(Connection& connection, const std::string& bytes, bool paced) {
  if (!paced) return bytes.empty() || connection.write(bytes);
  for (const char byte : bytes) {
    if (!connection.write(std::string(1, byte))) return false;
    std::this_thread::sleep_for(milliseconds(50));
  }
  return true;
}

void behave(Connection& connection, const Fault& fault) {
  if (!send(connection, fault.bytes, std::string(fault.name).starts_with("Drip"))) return;
  switch (fault.close) {
    case Close::Fin:
      break;
    case Close::Farewell:
      connection.farewell();
      break;
    case Close::Reset:
      // What the client's kernel has not handed over when the RST comes is lost.
      std::this_thread::sleep_for(kUntilRead);
      connection.reset();
      break;
    case Close::Never:
      connection.wait_for_close();
  }
}

std::vector<Fault> faults() {
  const std::string chunked = kChunked, sized = kSized;
  return {
      {"FinBeforeTheAnswer", "", Close::Fin, Stage::Answer,
       "no answer came: the server closed the connection", 3, 1},
      {"FarewellBeforeTheAnswer", "", Close::Farewell, Stage::Answer,
       "no answer came: the server closed the connection", 3, 1},
      {"RstBeforeTheAnswer", "", Close::Reset, Stage::Answer,
       "no answer came: the server reset the connection", 3, 1},
      {"FinInTheStatusLine", "HTTP/1.1 20", Close::Fin, Stage::Answer,
       "no answer came: the server closed the connection", 3, 1},
      {"NotHttp", "SSH-2.0-x\r\n\r\n", Close::Never, Stage::Answer, "the answer is not HTTP", 3, 1},
      {"FinBetweenChunks", chunked + "2\r\n{}\r\n", Close::Fin, Stage::Body,
       "the answer broke off: the server closed the connection", 3, 1},
      {"FarewellBetweenChunks", chunked + "2\r\n{}\r\n", Close::Farewell, Stage::Body,
       "the answer broke off: the server closed the connection", 3, 1},
      {"FinInAChunk", chunked + "20\r\nhalf", Close::Fin, Stage::Body,
       "the answer broke off: the server closed the connection", 3, 1},
      {"RstInAChunk", chunked + "20\r\nhalf", Close::Reset, Stage::Body,
       "the answer broke off: the server reset the connection", 3, 1},
      {"FinInABody", sized + "half", Close::Fin, Stage::Body,
       "the answer broke off: the server closed the connection", 3, 1},
      {"RstInABody", sized + "half", Close::Reset, Stage::Body,
       "the answer broke off: the server reset the connection", 3, 1},
      {"ChunkOfSizeMinusTwo", chunked + "-2\r\nx\r\n", Close::Never, Stage::Body,
       "the answer has a piece that is too large or has no valid size", 3, 1},
      {"ChunkOfSizeMinusHundred", chunked + "-64\r\nx\r\n", Close::Never, Stage::Deadline,
       "the answer was not complete before the deadline", 1, 1},
      {"ChunkOfHugeSize", chunked + "ffffffffff\r\nx\r\n", Close::Never, Stage::Body,
       "the answer broke off", 3, 1},
      {"ChunkOfNoSize", chunked + "zz\r\nx\r\n", Close::Never, Stage::Body, "the answer broke off",
       3, 1},
      {"ChunkOfTwoGigabytesThatNeverComes", chunked + "7fffff00\r\nx", Close::Never,
       Stage::Deadline, "the answer was not complete before the deadline", 1, 1},
      {"SilenceBeforeTheAnswer", "", Close::Never, Stage::Deadline,
       "no answer came before the deadline", 1, 1},
      {"SilenceInTheAnswer", sized + "half", Close::Never, Stage::Deadline,
       "the answer was not complete before the deadline", 1, 1},
      {"DripOfHeaders", chunked, Close::Never, Stage::Deadline,
       "no answer came before the deadline", 1, 1},
  };
}

class TransportFault : public testing::TestWithParam<std::tuple<bool, Fault>> {
 protected:
  std::optional<CertifiedKey> identity() const {
    if (!std::get<0>(GetParam())) return std::nullopt;
    return ca_.issue("server", "IP:127.0.0.1");
  }
  const Fault& fault() const { return std::get<1>(GetParam()); }
  const TestCa ca_{"ca"};
};

struct Outcome {
  std::optional<Stage> stage;  // nullopt: answered
  std::string words;
  int status = 0;
};

// `repeatable`: as a GET is; otherwise as a POST is.
Outcome exchange(Transport& transport, bool repeatable, milliseconds deadline = seconds(30)) {
  const Request request{.method = repeatable ? "GET" : "POST",
                        .path = "/x",
                        .body = repeatable ? "" : "{}",
                        .deadline = deadline};
  try {
    const auto answer = send_with_retry(transport, request, repeatable, [](milliseconds) {});
    return {std::nullopt, answer.body, answer.status};
  } catch (const TransportError& error) {
    return {error.stage(), error.what()};
  }
}

TEST_P(TransportFault, HasItsStageItsWordsAndItsNumberOfRepetitions) {
  std::atomic<int> requests = 0;
  FaultServer server(
      [&](Connection& connection) {
        if (!connection.read()) return;
        ++requests;
        behave(connection, fault());
      },
      identity());
  const bool waits = fault().stage == Stage::Deadline;
  for (const bool repeatable : {true, false}) {
    requests = 0;
    const auto transport = make_rest_transport({.server = server.url(), .ca_pem = ca_.pem()});
    const auto begin = Clock::now();
    const Outcome outcome = exchange(*transport, repeatable, waits ? kDeadline : seconds(30));
    EXPECT_EQ(outcome.stage, fault().stage) << outcome.words;
    EXPECT_THAT(outcome.words, HasSubstr(fault().words));
    EXPECT_THAT(outcome.words, HasSubstr(server.url() + "/x: "));
    EXPECT_EQ(requests, repeatable ? fault().idempotent : fault().other);
    EXPECT_TRUE(!waits || Clock::now() - begin >= kDeadline);
    EXPECT_LT(Clock::now() - begin, seconds(20));
  }
}

INSTANTIATE_TEST_SUITE_P(Plain, TransportFault,
                         testing::Combine(testing::Values(false), testing::ValuesIn(faults())),
                         [](const auto& row) { return std::get<1>(row.param).name; });
INSTANTIATE_TEST_SUITE_P(Tls, TransportFault,
                         testing::Combine(testing::Values(true), testing::ValuesIn(faults())),
                         [](const auto& row) { return std::get<1>(row.param).name; });

// A connection that was used once and whose server has gone since, as after a restart.
struct Stale {
  int connections;
  int requests;
  Outcome outcome;
};

Stale use_stale_connection(bool reset, bool repeatable) {
  std::atomic<int> requests = 0;
  FaultServer server([&](Connection& connection) {
    while (const auto request = connection.read()) {
      if (request->line.find("/x") != std::string::npos) ++requests;
      connection.answer("{}");
      if (connection.number() > 0) continue;
      if (reset) connection.reset();
      return;
    }
  });
  const auto transport = make_rest_transport({.server = server.url()});
  EXPECT_EQ(transport->send({.path = "/warm"}).status, 200);
  std::this_thread::sleep_for(milliseconds(100));
  const Outcome outcome = exchange(*transport, repeatable);
  return {server.connections(), requests, outcome};
}

TEST(StalePool, IsUnseenByTheCallerAndTheServerSeesTheRequestOnce) {
  for (const bool reset : {false, true}) {
    for (const bool repeatable : {false, true}) {
      const Stale stale = use_stale_connection(reset, repeatable);
      EXPECT_EQ(stale.outcome.status, 200) << stale.outcome.words;
      EXPECT_EQ(stale.requests, 1);
      EXPECT_EQ(stale.connections, 2);
    }
  }
}

// The library sends again what it wrote on a used connection that then closed without an answer;
// names that are fixed make this harmless (the second POST is a conflict).
TEST(StalePool, ARequestThatWasReadAndNotAnsweredThereIsSeenTwiceAtMost) {
  std::atomic<int> requests = 0;
  FaultServer server([&](Connection& connection) {
    while (const auto request = connection.read()) {
      if (request->line.find("/x") != std::string::npos && ++requests == 1) return;
      connection.answer("{}", requests == 0 ? 200 : 409);
    }
  });
  const auto transport = make_rest_transport({.server = server.url()});
  EXPECT_EQ(transport->send({.path = "/warm"}).status, 200);
  const Outcome outcome = exchange(*transport, false);
  EXPECT_EQ(outcome.status, 409) << outcome.words;
  EXPECT_EQ(requests, 2);
}

TEST(TransportFaults, ARedirectIsAnAnswerAndTheTokenGoesNowhereElse) {
  std::atomic<int> elsewhere = 0, requests = 0;
  const TestCa ca("ca");
  FaultServer other(
      [&](Connection& connection) {
        if (connection.read()) ++elsewhere;
      },
      ca.issue("server", "IP:127.0.0.1"));
  FaultServer server(
      [&](Connection& connection) {
        while (connection.read()) {
          ++requests;
          connection.answer("", 307, "Location: " + other.url() + "/x\r\n");
        }
      },
      ca.issue("server", "IP:127.0.0.1"));
  const auto transport =
      make_rest_transport({.server = server.url(), .ca_pem = ca.pem(), .token = "t"});
  EXPECT_EQ(exchange(*transport, true).status, 307);
  EXPECT_EQ(exchange(*transport, false).status, 307);
  EXPECT_EQ(requests, 2);
  EXPECT_EQ(elsewhere, 0);
}

TEST(TransportFaults, ARefusalWithRetryAfterIsRepeatedThreeTimes) {
  for (const int status : {429, 503}) {
    for (const bool repeatable : {false, true}) {
      std::atomic<int> requests = 0;
      FaultServer server([&](Connection& connection) {
        while (connection.read()) {
          ++requests;
          connection.answer("{}", status, "Retry-After: 2\r\n");
        }
      });
      const auto transport = make_rest_transport({.server = server.url()});
      EXPECT_EQ(exchange(*transport, repeatable).status, status);
      EXPECT_EQ(requests, 4);
    }
  }
}

TEST(TransportFaults, AnExpiredVersionIsAnAnswerAndIsNotRepeated) {
  std::atomic<int> requests = 0;
  FaultServer server([&](Connection& connection) {
    while (connection.read()) {
      ++requests;
      connection.answer(R"({"reason":"Expired"})", 410);
    }
  });
  const auto transport = make_rest_transport({.server = server.url()});
  EXPECT_EQ(exchange(*transport, true).status, 410);
  EXPECT_EQ(requests, 1);
}

class Certificates : public testing::Test {
 protected:
  // What becomes of a request to a server with this certificate; it must never see it.
  Outcome meet(const CertifiedKey& identity, bool repeatable, int connections,
               const std::string& name = "") {
    std::atomic<int> requests = 0;
    FaultServer server(
        [&](Connection& connection) {
          if (connection.read()) ++requests;
        },
        identity);
    const auto transport =
        make_rest_transport({.server = server.url(), .ca_pem = ca_.pem(), .tls_server_name = name});
    const Outcome outcome = exchange(*transport, repeatable);
    EXPECT_EQ(outcome.stage, Stage::Connect);
    EXPECT_EQ(requests, 0);
    EXPECT_EQ(server.connections(), connections);
    return outcome;
  }
  const TestCa ca_{"ca"};
};

TEST_F(Certificates, OfAnotherAuthorityAreRefused) {
  const CertifiedKey foreign = TestCa("other").issue("server", "IP:127.0.0.1");
  for (const bool repeatable : {false, true}) {
    EXPECT_THAT(meet(foreign, repeatable, repeatable ? 3 : 1).words,
                EndsWith("/x: the server's certificate is not trusted (unable to get local issuer "
                         "certificate): check that the certificate authority is that of this "
                         "server"));
  }
}

TEST_F(Certificates, ThatHaveExpiredAreRefused) {
  const CertifiedKey old = ca_.issue("server", "IP:127.0.0.1", -hours(1));
  EXPECT_THAT(meet(old, false, 1).words, EndsWith("/x: the server's certificate has expired: renew "
                                                  "it, or set this machine's clock"));
}

TEST_F(Certificates, OfAnotherNameAreRefused) {
  const CertifiedKey other = ca_.issue("server", "DNS:api.test,IP:127.0.0.2");
  EXPECT_THAT(meet(other, false, 1).words,
              EndsWith("/x: the server's certificate does not name 127.0.0.1: use an address that "
                       "it names, or set tls-server-name"));
  EXPECT_THAT(meet(other, false, 1, "wrong.test").words, HasSubstr("does not name wrong.test"));
}

TEST(TlsFaults, AServerThatIsSlowToShakeHandsIsGivenUpAtTheDeadline) {
  const TestCa ca("ca");
  FaultServer server([](Connection& connection) { connection.wait_for_close(); });
  const std::string url = "https" + server.url().substr(4);
  const auto transport = make_rest_transport({.server = url, .ca_pem = ca.pem()});
  for (const bool repeatable : {false, true}) {
    const Outcome outcome = exchange(*transport, repeatable, kDeadline);
    EXPECT_EQ(outcome.stage, Stage::Deadline);
    EXPECT_THAT(outcome.words, HasSubstr("no answer came before the deadline"));
  }
  EXPECT_EQ(server.connections(), 2);
}

TEST(TlsFaults, AServerWithoutTlsIsNamedAsSuch) {
  const TestCa ca("ca");
  FaultServer server([](Connection& connection) {
    connection.wait_for_byte();
    connection.answer("", 400);
  });
  const std::string url = "https" + server.url().substr(4);
  const auto transport = make_rest_transport({.server = url, .ca_pem = ca.pem()});
  const Outcome outcome = exchange(*transport, false);
  EXPECT_EQ(outcome.stage, Stage::Connect);
  EXPECT_THAT(outcome.words, EndsWith("/x: the TLS handshake failed: wrong version number (what "
                                      "answers there does not speak TLS): correct host and port"));
}

struct StreamFault {
  const char* name;
  std::string bytes;
  Close close;
  Stage stage;
  const char* words;
};

class StreamFaults : public testing::TestWithParam<std::tuple<bool, StreamFault>> {};

TEST_P(StreamFaults, EndTheStreamAfterTheLinesThatCame) {
  const auto& [tls, fault] = GetParam();
  const TestCa ca("ca");
  const Fault then{fault.name, fault.bytes, fault.close, fault.stage, "", 0, 0};
  FaultServer server(
      [&, &fault = then](Connection& connection) {
        connection.read();
        connection.write(std::string(kChunked) + "4\r\none\n\r\n");
        behave(connection, fault);
      },
      tls ? std::optional(ca.issue("server", "IP:127.0.0.1")) : std::nullopt);
  const auto transport = make_rest_transport({.server = server.url(), .ca_pem = ca.pem()});
  const auto idle = fault.stage == Stage::Deadline ? milliseconds(500) : seconds(20);
  const auto stream = transport->open({.path = "/watch"}, idle);
  EXPECT_EQ(stream->next(seconds(5)).line, "one");
  try {
    while (true) ASSERT_NE(stream->next(seconds(5)).kind, Stream::Read::Kind::End) << "no fault";
  } catch (const TransportError& error) {
    EXPECT_EQ(error.stage(), fault.stage) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(fault.words));
  }
  EXPECT_EQ(server.connections(), 1);
}

std::vector<StreamFault> stream_faults() {
  std::string drip;
  for (int i = 0; i < 100; ++i) drip += "1\r\nx\r\n";
  return {
      {"Fin", "", Close::Fin, Stage::Body, "the answer broke off: the server closed"},
      {"Farewell", "", Close::Farewell, Stage::Body, "the answer broke off: the server closed"},
      {"Rst", "", Close::Reset, Stage::Body, "the answer broke off: the server reset"},
      {"FinInALine", "3\r\ntwo\r\n", Close::Fin, Stage::Body, "the answer broke off"},
      {"FinInAChunk", "20\r\ntwo", Close::Fin, Stage::Body, "the answer broke off"},
      {"NegativeChunk", "-2\r\nx\r\n", Close::Never, Stage::Body, "has no valid size"},
      {"HugeChunk", "ffffffffff\r\nx\r\n", Close::Never, Stage::Body, "the answer broke off"},
      {"Silence", "", Close::Never, Stage::Deadline, "the server sent no line for 0.5 s"},
      {"DripOfALine", drip, Close::Never, Stage::Deadline, "the server sent no line for 0.5 s"},
      {"EndlessLine", "1000000\r\n" + std::string(0x1000000, 'x') + "\r\n1\r\nx\r\n", Close::Never,
       Stage::Body, "larger than 16777216 bytes"},
  };
}

INSTANTIATE_TEST_SUITE_P(Plain, StreamFaults,
                         testing::Combine(testing::Values(false),
                                          testing::ValuesIn(stream_faults())),
                         [](const auto& row) { return std::get<1>(row.param).name; });
INSTANTIATE_TEST_SUITE_P(Tls, StreamFaults,
                         testing::Combine(testing::Values(true),
                                          testing::ValuesIn(stream_faults())),
                         [](const auto& row) { return std::get<1>(row.param).name; });

}  // namespace
}  // namespace k8s
