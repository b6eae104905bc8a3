// Which gates are open: what must be true before an object may be made or its template changed.
// Pure: from the cache alone, the same answer after a restart.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "crds/resolved.h"
#include "reconcilers/desired/desired.h"
#include "reconcilers/observe.h"

namespace reconcilers {

using Gates = std::set<desired::Gate>;

// What the builders need to know of the live cluster, apart from the credentials.
desired::Facts learn(const crds::Resolved& resolved, const Observed& observed,
                     std::optional<desired::Credentials> credentials);

Gates open_gates(const crds::Resolved& resolved, const desired::Facts& facts,
                 const Observed& observed, const desired::Objects& desired);

// Of `object`, those that are shut.
std::vector<desired::Gate> shut_gates(const desired::Object& object, const Gates& open);

// "demo-migrate-1a2b3c4d" → "1a2b3c4d"
std::string job_hash(const std::string& job_name);
// The Job of `component` among the desired objects, or nullptr.
const desired::Object* job_of(const desired::Objects& desired, const std::string& component);
// Its success is on record in the published status, so that a removed Job is not run again.
bool recorded_as_done(const Observed& observed, const desired::Object& job);

}  // namespace reconcilers
