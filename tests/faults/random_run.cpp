#include "tests/faults/random_run.h"

namespace faults {

RandomRun random_run(unsigned seed) {
  std::mt19937 random(seed);
  const Scenario& scenario = scenarios()[random() % scenarios().size()];
  const bool election = random() % 3 == 0;
  const WorldOptions setup{election ? 2 : 1, election, seed};
  return {&scenario, random_script(random, undisturbed(scenario).requests, 5, election), setup};
}

Script shrink(const RandomRun& failing) {
  Script script = failing.script;
  const auto fails = [&](const Script& tried) {
    return !judge(*failing.scenario, tried, failing.setup).empty();
  };
  for (std::size_t i = 0; i < script.size();) {
    Script less = script;
    less.erase(less.begin() + static_cast<std::ptrdiff_t>(i));
    if (!less.empty() && fails(less))
      script = less;
    else
      ++i;
  }
  for (Fault& fault : script) {
    while (fault.value > 1) {
      const int was = fault.value;
      if (is_refusal(fault.blow)) break;
      fault.value /= 2;
      if (fails(script)) continue;
      fault.value = was;
      break;
    }
  }
  return script;
}

std::string replay(const RandomRun& run) {
  return "--scenario " + run.scenario->name + " --script '" + text(run.script) + "'" +
         (run.setup.election ? " --election" : "") + " --world " + std::to_string(run.setup.seed);
}

}  // namespace faults
