// Keeps a Store in step with one kind: list (streamed as the beginning of a watch where the API
// server can, else page by page), watch, resume, list again. A step function: no thread, no
// clock of its own; whoever owns it calls `step` again and again from one thread. `health` and
// `distrust` may be called from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "k8s-client/client.h"
#include "k8s-client/guarded.h"
#include "k8s-client/json_text.h"
#include "k8s-client/store.h"

namespace k8s {

struct WatchSpec {
  Resource resource;
  std::string ns = {};  // empty: all namespaces
  Selector selector = {};
  bool metadata_only = false;  // PartialObjectMetadata
  std::string manager;         // whose fields `Record::owned` speaks of
  FactsOf facts;
  Keeps keeps = {};
  Names unread = {};  // members at any depth that no fact is made of; nothing of them may be ours
  std::chrono::seconds timeout{290};  // timeoutSeconds of a watch
  std::chrono::seconds slack{30};     // beyond it a silent watch is dead
  bool optional =
      false;  // absent (404) or forbidden (403): counts as synced and empty, tried again
};

struct WatchHealth {
  bool synced = false;  // one list has been completed
  bool absent = false;  // optional, and not there or not ours to see when it was last asked for
  std::optional<Clock::time_point> last_list;
  std::optional<Clock::time_point> last_event;  // any line, bookmarks included
  std::int64_t lists = 0, watches = 0, events = 0, failures = 0;
  int failures_in_a_row = 0;
  // The last thing that was tried found no connection, or only an API server that is starting.
  bool unreachable = false;
  std::string last_error;
};

class Watcher {
 public:
  // `client` and `store` must outlive the watcher. `jitter`: seed of its back-off.
  Watcher(const Client& client, Store& store, WatchSpec spec,
          unsigned jitter = std::random_device{}());
  ~Watcher();

  // Does one thing: a list, the opening of a watch, or the handling of the lines that come within
  // `wait`. Never throws for what a cluster or network can do. Returns how long to wait before the
  // next step (0: at once; more: back-off of this watch alone, 0.8 s to 30 s with jitter).
  std::chrono::milliseconds step(Clock::time_point now, std::chrono::milliseconds wait);

  // A stream that is open counts as silent: the next step resumes from the version that it has come
  // to.
  void distrust() { distrusted_ = true; }

  WatchHealth health() const;
  const WatchSpec& spec() const { return spec_; }

 private:
  struct State;
  std::chrono::milliseconds list(Clock::time_point now);
  std::chrono::milliseconds open();
  std::chrono::milliseconds read(Clock::time_point now, std::chrono::milliseconds wait);
  void take(const std::string& line, Clock::time_point now);
  void heard(Clock::time_point now);
  void complete(const std::string& version, const std::vector<ObjectKey>& listed,
                Clock::time_point now);
  Record reduce(const Json& object);
  // Where each kind of trouble leads; they return how long to wait.
  std::chrono::milliseconds ended(Clock::time_point now);
  std::chrono::milliseconds expired(const std::string& why);
  std::chrono::milliseconds absent(const std::string& why);
  // `of_version`: resuming from the version that we have may be what fails.
  std::chrono::milliseconds failed(const std::string& why,
                                   std::optional<std::chrono::seconds> retry_after,
                                   bool of_version = true);

  const Client& client_;
  Store& store_;
  const WatchSpec spec_;
  std::unique_ptr<State> state_;
  std::atomic<bool> distrusted_ = false;
  Guarded<WatchHealth> health_;
};

}  // namespace k8s
