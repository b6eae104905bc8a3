#include "operator/manager.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "k8s-client/config.h"
#include "operator/engine.h"
#include "operator/exit_latch.h"
#include "operator/free_memory.h"
#include "operator/health.h"
#include "operator/http_server.h"
#include "operator/logging.h"
#include "operator/metrics.h"
#include "operator/stop_event.h"

namespace op {
namespace {

using std::chrono::milliseconds;

// What the end of the election may take of the time for a stop, the release included.
constexpr milliseconds kReleaseTime{1'000};
// More of them do not make the API server faster (docs/performance.md).
constexpr std::size_t kRequestsOfAPass = 4;
// Longer than an exec plugin may run.
constexpr std::chrono::seconds kFirstCredentials{35};

std::vector<std::string> kinds_of(const RunOptions& options) {
  std::set<std::string> kinds;
  for (const auto& spec : watch_specs(options.namespaces, options.watch_label_selector))
    kinds.insert(spec.resource.kind);
  return {kinds.begin(), kinds.end()};
}

EngineOptions engine_options(const RunOptions& options, const Environment& environment) {
  return {.namespaces = options.namespaces,
          .watch_label_selector = options.watch_label_selector,
          .prerelease_namespaces = options.prerelease_namespaces,
          .leader_elect = options.leader_elect,
          .lease_namespace = environment.lease_namespace,
          .lease_name = options.lease_name,
          .identity = environment.identity,
          .requests_at_once = kRequestsOfAPass,
          // Half of the workers stay free of resources whose passes fail, which may take long.
          .failing_at_once = std::max(1, options.workers / 2)};
}

// Of "https://host:port/path" the part in the middle.
std::string host_of(const std::string& url) {
  const std::size_t scheme = url.find("://");
  const std::string rest = scheme == std::string::npos ? url : url.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

// The pod's name alone would do in a cluster; outside, two processes may share a host.
std::string process_identity() {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  std::random_device random;
  char suffix[17];
  std::snprintf(suffix, sizeof suffix, "%08x%08x", random(), random());
  return std::string(host) + "_" + suffix;
}

}  // namespace

class Manager::Impl {
 public:
  Impl(const RunOptions& options, Environment environment)
      : options_(options),
        environment_(std::move(environment)),
        metrics_({.lease = options.lease_name,
                  .host = environment_.api_server,
                  .kinds = kinds_of(options),
                  .workers = options.workers,
                  .each_resource = options.metrics_per_resource}) {
    metrics_.on_scrape([this] { return figures(); });
    if (options.metrics.enabled) {
      metrics_server_.emplace(options.metrics, [this](const std::string& path) {
        if (path != "/metrics") return HttpAnswer{404, "only /metrics is here\n"};
        return HttpAnswer{200, metrics_.text(), "text/plain; version=0.0.4; charset=utf-8"};
      });
    }
    if (options.health_probe.enabled) {
      health_server_.emplace(options.health_probe,
                             [this](const std::string& path) { return probe(path); });
    }
    if (!options.leader_elect) leading_ = true;
  }

  int run() {
    spdlog::info("started as '{}'", environment_.identity);
    engine_.watches().start();
    if (options_.leader_elect) {
      election_ = std::thread([this] { guarded("leader election", [this] { elect(); }); });
    }
    for (int i = 0; i < options_.workers; ++i) {
      workers_.emplace_back([this] { guarded("worker", [this] { work(); }); });
    }
    const ExitReason reason = exit_.wait(change_log_level);
    spdlog::info("stopping: {}", reason.why);
    stop(reason);
    spdlog::info("stopped");
    return reason.code;
  }

  void request_stop() { exit_.set(kExitOk, "asked to stop"); }
  std::uint16_t metrics_port() const { return metrics_server_ ? metrics_server_->port() : 0; }
  std::uint16_t health_port() const { return health_server_ ? health_server_->port() : 0; }

 private:
  template <typename F>
  void guarded(const std::string& thread, F&& body) {
    try {
      body();
    } catch (const std::exception& error) {
      fail(thread + ": " + error.what());
    }
  }

  void fail(const std::string& why) {
    spdlog::critical("a thread ended: {}", why);
    thread_died_ = true;
    exit_.set(kExitFailed, why);
  }

  void open_gate_if_ready() {
    if (leading_ && !gate_.is_set() && engine_.watches().synced()) {
      spdlog::info("all watches have synced, {} workers start", options_.workers);
      // The lists were read into many times the memory that was kept of them.
      release_free_memory();
      engine_.begin();
      gate_.set();
    }
  }

  void work() {
    gate_.wait();
    if (!stopping_.is_set()) engine_.controller().work();
  }

  void elect() {
    LeaderElector& elector = engine_.elector();
    while (!stopping_.is_set()) {
      const auto renewed = elector.renewed();
      const milliseconds pause = elector.step();
      if (elector.renewed() != renewed) engine_.watches().server_answers();
      if (elector.state() == LeaderElector::State::Leader) {
        leading_ = true;
        open_gate_if_ready();
      } else if (elector.state() == LeaderElector::State::Lost) {
        leading_ = false;
        exit_.set(kExitLostLeadership, "leadership was lost");
        return;
      }
      stopping_.wait_for(pause);
    }
  }

  HttpAnswer probe(const std::string& path) const {
    std::string problem;
    if (path == "/healthz") {
      problem = liveness_problem(engine_.watches().reports(), k8s::Clock::now());
      if (thread_died_) problem += "a thread has ended, see the log\n";
    } else if (path == "/readyz") {
      problem = readiness_problem(engine_.watches().reports());
      if (stopping_.is_set()) problem += "stopping\n";
    } else {
      return {404, "only /healthz and /readyz are here\n"};
    }
    return problem.empty() ? HttpAnswer{200, "ok\n"} : HttpAnswer{503, problem};
  }

  ScrapeFigures figures() const {
    const auto now = k8s::Clock::now();
    return {engine_.queue().state(now), watch_figures(engine_.watches().reports(), now),
            engine_.store().size(),     options_.leader_elect && leading_,
            resource_figures(),         process_figures()};
  }

  // One after the other: all at once they would take much memory.
  std::vector<ResourceFigures> resource_figures() const {
    std::vector<ResourceFigures> figures;
    for (const k8s::ObjectKey& key : engine_.resources()) {
      if (const auto record = engine_.store().find(key))
        figures.push_back(figures_of(key.ns, key.name, record->facts));
    }
    return figures;
  }

  void stop(const ExitReason& reason) {
    const Alarm watchdog(environment_.stop_deadline, [code = reason.code] {
      spdlog::critical("the stop takes too long, ending at once");
      _exit(code);
    });
    stopping_.set();
    engine_.queue().stop();
    gate_.set();
    end_passes(reason);
    end_election(reason);
    engine_.watches().stop();
    watch_transport_->close();
    engine_.watches().join();
    if (metrics_server_) metrics_server_->stop();
    if (health_server_) health_server_->stop();
  }

  void end_passes(const ExitReason& reason) {
    // Without the lease no pass may go on; otherwise what runs may end by itself.
    const bool lost = reason.code == kExitLostLeadership;
    const Alarm cut(lost ? milliseconds{0} : environment_.finish_passes,
                    [this] { pass_transport_->close(); });
    for (std::thread& worker : workers_) worker.join();
  }

  void end_election(const ExitReason& reason) {
    if (!election_.joinable()) return;
    const Alarm cut(kReleaseTime, [this] { lease_transport_->close(); });
    election_.join();
    if (reason.code != kExitLostLeadership) engine_.elector().release();
  }

  // In the order in which they need each other; what runs threads stands last.
  const RunOptions options_;
  const Environment environment_;
  ExitLatch exit_;
  StopEvent stopping_, gate_;
  std::atomic<bool> leading_ = false, thread_died_ = false;
  Metrics metrics_;

  const std::unique_ptr<k8s::Transport> watch_transport_ = environment_.transport(&metrics_);
  const std::unique_ptr<k8s::Transport> pass_transport_ = environment_.transport(&metrics_);
  const std::unique_ptr<k8s::Transport> lease_transport_ = environment_.transport(&metrics_);
  Engine engine_{engine_options(options_, environment_),
                 {.watches = *watch_transport_,
                  .passes = *pass_transport_,
                  .lease = *lease_transport_,
                  .sleep = [this](milliseconds time) { stopping_.wait_for(time); }},
                 {.queue = &metrics_,
                  .passes = &metrics_,
                  .watch_stepped = [this] { open_gate_if_ready(); },
                  .watch_failed = [this](const std::string& why) { fail(why); }}};
  std::thread election_;
  std::vector<std::thread> workers_;
  std::optional<HttpServer> metrics_server_, health_server_;
};

Environment make_environment(const RunOptions& options) {
  const k8s::ClusterConfig config = k8s::load_config(options.kubeconfig, options.context);
  const auto warn = [](const std::string& trouble) { spdlog::warn("{}", trouble); };
  for (const auto& warning : config.warnings) warn(warning);
  const auto credentials = std::make_shared<k8s::Credentials>(config, warn);
  // A plugin that gives nothing is an error of the start, not of every request.
  k8s::await_identity(*credentials, k8s::Clock::now() + kFirstCredentials);
  Environment environment;
  environment.transport = [credentials](k8s::RestObserver* observer) {
    return k8s::make_rest_transport(credentials, observer);
  };
  environment.api_server = host_of(config.server);
  environment.lease_namespace = options.lease_namespace;
  if (environment.lease_namespace.empty() && config.in_pod) {
    environment.lease_namespace = config.ns;
  }
  if (environment.lease_namespace.empty()) environment.lease_namespace = "entityservice-system";
  environment.identity = process_identity();
  return environment;
}

Manager::Manager(const RunOptions& options, Environment environment)
    : impl_(std::make_unique<Impl>(options, std::move(environment))) {}
Manager::~Manager() = default;
int Manager::run() { return impl_->run(); }
void Manager::request_stop() { impl_->request_stop(); }
std::uint16_t Manager::metrics_port() const { return impl_->metrics_port(); }
std::uint16_t Manager::health_port() const { return impl_->health_port(); }

}  // namespace op
