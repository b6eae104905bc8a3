// A run that is drawn from a seed, and what is left of its script when all that is not needed for
// its failure is taken out.
#pragma once

#include <string>
#include <vector>

#include "tests/faults/scenario.h"

namespace faults {

struct RandomRun {
  const Scenario* scenario;
  Script script;
  WorldOptions setup;
};

RandomRun random_run(unsigned seed);
// The smallest script found that still fails.
Script shrink(const RandomRun& failing);
// The arguments that replay it.
std::string replay(const RandomRun& run);

}  // namespace faults
