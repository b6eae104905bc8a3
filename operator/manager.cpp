#include "operator/manager.h"

#include <malloc.h>
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

#include "k8s-client/client.h"
#include "k8s-client/config.h"
#include "k8s-client/store.h"
#include "operator/controller.h"
#include "operator/exit_latch.h"
#include "operator/fenced_transport.h"
#include "operator/health.h"
#include "operator/http_server.h"
#include "operator/leader_election.h"
#include "operator/metrics.h"
#include "operator/stop_event.h"
#include "operator/watch_runner.h"
#include "operator/work_queue.h"
#include "reconcilers/kinds.h"
#include "reconcilers/observe.h"
#include "reconcilers/reconciler.h"

namespace op {
namespace {

using std::chrono::milliseconds;

// Three attempts of an election request stay well below the renew deadline.
constexpr milliseconds kElectionRequest{2'000};
// What the end of the election may take of the time for a stop, the release included.
constexpr milliseconds kReleaseTime{1'000};
// More of them do not make the API server faster (docs/performance.md).
constexpr std::size_t kRequestsOfAPass = 8;
// Longer than an exec plugin may run.
constexpr std::chrono::seconds kFirstCredentials{35};

std::vector<std::string> kinds_of(const std::vector<k8s::WatchSpec>& specs) {
  std::set<std::string> kinds;
  for (const auto& spec : specs) kinds.insert(spec.resource.kind);
  return {kinds.begin(), kinds.end()};
}

reconcilers::Options reconciler_options(const RunOptions& options, const std::string& identity) {
  reconcilers::Options result;
  result.prerelease_namespaces = options.prerelease_namespaces;
  result.identity = identity;
  result.requests_at_once = kRequestsOfAPass;
  return result;
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
        specs_(watch_specs(options.namespaces, options.watch_label_selector)),
        metrics_(
            {.lease = options.lease_name, .kinds = kinds_of(specs_), .workers = options.workers}) {
    store_.on_change([this](const k8s::RecordPtr& before, const k8s::RecordPtr& after) {
      if (before) enqueue(*before);
      if (after) enqueue(*after);
    });
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
    if (!options.leader_elect) {
      fence_.open_forever();
      leading_ = true;
    }
  }

  int run() {
    spdlog::info("started as '{}'", environment_.identity);
    watches_.start();
    if (options_.leader_elect) {
      election_ = std::thread([this] { guarded("leader election", [this] { elect(); }); });
    }
    for (int i = 0; i < options_.workers; ++i) {
      workers_.emplace_back([this] { guarded("worker", [this] { work(); }); });
    }
    const ExitReason reason = exit_.wait();
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

  void enqueue(const k8s::Record& record) {
    if (record.key.kind == "Namespace") return enqueue_all_in(record.key.name);
    const k8s::ObjectKey key = reconcilers::owner_key(record);
    if (key.name.empty()) return;
    // With cluster scope for many namespaces, the others are seen but not ours.
    if (!namespaces_.empty() && !namespaces_.contains(key.ns)) return;
    queue_.add(key, k8s::Clock::now());
  }

  // What a namespace is labelled with decides about what its resources may ask for.
  void enqueue_all_in(const std::string& ns) {
    for (const k8s::RecordPtr& resource : store_.all(reconcilers::entity_services().kind))
      if (resource->key.ns == ns) enqueue(*resource);
  }

  void open_gate_if_ready() {
    if (leading_ && !gate_.is_set() && watches_.synced()) {
      spdlog::info("all watches have synced, {} workers start", options_.workers);
      malloc_trim(0);  // the lists were read into many times the memory that was kept of them
      gate_.set();
    }
  }

  void work() {
    gate_.wait();
    if (!stopping_.is_set()) controller_.work();
  }

  void elect() {
    while (!stopping_.is_set()) {
      const auto renewed = elector_.renewed();
      const milliseconds pause = elector_.step();
      if (elector_.renewed() != renewed) watches_.server_answers();
      if (elector_.state() == LeaderElector::State::Leader) {
        leading_ = true;
        open_gate_if_ready();
      } else if (elector_.state() == LeaderElector::State::Lost) {
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
      problem = liveness_problem(watches_.reports(), k8s::Clock::now());
      if (thread_died_) problem += "a thread has ended, see the log\n";
    } else if (path == "/readyz") {
      problem = readiness_problem(watches_.reports());
      if (stopping_.is_set()) problem += "stopping\n";
    } else {
      return {404, "only /healthz and /readyz are here\n"};
    }
    return problem.empty() ? HttpAnswer{200, "ok\n"} : HttpAnswer{503, problem};
  }

  ScrapeFigures figures() const {
    const auto now = k8s::Clock::now();
    return {queue_.state(now), watches_.figures(now), store_.size(),
            options_.leader_elect && leading_};
  }

  void stop(const ExitReason& reason) {
    const Alarm watchdog(environment_.stop_deadline, [code = reason.code] {
      spdlog::critical("the stop takes too long, ending at once");
      _exit(code);
    });
    stopping_.set();
    queue_.stop();
    gate_.set();
    end_passes(reason);
    end_election(reason);
    watches_.stop();
    watch_transport_->close();
    watches_.join();
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
    if (reason.code != kExitLostLeadership) elector_.release();
  }

  // In the order in which they need each other; what runs threads stands last.
  const RunOptions options_;
  const Environment environment_;
  const std::vector<k8s::WatchSpec> specs_;
  const std::set<std::string> namespaces_{options_.namespaces.begin(), options_.namespaces.end()};
  ExitLatch exit_;
  StopEvent stopping_, gate_;
  std::atomic<bool> leading_ = false, thread_died_ = false;
  const k8s::Sleep sleep_ = [this](milliseconds time) { stopping_.wait_for(time); };
  Metrics metrics_;
  LeaseFence fence_;

  const std::unique_ptr<k8s::Transport> watch_transport_ = environment_.transport(&metrics_);
  const std::unique_ptr<k8s::Transport> pass_transport_ = environment_.transport(&metrics_);
  const std::unique_ptr<k8s::Transport> lease_transport_ = environment_.transport(&metrics_);
  FencedTransport fenced_transport_{*pass_transport_, fence_, k8s::Clock::now};
  CappedTransport capped_transport_{*lease_transport_, kElectionRequest};
  const k8s::Client watch_client_{*watch_transport_, sleep_};
  const k8s::Client pass_client_{fenced_transport_, sleep_};
  const k8s::Client lease_client_{capped_transport_, [this](milliseconds time) {
                                    stopping_.wait_for(std::min(time, kElectionRequest));
                                  }};

  k8s::Store store_{reconcilers::grouping()};
  WorkQueue queue_{{}, &metrics_};
  reconcilers::Reconciler reconciler_{pass_client_, store_,
                                      reconciler_options(options_, environment_.identity)};
  Controller controller_{queue_,
                         [this](const k8s::ObjectKey& key) { return reconciler_.reconcile(key); },
                         {.synced = [this] { return watches_.synced(); }, .observer = &metrics_}};
  LeaderElector elector_{lease_client_,
                         fence_,
                         {.ns = environment_.lease_namespace,
                          .name = options_.lease_name,
                          .identity = environment_.identity}};
  WatchRunner watches_{watch_client_,
                       store_,
                       specs_,
                       {.stepped = [this] { open_gate_if_ready(); },
                        .failed = [this](const std::string& why) { fail(why); },
                        .sleep = sleep_,
                        .now = k8s::Clock::now}};
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
