// Carries a plan out: server-side apply in order under guards, and learns from what the API server
// answers. One object's refusal does not stop what is independent of it.
#pragma once

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
};

class Applier {
 public:
  Applier(const k8s::Client& client, k8s::Store& store, const Observed& observed, Memory& memory,
          Faults& faults, TimePoint now)
      : client_(client),
        store_(store),
        observed_(observed),
        memory_(memory),
        faults_(faults),
        now_(now) {}

  // Throws what concerns the API server as a whole, as `Faults` does.
  Applied carry_out(const Plan& plan);
  // What `carry_out` would do, as `pending`; makes no request.
  static Applied pause(const Plan& plan);

 private:
  void try_to_write(const Planned& planned);
  void write(const Planned& planned);
  void create(const Planned& planned);
  void update(const Planned& planned, const std::string& uid);
  void scale(const Planned& planned);
  void take_back(const Planned& planned, const std::string& uid);
  void resolve_conflict(const Planned& planned);
  void learn(const Planned& planned, k8s::Json answer);
  void fail(const Planned& planned);
  void refuse(const Planned& planned, const std::string& reason, const std::string& message);
  bool refused_before(const Planned& planned);
  void note_refusal(const Planned& planned, const std::string& reason, const std::string& message);

  const k8s::Client& client_;
  k8s::Store& store_;
  const Observed& observed_;
  Memory& memory_;
  Faults& faults_;
  const TimePoint now_;
  Applied applied_;
  Unusable unusable_;
};

}  // namespace reconcilers
