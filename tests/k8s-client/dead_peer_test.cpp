// A server that is gone without a word: its packets vanish in a black hole, so that neither a FIN
// nor an RST ever comes. Server and client live in network namespaces of their own, which a veth
// pair joins; nothing outside of this process is touched.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <future>
#include <iostream>
#include <thread>

#include "k8s-client/clock.h"
#include "k8s-client/errors.h"
#include "k8s-client/rest_transport.h"
#include "tests/k8s-client/fault_server.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Connection = FaultServer::Connection;
using Stage = TransportError::Stage;
using testing::HasSubstr;

constexpr const char* kClient = "10.77.0.1";
constexpr const char* kServer = "10.77.0.2";
// Keepalive: 15 s of silence, then three probes 5 s apart. The rest is for a busy machine.
constexpr seconds kKeepalive{30};
constexpr seconds kSlack{15};

std::string why_not;  // empty: this process has a network namespace of its own

void command(const std::string& line) {
  if (std::system(line.c_str()) != 0) throw std::runtime_error("failed: " + line);
}

// Must come before the first thread. Root can; others where the kernel lets them be root of a user
// namespace.
void leave_the_network() {
  if (::unshare(CLONE_NEWNET) == 0) return;
  const uid_t user = ::getuid();
  const gid_t group = ::getgid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    why_not = "this test needs root, or user namespaces: it makes network namespaces";
    return;
  }
  std::ofstream("/proc/self/setgroups") << "deny";
  std::ofstream("/proc/self/uid_map") << "0 " << user << " 1";
  std::ofstream("/proc/self/gid_map") << "0 " << group << " 1";
}

// Another network namespace: what runs `in` it, and the threads that this starts, live there.
class Elsewhere {
 public:
  Elsewhere() {
    std::thread([this] {
      if (::unshare(CLONE_NEWNET) == 0) {
        namespace_ = ::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
      }
    }).join();
    if (namespace_ < 0) throw std::runtime_error("can not make a network namespace");
  }
  ~Elsewhere() { ::close(namespace_); }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

  void in(const std::function<void()>& work) const {
    std::packaged_task<void()> task([&] {
      if (::setns(namespace_, CLONE_NEWNET) != 0) throw std::runtime_error("setns failed");
      work();
    });
    auto done = task.get_future();
    std::thread(std::move(task)).join();
    done.get();
  }
  std::string path() const {
    return "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(namespace_);
  }

 private:
  int namespace_ = -1;
};

class DeadPeer : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(why_not, "");
    elsewhere_ = std::make_unique<Elsewhere>();
    command("ip link set lo up && ip link add dev here type veth peer name there");
    command("ip link set there netns " + elsewhere_->path());
    command("ip addr add " + std::string(kClient) + "/24 dev here && ip link set here up");
    elsewhere_->in([this] {
      command("ip link set lo up && ip addr add " + std::string(kServer) +
              "/24 dev there && ip link set there up");
      server_ = std::make_unique<FaultServer>([this](Connection& connection) { serve(connection); },
                                              ca_.issue("server", "IP:" + std::string(kServer)), "",
                                              kServer);
    });
    transport_ = make_rest_transport({.server = server_->url(kServer), .ca_pem = ca_.pem()});
  }
  void TearDown() override {
    if (!elsewhere_) return;
    transport_.reset();
    server_.reset();
    command("ip link del here");
  }

  void serve(Connection& connection) {
    while (const auto request = connection.read()) {
      if (request->line.find("/watch") == std::string::npos) {
        connection.answer("{}");
        continue;
      }
      connection.write(kChunked + chunk("one\n"));
      connection.wait_for_close();
    }
  }
  // Nothing that the server's kernel sends arrives any more, acknowledgements included.
  void swallow_packets() {
    elsewhere_->in([] { command("ip route add blackhole " + std::string(kClient) + "/32"); });
  }

  const TestCa ca_{"ca"};
  std::unique_ptr<Elsewhere> elsewhere_;
  std::unique_ptr<FaultServer> server_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(DeadPeer, OfAWatchIsNoticedByKeepaliveLongBeforeTheIdleDeadline) {
  const auto stream = transport_->open({.path = "/watch"}, seconds(320));
  ASSERT_EQ(stream->next(seconds(5)).line, "one");
  swallow_packets();
  const auto begin = Clock::now();
  try {
    while (Clock::now() - begin < seconds(320)) stream->next(seconds(1));
    FAIL() << "not noticed";
  } catch (const TransportError& error) {
    EXPECT_EQ(error.stage(), Stage::Body) << error.what();
    EXPECT_THAT(error.what(), HasSubstr("the answer broke off: timed out"));
  }
  const auto took = std::chrono::duration_cast<milliseconds>(Clock::now() - begin);
  std::cout << "a dead watch was noticed after " << took.count() << " ms\n";
  EXPECT_LE(took, kKeepalive + kSlack);
}

TEST_F(DeadPeer, OfARequestCostsItsDeadlineAndNoMore) {
  ASSERT_EQ(transport_->send({.path = "/warm"}).status, 200);
  swallow_packets();
  for (int i = 0; i < 2; ++i) {  // on the pooled connection, then on a new one
    const auto begin = Clock::now();
    try {
      transport_->send({.method = "PATCH", .path = "/x", .body = "{}", .deadline = seconds(3)});
      FAIL() << "answered";
    } catch (const TransportError& error) {
      EXPECT_EQ(error.stage(), Stage::Deadline) << error.what();
    }
    EXPECT_GE(Clock::now() - begin, seconds(3));
    EXPECT_LE(Clock::now() - begin, seconds(3) + kSlack);
  }
}

TEST_F(DeadPeer, ThatComesBackIsUsedAgain) {
  ASSERT_EQ(transport_->send({.path = "/warm"}).status, 200);
  swallow_packets();
  EXPECT_THROW(transport_->send({.path = "/x", .deadline = seconds(1)}), TransportError);
  elsewhere_->in([] { command("ip route del blackhole " + std::string(kClient) + "/32"); });
  EXPECT_EQ(transport_->send({.path = "/x", .deadline = seconds(30)}).status, 200);
}

}  // namespace
}  // namespace k8s

int main(int argc, char** argv) {
  k8s::leave_the_network();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
