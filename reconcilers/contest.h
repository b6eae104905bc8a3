// A fight over one object: somebody changes or removes it each time that it was put right. The
// first repairs follow at once. Later ones come ever more rarely, so that two who both mean well
// neither roll pods nor load the API server without end. Pure; the state is in Memory.
#pragma once

#include <chrono>
#include <string>

#include "k8s-client/clock.h"
#include "k8s-client/json.h"

namespace reconcilers {

// So many are a person who tries something; after that it is told, and slowed down.
inline constexpr int kRepairsAtOnce = 5;
inline constexpr std::chrono::minutes kLongestPause{5};
// Reason of FieldConflict that tells a fight.
inline constexpr const char* kContested = "Contested";
// Left alone for so long after a repair, the object is no longer fought for.
inline constexpr std::chrono::minutes kPeace{10};

// What of an object is written: what the plan asks for, or whether it goes with the resource.
enum class Intent { Body, Retention };

// The writes of one object that asked for the same, in a row.
struct Contest {
  std::string desired = {};  // hash of the body; another one is a change of the resource's own
  int repairs = 0;           // the first write is none
  k8s::Clock::time_point last{};
  bool fight = false;      // one of them had to wait
  std::string rival = {};  // the field manager that wrote last before that; empty: not known yet
};

// `desired` was written.
void note_write(Contest& contest, const std::string& desired, k8s::Clock::time_point now);
// When `desired` may be written again.
k8s::Clock::time_point repair_time(const Contest& contest, const std::string& desired);
bool is_over(const Contest& contest, k8s::Clock::time_point now);

// Which field manager but `ours` wrote the object last, its status left aside; "" when nobody did.
std::string last_writer(const k8s::Json& live, const std::string& ours);

}  // namespace reconcilers
