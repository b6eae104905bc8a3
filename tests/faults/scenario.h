// What a run is about: a resource that exists and is ready or not, and what people do to it, one
// act after the other, each when the one before has settled.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/faults/oracle.h"
#include "tests/faults/world.h"

namespace faults {

struct Scenario {
  std::string name;
  Json spec;                    // of EntityService demo, as created
  bool from_the_start = false;  // the creation, too, is under the script
  std::vector<std::function<void(World&)>> acts = {};
};

const std::vector<Scenario>& scenarios();
const Scenario& scenario_named(const std::string& name);  // throws std::out_of_range

// A run under a script: empty when it came to `expected`, and then to rest.
struct RunReport {
  Outcome outcome;
  int requests = 0;          // of passes, while the script was in force
  std::vector<int> writes;   // which of these were writes, counted from 1
  std::vector<int> changes;  // … of objects: no status, no Events
  Time last_change{};
  std::vector<std::string> refused;   // writes that the API server did not carry out
  std::vector<std::string> troubles;  // no rest, writes at rest
};
RunReport run(const Scenario& scenario, const Script& script, WorldOptions options);

// The same, and everything that differs from the undisturbed run; empty: nothing.
std::vector<std::string> judge(const Scenario& scenario, const Script& script,
                               WorldOptions options);

// The undisturbed run; made once for each.
const RunReport& undisturbed(const Scenario& scenario);

}  // namespace faults
