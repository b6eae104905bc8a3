#include "operator/watch_runner.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>
#include <random>
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
  Watch(const k8s::Client& client, k8s::Store& store, k8s::WatchSpec spec, unsigned jitter)
      : watcher(client, store, std::move(spec), jitter) {}

  k8s::Watcher watcher;
  k8s::Clock::time_point started{};
  std::atomic<k8s::Clock::rep> last_step = 0;
  bool was_synced = false;
  bool was_unreachable = false;  // at its last step
  int failures_logged = 0;
  std::thread thread;
};

WatchRunner::WatchRunner(const k8s::Client& client, k8s::Store& store,
                         std::vector<k8s::WatchSpec> specs, Hooks hooks)
    : hooks_(std::move(hooks)) {
  for (k8s::WatchSpec& spec : specs) {
    const auto nth = static_cast<unsigned>(watches_.size());
    const unsigned jitter = hooks_.jitter ? *hooks_.jitter + nth : std::random_device{}();
    watches_.push_back(std::make_unique<Watch>(client, store, std::move(spec), jitter));
    watches_.back()->started = hooks_.now();
    watches_.back()->last_step = watches_.back()->started.time_since_epoch().count();
  }
}

WatchRunner::~WatchRunner() {
  stop();
  join();
}

void WatchRunner::start() {
  for (std::size_t nth = 0; nth < watches_.size(); ++nth) {
    watches_[nth]->thread = std::thread([this, nth] {
      try {
        run(nth);
      } catch (const std::exception& error) {
        hooks_.failed("watch of " + watches_[nth]->watcher.spec().resource.kind + ": " +
                      error.what());
      }
    });
  }
}

void WatchRunner::run(std::size_t watch) {
  while (!stopping_) {
    const auto rings = reachable_.rings();
    const auto pause = step(watch, kStepWait);
    if (pause == pause.zero() || stopping_) continue;
    if (watches_[watch]->was_unreachable)
      reachable_.sleep(rings, pause);
    else
      hooks_.sleep(pause);
  }
}

std::chrono::milliseconds WatchRunner::step(std::size_t nth, std::chrono::milliseconds wait) {
  Watch& watch = *watches_[nth];
  const auto pause = watch.watcher.step(hooks_.now(), wait);
  watch.last_step = hooks_.now().time_since_epoch().count();
  const k8s::WatchHealth health = watch.watcher.health();
  const std::string& kind = watch.watcher.spec().resource.kind;
  if (health.synced && !watch.was_synced) spdlog::info("watch of {} has synced", kind);
  watch.was_synced = health.synced;
  // The first of a row and then now and again: an outage must not fill the disk. What a stop cuts
  // off has not failed.
  if (health.failures_in_a_row > watch.failures_logged && !stopping_) {
    if (watch.failures_logged == 0 || health.failures_in_a_row % 10 == 0) {
      spdlog::warn("watch of {} failed {} times in a row: {}", kind, health.failures_in_a_row,
                   health.last_error);
    }
  }
  watch.failures_logged = health.failures_in_a_row;
  hooks_.stepped();
  // An API server that has just started refuses all until it has read the roles.
  const bool succeeded = !health.unreachable && pause == pause.zero();
  if (watch.was_unreachable && succeeded) reachable_.ring();
  watch.was_unreachable = health.unreachable;
  return pause;
}

void WatchRunner::server_answers() { reachable_.ring(); }

void WatchRunner::distrust(const std::string& kind) {
  for (const auto& watch : watches_)
    if (watch->watcher.spec().resource.kind == kind) watch->watcher.distrust();
}

void WatchRunner::stop() {
  stopping_ = true;
  reachable_.ring();
}

void WatchRunner::join() {
  for (const auto& watch : watches_) {
    if (watch->thread.joinable()) watch->thread.join();
  }
}

// Asked for each event: the answer is kept.
bool WatchRunner::synced() const {
  if (!synced_)
    synced_ = std::ranges::all_of(watches_,
                                  [](const auto& watch) { return watch->watcher.health().synced; });
  return synced_;
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

std::vector<WatchFigures> watch_figures(const std::vector<WatchReport>& reports,
                                        k8s::Clock::time_point now) {
  std::map<std::string, WatchFigures> by_kind;
  for (const WatchReport& report : reports) {
    WatchFigures& figures = by_kind[report.kind];
    figures.kind = report.kind;
    figures.failures += report.health.failures;
    if (report.health.absent) continue;
    using Age = std::optional<WatchFigures::Age>;  // none is less than any
    figures.last_event_age = std::max<Age>(figures.last_event_age, now - last_progress(report));
    figures.last_list_age = std::max<Age>(figures.last_list_age,
                                          now - report.health.last_list.value_or(report.started));
  }
  std::vector<WatchFigures> result;
  for (auto& [kind, figures] : by_kind) result.push_back(std::move(figures));
  return result;
}

}  // namespace op
