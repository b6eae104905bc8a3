// A thread that keeps one Watcher going until it is told to end. Its watcher's store tells what
// changes.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "k8s-client/clock.h"
#include "k8s-client/watcher.h"

namespace bench {

class Watching {
 public:
  Watching(const k8s::Client& client, k8s::Store& store, k8s::WatchSpec spec)
      : watcher_(client, store, std::move(spec)), thread_([this] { run(); }) {}
  ~Watching() {
    ending_ = true;
    thread_.join();
  }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

  void wait_synced() const {
    while (!watcher_.health().synced) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

 private:
  void run() {
    while (!ending_) {
      const auto pause = watcher_.step(k8s::Clock::now(), std::chrono::milliseconds(100));
      if (pause > pause.zero()) std::this_thread::sleep_for(pause);
    }
  }

  k8s::Watcher watcher_;
  std::atomic<bool> ending_ = false;
  std::thread thread_;
};

// The records of such a watch are bare but for `facts`.
inline k8s::WatchSpec watch_of(const k8s::Resource& resource, const std::string& ns,
                               const std::string& labels, k8s::FactsOf facts = {}) {
  k8s::WatchSpec spec;
  spec.resource = resource;
  spec.ns = ns;
  spec.selector.labels = labels;
  spec.manager = "benchmark";
  spec.metadata_only = !facts;
  spec.facts = std::move(facts);
  return spec;
}

}  // namespace bench
