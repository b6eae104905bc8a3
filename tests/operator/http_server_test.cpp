#include "operator/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

namespace op {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const BindAddress kLoopback{.host = "127.0.0.1"};

// A peer that says exactly what a test wants.
class Peer {
 public:
  explicit Peer(
      std::uint16_t port, const std::function<void()>& before_connect = [] {})
      : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    before_connect();
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  Peer(Peer&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_) {}
  ~Peer() {
    if (socket_ >= 0) close(socket_);
  }
  bool connected() const { return connected_; }
  void say(const std::string& text) { ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Everything until the server closes; fails the test when it does not within `wait`.
  std::string hear(std::chrono::milliseconds wait = 5s) {
    std::string text;
    char buffer[4096];
    for (;;) {
      const auto got = receive(buffer, sizeof buffer, wait);
      if (got == kTimeout) ADD_FAILURE() << "the server keeps the connection, heard: " << text;
      if (got <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  // What comes up to the end of the first answer with `length` bytes of body.
  std::string hear_answer(std::size_t length) {
    std::string text;
    char buffer[4096];
    for (;;) {
      const auto end = text.find("\r\n\r\n");
      if (end != std::string::npos && text.size() >= end + 4 + length) return text;
      const auto got = receive(buffer, sizeof buffer, 5s);
      if (got <= 0) return text;
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  bool closed_within(std::chrono::milliseconds wait) {
    char byte;
    const auto got = receive(&byte, 1, wait);
    return got != kTimeout && got <= 0;
  }
  // Whether something has come, which is not read by this.
  bool is_answered_within(std::chrono::milliseconds wait) {
    pollfd event{socket_, POLLIN, 0};
    return poll(&event, 1, static_cast<int>(wait.count())) == 1;
  }

 private:
  static constexpr ssize_t kTimeout = -2;
  ssize_t receive(char* buffer, std::size_t size, std::chrono::milliseconds wait) {
    if (!is_answered_within(wait)) return kTimeout;
    return recv(socket_, buffer, size, 0);
  }
  int socket_;
  bool connected_ = false;
};

HttpAnswer echo(const std::string& path) {
  if (path == "/throw") throw std::runtime_error("handler broke");
  if (path == "/sick") return {503, "not well\n"};
  return {200, "you asked for " + path};
}

std::string ask(const HttpServer& server, const std::string& request) {
  Peer peer(server.port());
  peer.say(request);
  return peer.hear();
}

TEST(HttpServer, AnswersAGetWithTheHandlersAnswer) {
  HttpServer server(kLoopback, echo);
  const std::string answer =
      ask(server, "GET /x?y=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Length: 16\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\nyou asked for /x"));
}

TEST(HttpServer, AnswersSeveralRequestsOnOneConnection) {
  HttpServer server(kLoopback, echo);
  Peer peer(server.port());
  for (const std::string path : {"/1", "/2", "/3"}) {
    peer.say("GET " + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(peer.hear_answer(16), EndsWith("you asked for " + path));
  }
}

struct Exchange {
  const char* name;
  std::string request;
  const char* status;
};
class Refusal : public testing::TestWithParam<Exchange> {};

TEST_P(Refusal, HasItsStatusAndClosesTheConnection) {
  HttpServer server(kLoopback, echo);
  EXPECT_THAT(ask(server, GetParam().request), StartsWith(GetParam().status));
  EXPECT_THAT(ask(server, "GET / HTTP/1.0\r\n\r\n"), HasSubstr(" 200 OK"))
      << "the server must live on";
}

INSTANTIATE_TEST_SUITE_P(
    Table, Refusal,
    testing::Values(
        Exchange{"sick", "GET /sick HTTP/1.0\r\n\r\n", "HTTP/1.0 503 "},
        Exchange{"handler_throws", "GET /throw HTTP/1.0\r\n\r\n", "HTTP/1.0 500 "},
        Exchange{"method", "PUT / HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/1.1 405 "},
        Exchange{"body", "GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 413 "},
        Exchange{"long_header", "GET / HTTP/1.1\r\nX: " + std::string(9'000, 'x'), "HTTP/1.1 431 "},
        Exchange{"negative_chunk", "GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\n",
                 "HTTP/1.1 4"},
        Exchange{"no_http", "\x16\x03\x01 hello\r\n\r\n", "HTTP/1.1 400 "}),
    [](const auto& test) { return test.param.name; });

TEST(HttpServer, AnswersHeadWithoutABody) {
  HttpServer server(kLoopback, echo);
  const std::string answer = ask(server, "HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(answer, HasSubstr("Content-Length: 16\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST(HttpServer, ClosesAPeerThatIsSlowToAsk) {
  HttpServer server(kLoopback, echo, {.read = 100ms});
  Peer silent(server.port()), slow(server.port());
  const auto start = std::chrono::steady_clock::now();
  bool closed = false;
  while (!closed && std::chrono::steady_clock::now() - start < 3s) {
    slow.say("x");  // one byte now and again must not renew the deadline
    closed = slow.closed_within(20ms);
  }
  EXPECT_TRUE(closed);
  EXPECT_TRUE(silent.closed_within(3s));
}

TEST(HttpServer, ClosesAPeerThatDoesNotReadItsAnswer) {
  HttpServer server(kLoopback,
                    [](const std::string&) {
                      return HttpAnswer{200, std::string(64 << 20, 'x')};
                    },
                    {.write = 100ms});
  Peer peer(server.port());
  peer.say("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(peer.is_answered_within(5s));  // the server is writing, so that its deadline runs
  std::this_thread::sleep_for(500ms);
  EXPECT_LT(peer.hear().size(), std::size_t{64} << 20);
}

TEST(HttpServer, EvictsTheLongestIdleConnectionWhenItIsFull) {
  HttpServer server(kLoopback, echo, {.connections = 4});
  std::vector<Peer> idle;
  for (int i = 0; i < 4; ++i) {
    idle.emplace_back(server.port());
    std::this_thread::sleep_for(10ms);
  }
  // The first has been used since, so that the second is the one that is idle longest.
  idle[0].say("GET /1 HTTP/1.1\r\n\r\n");
  idle[0].hear_answer(16);
  EXPECT_THAT(ask(server, "GET /x HTTP/1.0\r\n\r\n"), EndsWith("you asked for /x"));
  EXPECT_TRUE(idle[1].closed_within(2s));
  EXPECT_FALSE(idle[0].closed_within(10ms));
  EXPECT_FALSE(idle[2].closed_within(10ms));
}

TEST(HttpServer, StaysReachableUnderManyIdleConnections) {
  HttpServer server(kLoopback, echo);
  std::vector<Peer> idle;
  for (int i = 0; i < 300; ++i) idle.emplace_back(server.port());
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(ask(server, "GET /x HTTP/1.0\r\n\r\n"), EndsWith("you asked for /x"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
}

TEST(HttpServer, ComesBackAfterItRanOutOfDescriptors) {
  HttpServer server(kLoopback, echo, {.accept_pause = 10ms});
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  // The kernel completes the connection; what fails is the server's accept.
  Peer waiting(server.port(), [&none] { setrlimit(RLIMIT_NOFILE, &none); });
  std::this_thread::sleep_for(50ms);
  setrlimit(RLIMIT_NOFILE, &before);
  waiting.say("GET /w HTTP/1.0\r\n\r\n");
  EXPECT_THAT(waiting.hear(), EndsWith("you asked for /w"));
  EXPECT_THAT(ask(server, "GET /x HTTP/1.0\r\n\r\n"), EndsWith("you asked for /x"));
}

TEST(HttpServer, StopsWhilePeersAreComing) {
  for (int round = 0; round < 50; ++round) {
    HttpServer server(kLoopback, echo);
    std::atomic<bool> enough = false;
    std::vector<std::thread> callers;
    for (int i = 0; i < 3; ++i) {
      callers.emplace_back([&enough, port = server.port()] {
        while (!enough) {
          Peer peer(port);
          if (peer.connected()) peer.say("GET / HTTP/1.1\r\n\r\n");
        }
      });
    }
    std::this_thread::sleep_for(2ms);
    const auto start = std::chrono::steady_clock::now();
    server.stop();
    EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
    enough = true;
    for (auto& caller : callers) caller.join();
    EXPECT_FALSE(Peer(server.port()).connected());
  }
}

TEST(HttpServer, CutsOpenConnectionsWhenItStops) {
  HttpServer server(kLoopback, echo);
  Peer idle(server.port()), half(server.port());
  half.say("GET / HT");
  EXPECT_THAT(ask(server, "GET /x HTTP/1.0\r\n\r\n"), HasSubstr("200 OK"));
  server.stop();
  server.stop();
  EXPECT_TRUE(idle.closed_within(1s));
  EXPECT_TRUE(half.closed_within(1s));
}

TEST(HttpServer, ListensOnAllAddressesWhenNoneIsNamed) {
  HttpServer server({}, echo);
  EXPECT_THAT(ask(server, "GET /x HTTP/1.0\r\n\r\n"), EndsWith("you asked for /x"));
}

TEST(HttpServer, SaysWhichAddressIsTaken) {
  HttpServer server(kLoopback, echo);
  try {
    HttpServer second({.host = "127.0.0.1", .port = server.port()}, echo);
    FAIL() << "two servers on one port";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("127.0.0.1:" + std::to_string(server.port()) + ": Address already"));
  }
}

}  // namespace
}  // namespace op
