// One operator: the real engine on transports that lead into the API server in memory, stepped by
// the world that owns it. A crash is an exception that no code of the operator's can survive:
// nothing that this process tries afterwards reaches the server.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "operator/engine.h"
#include "tests/faults/api_server.h"

namespace faults {

using Time = k8s::Clock::time_point;

class World;

// Thrown out of a request in place of the process' end.
struct Crash {};

class Process {
 public:
  Process(World& world, std::string identity, bool election);
  ~Process();

  // Everything that is due. Within a pass of this process: what its other threads do meanwhile.
  void step();
  Time next_due() const;  // Time::max(): nothing but what the server does
  bool has_ended() const { return ended_; }
  void end() { ended_ = true; }
  void freeze(bool frozen) { frozen_ = frozen; }  // as SIGSTOP
  bool has_plans() const;                         // a pass or a watch waits for its time
  const std::string& identity() const { return identity_; }

 private:
  class Link;

  World& world_;
  const std::string identity_;
  const bool election_;
  void step_threads();
  void step_passes();

  bool ended_ = false, frozen_ = false, working_ = false;
  bool in_threads_ = false, in_pass_ = false;
  int passwords_ = 0;
  std::unique_ptr<Link> watch_link_, pass_link_, lease_link_;
  std::unique_ptr<op::Engine> engine_;
  Time election_due_;
  std::vector<Time> watch_due_;
};

}  // namespace faults
