// A cluster in memory and the operators that run in it, on one clock and in one thread: the API
// server, what kube-controller-manager and kubelets do, and a script of what goes wrong. The same
// seed and script give the same run, to the last request.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/faults/api_server.h"
#include "tests/faults/process.h"
#include "tests/faults/script.h"
#include "tests/faults/workloads.h"

namespace faults {

struct Exchange {  // one request of a pass
  std::string method, path;
  int status;  // 0: there was no answer
  Time time;
  bool is_write() const { return method != "GET"; }
  bool is_change() const {  // of an object that is not its status and no Event
    return is_write() && !path.ends_with("/status") && !path.ends_with("/events");
  }
  std::string text() const { return method + " " + path + " " + std::to_string(status); }
};

struct WorldOptions {
  int processes = 1;
  bool election = false;
  unsigned seed = 1;  // of jitter, and of how late garbage is collected
};

struct DoesNotSettle : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class World {
 public:
  static constexpr const char* kNamespace = "lab";
  static constexpr const char* kLeaseNamespace = "entityservice-system";

  // `past`: what the cluster holds already.
  explicit World(WorldOptions options, const ServerState& past = {});
  ~World();

  void play(const Script& script) {  // its requests count from the next one
    script_ = script;
    requests_ = 0;
  }

  // Until nobody has anything to do any more; throws DoesNotSettle.
  void settle();
  void restart();  // all processes end, others take their place

  // The n-th request of a pass, with what the script does to it.
  k8s::Response exchange(Process& process, const k8s::Request& request);
  // Requests of watches and elections.
  k8s::Response serve(const k8s::Request& request);
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request, std::chrono::milliseconds idle);
  // Somebody waits; all others go on, and so do the other threads of his process.
  void pass_time(std::chrono::milliseconds time);

  Time now() const { return now_; }
  unsigned jitter() { return static_cast<unsigned>(random_()); }
  const std::vector<Exchange>& exchanges() const { return exchanges_; }
  std::vector<std::string> writes_since(std::size_t exchange) const;
  // Writes of processes that did not hold the lease when they sent them.
  const std::vector<std::string>& unfenced() const { return unfenced_; }

 private:
  struct Due {
    Time time;
    std::function<void()> act;
  };

  void tick();
  void step_cluster();
  void stand_still(Process& process, std::chrono::seconds time);
  void advance(Time limit);
  Time next_due() const;
  bool at_rest() const;
  void replace_ended();
  std::unique_ptr<Process> make_process();
  k8s::Response carry_out(Process& process, const k8s::Request& request, const Fault& fault);
  void strike_watches(const Fault& fault);
  void steal_lease();
  bool leads(const Process& process) const;
  void later(std::chrono::seconds delay, std::function<void()> act);

  const WorldOptions options_;
  std::mt19937 random_;
  Time now_{std::chrono::hours(1)};
  Script script_;
  int requests_ = 0, identities_ = 0;
  std::vector<Exchange> exchanges_;
  std::vector<std::string> unfenced_;
  std::vector<Due> due_;
  Time garbage_due_ = now_;
  std::size_t cluster_saw_ = 0;  // of the log
  bool garbage_unseen_ = true;
  int watch_refusal_ = 0, lease_refusal_ = 0, change_refusal_ = 0;  // status codes

 public:
  ApiServer server;
  Workloads workloads{server};

 private:
  std::vector<std::unique_ptr<Process>> processes_;  // use the server
};

}  // namespace faults
