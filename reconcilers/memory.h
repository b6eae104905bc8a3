// What a reconciler remembers of one resource between passes. All of it can be lost: a restart
// costs at most a few requests more, never another result.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "k8s-client/clock.h"
#include "k8s-client/json.h"
#include "k8s-client/resource.h"
#include "reconcilers/contest.h"
#include "reconcilers/desired/desired.h"

namespace reconcilers {

using TimePoint = k8s::Clock::time_point;

constexpr std::chrono::seconds kCacheDelay(1);    // a watch that works is faster
constexpr std::chrono::seconds kEndingPause(10);  // until a namespace that is going is asked again

// 10 s, 20 s, … 10 min.
std::chrono::seconds backoff(int failures);

// Something that the API server keeps refusing, or a foreign object in our place.
struct Refusal {
  std::string reason;  // NameConflict | ApplyRefused | ExpansionNotAllowed | GrowthRefused
  std::string message;
  std::string desired;  // hash of the body, or size, that was refused; another is tried at once
  int failures = 0;
  TimePoint retry_at{};
};

// The server stores a body other than it was sent (defaulting inside of our fields): the pair is
// in step although the hashes differ.
struct Settled {
  std::string desired, owned;
  bool whole = true;  // false: only its owner and labels were put back
};

struct JobFailures {
  int count = 0;
  std::string uid;      // of the failed Job counted last
  std::string message;  // Job, and what its pod said
  TimePoint retry_at{};
};

// N-credentials as last read.
struct SecretContent {
  std::string uid, resource_version;
  desired::Credentials values;
  std::vector<std::string> foreign_keys;  // somebody else wrote them since we did
};

struct Progress {
  std::string token;  // what counts as progress; empty: not looked yet
  TimePoint since{};
};

// How often something happened that is one event for people.
struct ToldEvent {
  int count = 0, written = 0;  // so often it happened, so often says the event
  TimePoint written_at{};
  std::string uid = {};  // empty: an earlier process has told it, and nobody counts
};

struct Memory {
  std::string uid;                         // of the EntityService that all this is about
  TimePoint since{};                       // its first pass
  std::optional<std::size_t> fingerprint;  // of the last finished pass
  std::optional<TimePoint> due;            // … after which it must be run again nevertheless
  std::map<k8s::ObjectKey, Settled> settled;
  std::map<k8s::ObjectKey, Refusal> refusals;
  std::map<std::pair<k8s::ObjectKey, Intent>, Contest> contests;  // of what was written lately
  bool came_up = false;                                           // has been Ready once
  std::optional<SecretContent> credentials;
  std::map<std::string, JobFailures> jobs;  // by name
  Progress progress;
  std::optional<TimePoint> namespace_ending;  // a write was refused for that
  std::optional<TimePoint> faulty_since;      // passes have met faults without a break
  std::optional<TimePoint> status_written;
  int small_status_writes = 0;              // since the last that changed a condition
  k8s::Json status_refused = nullptr;       // sent, and stored otherwise
  std::map<std::string, ToldEvent> events;  // by name

  void wake_at(TimePoint time) { due = due ? std::min(*due, time) : time; }

  // Nothing tells us when a foreign object goes away, a quota grows or a class allows more, so
  // what was refused is tried now and then. The refusal that still counts, or nullptr; the pass is
  // due again when it no longer does.
  const Refusal* refused(const k8s::ObjectKey& key, const std::string& desired, TimePoint now);
  // Whether `desired` must not be written now, because somebody fights for the object; the pass is
  // due again when it may.
  bool put_off(const k8s::ObjectKey& key, Intent intent, const std::string& desired, TimePoint now);
  // The resource is Ready: what was made once on the way there is no contest, and it is much.
  void note_ready();
  void refuse(const k8s::ObjectKey& key, const std::string& desired, const std::string& reason,
              const std::string& message, TimePoint now);
};

}  // namespace reconcilers
