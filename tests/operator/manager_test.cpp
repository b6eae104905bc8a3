#include "operator/manager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <functional>
#include <future>
#include <thread>

#include "fake_api_server.h"
#include "operator/exit_latch.h"
#include "operator/watch_runner.h"

namespace op {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

std::string get(std::uint16_t port, const std::string& path) {
  const int peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string text;
  if (connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    send(peer, request.data(), request.size(), MSG_NOSIGNAL);
    char buffer[4096];
    for (ssize_t got; (got = recv(peer, buffer, sizeof buffer, 0)) > 0;) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
  }
  close(peer);
  return text;
}

bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 500; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

struct RunningManager : testing::Test {
  static void SetUpTestSuite() { block_signals(); }

  void start(bool leader_elect = true) {
    RunOptions options;
    options.leader_elect = leader_elect;
    options.metrics = options.health_probe = {.host = "127.0.0.1"};
    Environment environment;
    environment.transport = [this](k8s::RestObserver*) { return server.connect(); };
    environment.lease_namespace = "entityservice-system";
    environment.identity = "me";
    environment.finish_passes = 200ms;
    manager.emplace(options, std::move(environment));
    code = std::async(std::launch::async, [this] { return manager->run(); });
  }
  std::string ready() { return get(manager->health_port(), "/readyz"); }
  std::string metrics() { return get(manager->metrics_port(), "/metrics"); }
  int exit_code() {
    const auto begin = std::chrono::steady_clock::now();
    const int result = code.get();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
    return result;
  }

