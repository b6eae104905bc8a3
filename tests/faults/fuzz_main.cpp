// faults_fuzz [--seconds N] [--seed N]: random runs from a seed on, until the time is over or one
// fails; then its shrunk script is printed with the arguments that replay it.
// faults_fuzz --scenario NAME --script TEXT [--election] [--world N]: one run, and what came of it.
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <iostream>
#include <map>
#include <random>
#include <stdexcept>
#include <string>

#include "tests/faults/random_run.h"

namespace {

using faults::RandomRun;

std::map<std::string, std::string> parse(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--election") {
      options[name] = "yes";
    } else if (name.starts_with("--") && i + 1 < argc) {
      options[name] = argv[++i];
    } else {
      throw std::invalid_argument("not understood: " + name);
    }
  }
  return options;
}

int one_run(std::map<std::string, std::string>& options) {
  const bool election = options.contains("--election");
  const auto world = options.contains("--world") ? std::stoul(options["--world"]) : 1;
  const auto troubles = faults::judge(faults::scenario_named(options["--scenario"]),
                                      faults::parse_script(options["--script"]),
                                      {election ? 2 : 1, election, static_cast<unsigned>(world)});
  for (const std::string& it : troubles) std::cout << it << "\n";
  std::cout << (troubles.empty() ? "as without the script\n" : "");
  return troubles.empty() ? 0 : 1;
}

int search(unsigned seed, std::chrono::seconds time) {
  const auto end = std::chrono::steady_clock::now() + time;
  int runs = 0;
  for (; std::chrono::steady_clock::now() < end; ++seed, ++runs) {
    RandomRun run = faults::random_run(seed);
    if (faults::judge(*run.scenario, run.script, run.setup).empty()) continue;
    std::cout << "FOUND by seed " << seed << ": " << replay(run) << std::endl;
    run.script = faults::shrink(run);
    std::cout << "smallest: faults_fuzz " << replay(run) << "\n";
    for (const std::string& it : faults::judge(*run.scenario, run.script, run.setup))
      std::cout << "  " << it << "\n";
    return 1;
  }
  std::cout << "nothing found in " << runs << " runs, the last of seed " << seed - 1 << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    spdlog::set_level(spdlog::level::off);
    auto options = parse(argc, argv);
    if (options.contains("--script")) return one_run(options);
    const auto seed =
        options.contains("--seed") ? std::stoul(options["--seed"]) : std::random_device{}();
    const auto time = options.contains("--seconds") ? std::stol(options["--seconds"]) : 60;
    return search(static_cast<unsigned>(seed), std::chrono::seconds(time));
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 2;
  }
}
