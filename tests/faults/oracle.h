// What a run has come to, as a value that two runs can be compared by: what there is in the end,
// and what happened on the way that somebody would have noticed. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/faults/storage.h"

namespace faults {

struct Outcome {
  // "Deployment demo-api" → all that it says, but for versions and times; pods and events left out
  std::map<std::string, Json> objects;
  std::map<std::string, int> templates;  // workload → pod templates it has had: ReplicaSets
  std::map<std::string, int> jobs;       // name → how often it was made
  std::set<std::string> lost;            // objects that hold data and were deleted, with their uid
  int status_writes = 0;
  std::vector<std::string> too_early;  // what came before what it needs
  std::vector<std::string> in_vain;    // Jobs that were made though their success was recorded
};

Outcome outcome_of(const Storage& storage);

// One line for each thing that is not as it was to be; empty: they are the same.
std::vector<std::string> differences(const Outcome& expected, const Outcome& actual);

}  // namespace faults
