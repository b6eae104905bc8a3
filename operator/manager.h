// Owns every part of a running operator and all of its threads: HTTP endpoints, one thread a watch,
// the leader election, the workers. Everything else in the repository is a value, a function or a
// step that somebody here calls.
//
// Start: endpoints, watches (a standby keeps its cache warm), leadership; workers once the lease is
// held and every watch has synced. Stop: no new pass, running ones end (their requests are cut
// after a moment), the lease is given up, watches and endpoints end; under five seconds in all.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "k8s-client/rest_transport.h"
#include "k8s-client/transport.h"
#include "operator/options.h"

namespace op {

// What the Manager takes from outside, so that tests can stand in for the API server.
struct Environment {
  // Called once each for watches, passes and the lease: closing one must not cut the others.
  std::function<std::unique_ptr<k8s::Transport>(k8s::RestObserver*)> transport;
  std::string api_server = {};  // host and port
  std::string lease_namespace;
  std::string identity;                            // unique for each process
  std::chrono::milliseconds finish_passes{2'500};  // before their requests are cut
  std::chrono::milliseconds stop_deadline{4'800};  // then the process ends as it is
};

// Reads kubeconfigs or in-cluster files, and waits for an exec plugin; throws k8s::Error when they
// are wrong or it fails.
Environment make_environment(const RunOptions& options);

class Manager {
 public:
  // Binds the endpoints; throws std::runtime_error when they can not be bound.
  Manager(const RunOptions& options, Environment environment);
  ~Manager();

  // Runs until a stop signal (0), a fault (1) or a lost lease (3); returns the exit code.
  int run();
  void request_stop();  // as SIGTERM; from any thread

  std::uint16_t metrics_port() const;  // 0: switched off
  std::uint16_t health_port() const;

 private:
  class Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace op
