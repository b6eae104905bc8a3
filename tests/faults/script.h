// What goes wrong in a run, as a value with a text form: "crash-after@17 refuse:503@23". A blow
// falls at the n-th request that passes make, counted from 1 over all processes of the run.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace faults {

enum class Blow {
  CrashBefore,     // the process ends instead of sending it
  CrashAfter,      // … when it was carried out, before the answer is read
  Refuse,          // it is answered with the status `value` and not carried out
  RefuseChanges,   // for ten seconds this is what writes are answered, but for statuses and Events
  LoseConnection,  // it was not sent
  LoseAnswer,      // it was carried out, no answer comes
  CutAnswer,       // … the answer breaks off
  Hang,            // not carried out; its deadline passes
  HangAfter,       // carried out; its deadline passes
  Slow,            // carried out; the answer takes `value` seconds, all else goes on meanwhile
  Freeze,          // when it was answered the process stands still for `value` seconds
  FreezeInFlight,  // the fence has let it through, then the process stands still for so long
  StealLease,      // somebody writes himself into the lease
  BreakWatches,    // all connections of watches break off
  ExpireWatches,   // … and what they resume from has expired, told as an event
  ExpireByAnswer,  // … told as an answer
  DelayWatches,    // those that the bits of `value` name stay silent for ten seconds
  LagWatches,      // for ten seconds every cache is `value` revisions behind
  RewindWatches,   // they break off and resume `value` revisions too early
  MuteWatches,     // those that the bits of `value` name never say anything again
  RefuseWatches,   // for ten seconds lists and watches are answered with the status `value`
  RefuseLease,     // … requests for the lease
};

struct Fault {
  Blow blow;
  int at;
  int value = 0;
  bool operator==(const Fault&) const = default;
};
using Script = std::vector<Fault>;

bool needs_election(Blow blow);
bool is_refusal(Blow blow);  // `value` is a status

std::string text(const Script& script);
Script parse_script(const std::string& text);  // throws std::invalid_argument

// Up to `most` faults at the first `requests` requests.
Script random_script(std::mt19937& random, int requests, int most, bool election);

}  // namespace faults
