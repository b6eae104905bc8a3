// Events (events.k8s.io/v1) for what a person would want to be told: Ready, not ready any more,
// stalled, an update that waits, a failed migration, a fight over an object. Names are
// deterministic: what happens again within an hour is counted in the series of the event that is
// there, which is written ever more rarely.
#pragma once

#include <chrono>
#include <string>

#include "k8s-client/client.h"
#include "reconcilers/memory.h"
#include "reconcilers/observe.h"

namespace reconcilers {

struct Events {
  const k8s::Client& client;
  const Observed& observed;
  Memory& memory;
  TimePoint now;
  std::chrono::system_clock::time_point wall_now;
  const std::string& identity;

  // One event for each condition of interest that has turned from `before` to `after`. Never
  // throws for what the API server does: an event that is lost costs nothing.
  void tell(const k8s::Json& before, const k8s::Json& after) const;

 private:
  void post(const std::string& type, const std::string& reason, const std::string& note) const;
  // The uid of the event, empty where that is not known.
  std::string create(const std::string& name, const std::string& type, const std::string& reason,
                     const std::string& note) const;
  bool count(const std::string& name, const ToldEvent& told) const;  // false: the event is gone
};

}  // namespace reconcilers
