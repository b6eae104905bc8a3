// The keys that wait for a pass: each at most once, the earliest asked time wins, never two passes
// of one key at a time; a key that is added during its pass runs again. Three lanes keep keys from
// waiting for each other: changes go before what the first lists asked for, and keys whose last
// pass failed have no more than their share of the workers. Within a lane whoever is due longest is
// first. Time is an argument, so that the queue can be stepped; only `take` blocks. Thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <tuple>

#include "k8s-client/clock.h"
#include "k8s-client/resource.h"

namespace op {

// Told how long keys waited and how long their passes took. Called without a lock held.
class QueueObserver {
 public:
  virtual ~QueueObserver() = default;
  virtual void waited(std::chrono::duration<double> time) = 0;
  virtual void worked(std::chrono::duration<double> time) = 0;
};

struct QueueLimits {
  std::chrono::milliseconds first_backoff{5};
  std::chrono::milliseconds longest_backoff{300'000};
  // What a change can shorten the back-off of a failing key to.
  std::chrono::milliseconds failing_pause{1'000};
  int failing_at_once = 2;  // passes of failing keys
  int turn = 4;             // every so many-th pass is the first lists', whatever else is due
  std::size_t keys = 100'000;
};

struct QueueState {
  std::int64_t depth = 0;    // due, not yet taken
  std::int64_t delayed = 0;  // waiting for their time
  std::int64_t adds = 0, retries = 0;
  std::int64_t active = 0;
  std::int64_t failing = 0;  // keys whose last pass failed
  std::chrono::duration<double> unfinished{0}, longest_running{0};
  auto operator<=>(const QueueState&) const = default;
};

class WorkQueue {
 public:
  using Time = k8s::Clock::time_point;

  // `observer` may be null and must outlive the queue.
  explicit WorkQueue(QueueLimits limits = {}, QueueObserver* observer = nullptr);

  // Each throws std::length_error when the queue is full: to forget a key silently would be worse.
  void add(const k8s::ObjectKey& key, Time now);
  // For what a first list holds: nobody has just changed it.
  void add_listed(const k8s::ObjectKey& key, Time now);
  void add_after(const k8s::ObjectKey& key, Time now, std::chrono::milliseconds delay);
  // After the back-off of this key, which doubles with each call until `forget`; at least
  // `minimum`. A change that is added meanwhile brings it forward, within `failing_pause`.
  void add_backed_off(const k8s::ObjectKey& key, Time now,
                      std::chrono::milliseconds minimum = std::chrono::milliseconds{0});
  void forget(const k8s::ObjectKey& key);

  // The key that is due longest, now this caller's until `done`; nothing when none is due.
  std::optional<k8s::ObjectKey> pop(Time now);
  void done(const k8s::ObjectKey& key, Time now);
  // When `pop` will have something, if nothing else is added.
  std::optional<Time> next() const;

  // As `pop`, but waits for a key that is due. Nothing: the queue was stopped.
  std::optional<k8s::ObjectKey> take(const k8s::Now& now);
  void stop();

  // Whether a key is due that no worker has taken; those that failed last do not count.
  bool anybody_waits(Time now) const;

  QueueState state(Time now) const;

 private:
  enum Lane { kChanged, kFailing, kListed, kLanes };
  using Slot = std::tuple<Time, std::uint64_t, k8s::ObjectKey>;

  struct Waiting {
    Time due;
    std::uint64_t order;
    bool listed;
    std::optional<Lane> lane;  // none while a pass holds the key
  };
  struct Held {
    Time since;
    bool failing;
  };
  struct Failures {
    int count = 0;
    Time not_before{};
  };

  void insert(const k8s::ObjectKey& key, Time due, bool listed);
  void schedule(const k8s::ObjectKey& key, Waiting& waiting);
  void unschedule(const k8s::ObjectKey& key, Waiting& waiting);
  bool open(Lane lane) const;
  bool is_due(Lane lane, Time now) const;
  std::optional<Lane> due_lane(Time now);
  std::optional<Time> next_locked() const;
  std::optional<std::pair<k8s::ObjectKey, Time>> pop_locked(Time now);
  void report_wait(Time due, Time now) const;

  const QueueLimits limits_;
  QueueObserver* const observer_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::uint64_t order_ = 0;
  std::int64_t adds_ = 0, retries_ = 0;
  std::map<k8s::ObjectKey, Waiting> waiting_;
  std::array<std::set<Slot>, kLanes> lanes_;  // those of waiting_ that no pass holds
  std::map<k8s::ObjectKey, Held> processing_;
  std::map<k8s::ObjectKey, Failures> failures_;
  int failing_held_ = 0;
  int passed_over_ = 0;  // passes since the first lists had their turn
};

}  // namespace op
