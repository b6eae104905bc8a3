// The Lease object of the leader election as a value, and what to do about it, as a pure function.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "k8s-client/clock.h"
#include "k8s-client/json.h"
#include "k8s-client/resource.h"

namespace op {

const k8s::Resource& leases();

struct Lease {
  std::string holder = {};
  std::int64_t duration_seconds = 0;
  std::int64_t transitions = 0;
  std::string acquire_time = {}, renew_time = {};  // as written; other clocks are never compared
  std::string resource_version = {};

  bool operator==(const Lease&) const = default;
};

// A lease and when this process, by its own clock, first saw it in this state.
struct ObservedLease {
  Lease lease;
  k8s::Clock::time_point since;
};

enum class LeaseDecision {
  Create,  // there is none
  Take,    // given up, or its holder has let it expire
  Renew,   // it is ours
  Wait,    // somebody else may hold it
};

LeaseDecision decide(const std::optional<ObservedLease>& observed, const std::string& identity,
                     k8s::Clock::time_point now);

Lease parse_lease(const k8s::Json& object);  // absent or foreign fields read as empty
k8s::Json lease_object(const Lease& lease, const std::string& ns, const std::string& name);

// MicroTime as the API server writes it: 2026-01-31T23:59:59.000001Z.
std::string micro_time(std::chrono::system_clock::time_point time);

}  // namespace op
