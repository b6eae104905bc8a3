#include "operator/watch_runner.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "reconcilers/kinds.h"

namespace op {
namespace {

// How long a step may sit in a silent stream; bounds how long a stop takes.
constexpr std::chrono::milliseconds kStepWait{500};
// Every watch costs a thread and a connection for each namespace.
constexpr std::size_t kMostNamespaces = 5;

}  // namespace

std::vector<k8s::WatchSpec> watch_specs(const std::vector<std::string>& namespaces,
                                        const std::string& label_selector) {
  const bool all = namespaces.empty() || namespaces.size() > kMostNamespaces;
  std::vector<k8s::WatchSpec> specs;
  std::set<std::tuple<k8s::Resource, std::string, std::string, std::string>> seen;
  for (const std::string& ns : all ? std::vector<std::string>{""} : namespaces) {
    for (k8s::WatchSpec& spec : reconcilers::watches(ns, label_selector)) {
      // The end of a list forgets what was not in it: of kinds without namespace there can be but
      // one watch, and it sees all.
      if (!spec.resource.namespaced && namespaces.size() > 1) spec.selector.fields.clear();
      const auto& [labels, fields] = spec.selector;
      if (!seen.emplace(spec.resource, spec.ns, labels, fields).second) continue;
      specs.push_back(std::move(spec));
    }
  }
  return specs;
}

struct WatchRunner::Watch {
  Watch(const k8s::Client& client, k8s::Store& store, k8s::WatchSpec spec)
      : watcher(client, store, std::move(spec)) {}

  k8s::Watcher watcher;
  k8s::Clock::time_point started{};
  std::atomic<k8s::Clock::rep> last_step = 0;
  bool was_synced = false;
  int failures_logged = 0;
  std::thread thread;
};

WatchRunner::WatchRunner(const k8s::Client& client, k8s::Store& store,
                         std::vector<k8s::WatchSpec> specs, Hooks hooks)
    : hooks_(std::move(hooks)) {
  for (k8s::WatchSpec& spec : specs) {
    watches_.push_back(std::make_unique<Watch>(client, store, std::move(spec)));
    watches_.back()->started = hooks_.now();
    watches_.back()->last_step = watches_.back()->started.time_since_epoch().count();
  }
}

WatchRunner::~WatchRunner() {
  stop();
  join();
}

void WatchRunner::start() {
  for (const auto& watch : watches_) {
    watch->thread = std::thread([this, &watch = *watch] {
      try {
        run(watch);
      } catch (const std::exception& error) {
        hooks_.failed("watch of " + watch.watcher.spec().resource.kind + ": " + error.what());
      }
    });
  }
}

void WatchRunner::run(Watch& watch) {
  bool was_unreachable = false;
  while (!stopping_) {
    const auto rings = reachable_.rings();
    const auto pause = watch.watcher.step(hooks_.now(), kStepWait);
    watch.last_step = hooks_.now().time_since_epoch().count();
    const k8s::WatchHealth health = watch.watcher.health();
    const std::string& kind = watch.watcher.spec().resource.kind;
    if (health.synced && !watch.was_synced) spdlog::info("watch of {} has synced", kind);
    watch.was_synced = health.synced;
    // The first of a row and then now and again: an outage must not fill the disk.
    if (health.failures_in_a_row > watch.failures_logged) {
      if (watch.failures_logged == 0 || health.failures_in_a_row % 10 == 0) {
        spdlog::warn("watch of {} failed {} times in a row: {}", kind, health.failures_in_a_row,
                     health.last_error);
      }
    }
    watch.failures_logged = health.failures_in_a_row;
    hooks_.stepped();
    if (was_unreachable && !health.unreachable) reachable_.ring();
    was_unreachable = health.unreachable;
    if (pause == pause.zero() || stopping_) continue;
    if (health.unreachable)
      reachable_.sleep(rings, pause);
    else
      hooks_.sleep(pause);
  }
}

void WatchRunner::server_answers() { reachable_.ring(); }

void WatchRunner::stop() {
  stopping_ = true;
  reachable_.ring();
}

void WatchRunner::join() {
  for (const auto& watch : watches_) {
    if (watch->thread.joinable()) watch->thread.join();
  }
}

bool WatchRunner::synced() const {
  return std::ranges::all_of(watches_,
                             [](const auto& watch) { return watch->watcher.health().synced; });
}

std::vector<WatchReport> WatchRunner::reports() const {
  std::vector<WatchReport> reports;
  for (const auto& watch : watches_) {
    const k8s::WatchSpec& spec = watch->watcher.spec();
    const std::string& kind = spec.resource.kind;
    reports.push_back(
        {.name = spec.ns.empty() ? kind : kind + " in " + spec.ns,
         .kind = kind,
         .health = watch->watcher.health(),
         .longest_silence = spec.timeout + spec.slack,
         .optional = spec.optional,
         .started = watch->started,
         .last_step = k8s::Clock::time_point(k8s::Clock::duration(watch->last_step.load()))});
  }
  return reports;
}

std::vector<WatchFigures> WatchRunner::figures(k8s::Clock::time_point now) const {
  std::map<std::string, WatchFigures> by_kind;
  for (const WatchReport& report : reports()) {
    WatchFigures& figures = by_kind[report.kind];
    figures.kind = report.kind;
    figures.failures += report.health.failures;
    using Age = std::chrono::duration<double>;
    figures.last_event_age = std::max<Age>(figures.last_event_age, now - last_progress(report));
    figures.last_list_age = std::max<Age>(figures.last_list_age,
                                          now - report.health.last_list.value_or(report.started));
  }
  std::vector<WatchFigures> result;
  for (auto& [kind, figures] : by_kind) result.push_back(std::move(figures));
  return result;
}

}  // namespace op
