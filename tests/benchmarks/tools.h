// The parts of the benchmark that must cost little themselves, as functions: one for each
// subcommand of bench_tool. Each reads a kubeconfig, tells what happens in lines (lines.h) and
// returns when it is done, or when standard input ends.
#pragma once

#include <string>

#include "k8s-client/transport.h"

namespace bench {

struct MakeOptions {
  std::string template_file;  // a resource as JSON with `{name}`
  std::string path;           // of the collection
  std::string prefix = "r-";
  int first = 0, count = 1, parallel = 8;
};
// Creates resources: prefix and a number of four digits are their names.
void make(k8s::Transport& transport, const MakeOptions& options);

struct PlayOptions {
  std::string ns;
  std::string label = "entityservice.io/resource";
  int delay_ms = 0;  // before a workload is said to be ready
  bool with_pods = false;
  int parallel = 4;
};
// Plays the controllers of a namespace and tells what it sees: the first sight of each child, and
// when a workload is ready.
void play(k8s::Transport& transport, const PlayOptions& options);

struct FloorOptions {
  std::string ns;
  std::string plan_file;        // what to send, in waves; written by the harness
  std::string collection_path;  // of the resources
  std::string label = "entityservice.io/resource";
  int parallel = 8;
};
// Sends the children of each resource that comes, in waves, and nothing else.
void send_floor(k8s::Transport& transport, const FloorOptions& options);

struct DrainOptions {
  std::string requests_file;  // [[path, accept, label selector], …]
};
// Streams lists into nothing, all at once.
void drain(k8s::Transport& transport, const DrainOptions& options);

// Until the harness closes standard input.
void wait_for_end();
k8s::Response sent(k8s::Transport& transport, const k8s::Request& request);

}  // namespace bench
