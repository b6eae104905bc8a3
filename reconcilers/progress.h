// Has the resource stood still for longer than its deadline? The answer survives a restart through
// the conditions that were published.
#pragma once

#include <chrono>
#include <string>

#include "k8s-client/json.h"
#include "reconcilers/memory.h"

namespace reconcilers {

// Notes `token`; a new one is progress. After a restart the time is taken from the published
// conditions of this generation.
void note_progress(Progress& progress, const std::string& token, const k8s::Json& old_status,
                   std::int64_t generation, std::chrono::seconds deadline, TimePoint now,
                   std::chrono::system_clock::time_point wall_now);

}  // namespace reconcilers
