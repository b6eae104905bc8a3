// Runs the watches: one thread each, so that a watch that backs off or hangs delays no other, and
// keeps what health and metrics ask about them. Watches that found no connection try again as soon
// as anybody found one. Owned by the Engine. Thread-safe but for `start`; each watch is stepped by
// one thread at a time.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "k8s-client/watcher.h"
#include "operator/alarm_clock.h"
#include "operator/health.h"
#include "operator/metrics.h"

namespace op {

// The watches of the namespaces (none, or more than five: of the whole cluster), each once.
std::vector<k8s::WatchSpec> watch_specs(const std::vector<std::string>& namespaces,
                                        const std::string& label_selector);

// One a kind, of what they report at that time.
std::vector<WatchFigures> watch_figures(const std::vector<WatchReport>& reports,
                                        k8s::Clock::time_point now);

class WatchRunner {
 public:
  struct Hooks {
    std::function<void()> stepped;                         // after each step, on the watch's thread
    std::function<void(const std::string& why)> failed;    // a thread ended by an exception
    std::function<void(std::chrono::milliseconds)> sleep;  // ends early when stopping
    k8s::Now now;
    std::optional<unsigned> jitter = {};  // seed of the back-offs; empty: the system's chance
  };

  // `client` and `store` must outlive the runner.
  WatchRunner(const k8s::Client& client, k8s::Store& store, std::vector<k8s::WatchSpec> specs,
              Hooks hooks);
  ~WatchRunner();

  std::size_t count() const { return watches_.size(); }
  // One step of one watch, as its thread makes it; returns how long to wait before the next.
  std::chrono::milliseconds step(std::size_t watch, std::chrono::milliseconds wait);

  void start();                            // a thread for each, which steps it
  void server_answers();                   // somebody else has found a connection
  void distrust(const std::string& kind);  // see Watcher; all watches of the kind
  void stop();                             // asks; `join` waits
  void join();

  bool synced() const;
  std::vector<WatchReport> reports() const;

 private:
  struct Watch;
  void run(std::size_t watch);

  const Hooks hooks_;
  std::atomic<bool> stopping_ = false;
  mutable std::atomic<bool> synced_ = false;  // for good
  AlarmClock reachable_;
  std::vector<std::unique_ptr<Watch>> watches_;
};

}  // namespace op
