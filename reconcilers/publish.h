// Writes status and events, only when their meaning changed, and not for every replica that becomes
// ready on the way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "k8s-client/client.h"
#include "k8s-client/store.h"
#include "reconcilers/assess.h"
#include "reconcilers/events.h"

namespace reconcilers {

// How much a new status says that the published one does not.
enum class Change {
  None,
  Small,       // counts, messages
  Step,        // another condition, the number of workers, the migration
  Generation,  // observedGeneration, which people and tools wait for
  Flip         // Ready, Stalled
};
Change compare_status(const k8s::Json& before, const k8s::Json& after);

// When a change may be written at the earliest. Pure. `others_wait`: see Options.
TimePoint write_time(Change change, bool reconciling, const Memory& memory, bool others_wait,
                     TimePoint now);

struct Publisher {
  const k8s::Client& client;
  k8s::Store& store;
  const Observed& observed;
  Memory& memory;
  TimePoint now;
  std::chrono::system_clock::time_point wall_now;
  const std::string& identity;
  bool others_wait;

  // `fields`: the status without conditions.
  void publish(k8s::Json fields, const Assessment& assessment) const;

 private:
  void write(const k8s::Json& status, Change change) const;
};

std::string rfc3339(std::chrono::system_clock::time_point time);
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(const std::string& text);

}  // namespace reconcilers
