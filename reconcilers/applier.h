// Carries a plan out: server-side apply under guards, first what pods need and then what runs pods,
// each side by side; and learns from what the API server answers, in the plan's order. One object's
// refusal does not stop what is independent of it.
#pragma once

#include <cstddef>
#include <exception>
#include <set>
#include <string>
#include <vector>

#include "k8s-client/client.h"
#include "k8s-client/store.h"
#include "reconcilers/faults.h"
#include "reconcilers/memory.h"
#include "reconcilers/observe.h"
#include "reconcilers/plan.h"

namespace reconcilers {

// What a plan has come to: only this is assessed, never a plan.
struct Applied {
  std::vector<Held> held;
  std::vector<Issue> issues;  // keep the resource from going on until somebody acts
  std::vector<std::string> edited;
  std::vector<std::string> pending;  // would be written, were the resource not paused
  std::set<std::string> refused;     // objects that are not as this generation asks
  bool waiting = false;              // the cache is behind, or a predecessor is being collected
  bool namespace_ending = false;     // nothing can be made here any more
  std::vector<Issue> faults = {};    // of the API server; may go away by themselves
  std::vector<std::string> contested = {};  // somebody fights for them, and who
  std::vector<std::string> altered = {};    // stored otherwise than they were sent
  bool wrote = false;                       // more than numbers of replicas
};

class Applier {
 public:
  // `at_once`: how many requests are under way together at most.
  Applier(const k8s::Client& client, k8s::Store& store, const Observed& observed, Memory& memory,
          Faults& faults, TimePoint now, std::size_t at_once)
      : client_(client),
        store_(store),
        observed_(observed),
        memory_(memory),
        faults_(faults),
        now_(now),
        at_once_(at_once) {}

  // Throws what concerns the API server as a whole, as `Faults` does, once it has learnt from all
  // answers.
  Applied carry_out(const Plan& plan);
  // What `carry_out` would do, as `pending`; makes no request.
  static Applied pause(const Plan& plan);

 private:
  // What became of one write; neither answer nor error: it was not sent.
  struct Outcome {
    k8s::Json answer = nullptr;
    std::exception_ptr error = nullptr;
  };

  void carry_out(const std::vector<const Planned*>& stage);
  bool may_be_sent(const Planned& planned);
  // Called by several threads at once: these change nothing but the cluster.
  Outcome send(const Planned& planned) const;
  k8s::Json write(const Planned& planned) const;
  k8s::Json create(const desired::Object& object) const;

  void settle(const Planned& planned, Outcome outcome);
  void settle_error(const Planned& planned, const std::exception_ptr& error);
  void resolve_conflict(const Planned& planned);
  void learn(const Planned& planned, k8s::Json answer);
  void fail(const Planned& planned);
  bool put_off(const Planned& planned);
  void refuse(const Planned& planned, const std::string& reason, const std::string& message);
  bool refused_before(const Planned& planned);
  void note_refusal(const Planned& planned, const std::string& reason, const std::string& message);

  const k8s::Client& client_;
  k8s::Store& store_;
  const Observed& observed_;
  Memory& memory_;
  Faults& faults_;
  const TimePoint now_;
  const std::size_t at_once_;
  Applied applied_;
  Unusable unusable_;
};

}  // namespace reconcilers
