// The parts of the operator's benchmark that must cost little themselves; tests/benchmarks/*.py
// runs them.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "k8s-client/config.h"
#include "k8s-client/rest_transport.h"
#include "tests/benchmarks/tools.h"

int main(int argc, char** argv) {
  CLI::App app("Parts of the operator's benchmark");
  app.require_subcommand(1);
  std::string kubeconfig;
  app.add_option("--kubeconfig", kubeconfig)->required();

  bench::MakeOptions making;
  CLI::App* const make = app.add_subcommand("make", "Create resources");
  make->add_option("--template", making.template_file)->required();
  make->add_option("--path", making.path)->required();
  make->add_option("--prefix", making.prefix);
  make->add_option("--first", making.first);
  make->add_option("--count", making.count);
  make->add_option("--parallel", making.parallel);

  bench::PlayOptions playing;
  CLI::App* const play = app.add_subcommand("play", "Play the controllers of a namespace");
  play->add_option("--namespace", playing.ns)->required();
  play->add_option("--label", playing.label);
  play->add_option("--delay-ms", playing.delay_ms);
  play->add_option("--parallel", playing.parallel);
  play->add_flag("--pods", playing.with_pods);

  bench::FloorOptions flooring;
  CLI::App* const floor = app.add_subcommand("floor", "Send children as a bare client");
  floor->add_option("--namespace", flooring.ns)->required();
  floor->add_option("--plan", flooring.plan_file)->required();
  floor->add_option("--path", flooring.collection_path)->required();
  floor->add_option("--label", flooring.label);
  floor->add_option("--parallel", flooring.parallel);

  bench::DrainOptions draining;
  CLI::App* const drain = app.add_subcommand("drain", "Stream lists into nothing");
  drain->add_option("--requests", draining.requests_file)->required();

  CLI11_PARSE(app, argc, argv);
  try {
    const auto transport = k8s::make_rest_transport(k8s::load_config(kubeconfig, ""));
    if (*make) bench::make(*transport, making);
    if (*play) bench::play(*transport, playing);
    if (*floor) bench::send_floor(*transport, flooring);
    if (*drain) bench::drain(*transport, draining);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
  return 0;
}