  FakeApiServer server;
  std::optional<Manager> manager;
  std::future<int> code;
};

TEST_F(RunningManager, BecomesReadyAndLeaderAndReleasesTheLeaseWhenAskedToStop) {
  start();
  EXPECT_TRUE(eventually([this] { return ready().starts_with("HTTP/1.0 200"); })) << ready();
  EXPECT_TRUE(eventually([this] { return server.holder() == "me"; }));
  EXPECT_TRUE(eventually([this] {
    return metrics().find("leader_election_master_status{name=\"entityservice-operator\"} 1") !=
           std::string::npos;
  }));
  EXPECT_THAT(get(manager->health_port(), "/healthz"), StartsWith("HTTP/1.0 200"));
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(server.holder(), "");
}

TEST_F(RunningManager, StopsOnSigterm) {
  start();
  EXPECT_TRUE(eventually([this] { return server.holder() == "me"; }));
  kill(getpid(), SIGTERM);
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(RunningManager, WaitsForAnApiServerThatIsDownAndSaysSo) {
  server.behaviour = Behaviour::Refuses;
  start();
  EXPECT_TRUE(eventually([this] { return ready().find("down") != std::string::npos; })) << ready();
  EXPECT_THAT(ready(), StartsWith("HTTP/1.0 503"));
  EXPECT_THAT(ready(), HasSubstr("not synced: EntityService"));
  EXPECT_THAT(get(manager->health_port(), "/healthz"), StartsWith("HTTP/1.0 200"));
  server.behaviour = Behaviour::Works;
  EXPECT_TRUE(eventually([this] { return ready().starts_with("HTTP/1.0 200"); })) << ready();
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(RunningManager, StopsInTimeWhileTheApiServerIsSilent) {
  server.behaviour = Behaviour::Silent;
  start();
  std::this_thread::sleep_for(100ms);
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(RunningManager, StopsInTimeWhenTheApiServerFallsSilentUnderALeader) {
  start();
  EXPECT_TRUE(eventually([this] { return server.holder() == "me"; }));
  server.behaviour = Behaviour::Silent;
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
}

k8s::Json demo() {
  return k8s::Json::parse(R"({
      "apiVersion": "entityservice.io/v1alpha1", "kind": "EntityService",
      "metadata": {"name": "demo", "namespace": "lab", "uid": "u", "resourceVersion": "1",
                   "generation": 1},
      "spec": {"profile": "Minimal", "channel": "Release", "version": "1.15.1", "replicas": 2}})");
}

TEST_F(RunningManager, StopsInTimeInThePassOfAResourceWhoseWritesHang) {
  server.services.push_back(demo());
  server.passes = Behaviour::Silent;
  start();
  EXPECT_TRUE(eventually([this] { return server.written > 0; }));
  EXPECT_THAT(metrics(), HasSubstr("active_workers{controller=\"entityservice\"} 1\n"));
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(server.holder(), "");
}

TEST_F(RunningManager, StopsInTimeWhileAResourceIsInItsBackOff) {
  server.services.push_back(demo());
  server.passes = Behaviour::Refuses;
  start();
  EXPECT_TRUE(eventually([this] { return server.written >= 8; }));
  EXPECT_TRUE(eventually([this] {
    const std::string text = metrics();
    return text.find("entityservice_failing_resources 1\n") != std::string::npos &&
           text.find("active_workers{controller=\"entityservice\"} 0\n") != std::string::npos;
  }));
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(server.holder(), "");
}

TEST_F(RunningManager, TellsOfItsResourcesInTheMetrics) {
  server.services.push_back(demo());
  server.passes = Behaviour::Refuses;
  start();
  EXPECT_TRUE(eventually([this] {
    return metrics().find("entityservice_resources{condition=\"Ready\",status=\"Unknown\"} 1\n") !=
           std::string::npos;
  }));
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(RunningManager, ChangesItsLogLevelOnSigusr1AndGoesOn) {
  const auto before = spdlog::get_level();
  start();
  EXPECT_TRUE(eventually([this] { return server.holder() == "me"; }));
  kill(getpid(), SIGUSR1);
  EXPECT_TRUE(eventually([] { return spdlog::get_level() == spdlog::level::debug; }));
  kill(getpid(), SIGUSR1);
  EXPECT_TRUE(eventually([before] { return spdlog::get_level() == before; }));
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
}

TEST_F(RunningManager, EndsWithItsOwnCodeWhenTheLeaseIsLost) {
  start();
  EXPECT_TRUE(eventually([this] { return server.holder() == "me"; }));
  server.give_lease_to("thief");
  EXPECT_EQ(code.wait_for(8s), std::future_status::ready);
  EXPECT_EQ(exit_code(), 3);
  EXPECT_EQ(server.holder(), "thief");
}

TEST_F(RunningManager, AsksForNoLeaseWithoutLeaderElection) {
  start(false);
  EXPECT_TRUE(eventually([this] { return ready().starts_with("HTTP/1.0 200"); }));
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
  EXPECT_EQ(server.holder(), "nobody");
}

TEST_F(RunningManager, ServesOnlyItsPaths) {
  start();
  EXPECT_THAT(get(manager->metrics_port(), "/healthz"), StartsWith("HTTP/1.0 404"));
  EXPECT_THAT(get(manager->health_port(), "/metrics"), StartsWith("HTTP/1.0 404"));
  manager->request_stop();
  EXPECT_EQ(exit_code(), 0);
}

TEST(WatchSpecs, CoverTheClusterForNoneAndForMoreThanFiveNamespaces) {
  const auto scopes = [](const std::vector<std::string>& namespaces) {
    std::set<std::string> result;
    for (const auto& spec : watch_specs(namespaces, "")) {
      if (spec.resource.kind == "EntityService") result.insert(spec.ns);
    }
    return result;
  };
  EXPECT_EQ(scopes({}), (std::set<std::string>{""}));
  EXPECT_EQ(scopes({"a", "b", "c", "d", "e"}), (std::set<std::string>{"a", "b", "c", "d", "e"}));
  EXPECT_EQ(scopes({"a", "b", "c", "d", "e", "f"}), (std::set<std::string>{""}));
}

TEST(WatchSpecs, HoldNoWatchTwice) {
  std::set<std::tuple<std::string, std::string, std::string, std::string>> seen;
  for (const auto& spec : watch_specs({"a", "b", "a"}, "")) {
    EXPECT_TRUE(
        seen.emplace(spec.resource.kind, spec.ns, spec.selector.labels, spec.selector.fields)
            .second)
        << spec.resource.kind << " in " << spec.ns;
  }
}

}  // namespace
}  // namespace op
