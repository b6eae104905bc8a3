#include "tests/faults/world.h"

#include <algorithm>
#include <utility>

#include "k8s-client/errors.h"
#include "tests/faults/garbage.h"

namespace faults {
namespace {

using namespace std::chrono_literals;
using k8s::Request;
using k8s::Response;
using k8s::TransportError;
using Stage = TransportError::Stage;

constexpr auto kTick = 10ms;        // what everything that happens takes
constexpr auto kCollectorLag = 3s;  // at most, between two looks of the garbage collector
constexpr auto kQuiet = 20s;        // longer than a lease
constexpr auto kPatience = 6h;      // for a run to settle
constexpr auto kTrouble = 10s;

Json object(const std::string& api, const std::string& kind, const std::string& name,
            const Json& more = Json::object()) {
  Json body = {{"apiVersion", api}, {"kind", kind}, {"metadata", {{"name", name}}}};
  body.update(more);
  return body;
}

}  // namespace

World::World(WorldOptions options, const ServerState& past)
    : options_(options), random_(options.seed), server([this] { return now_; }, past) {
  if (server.storage().objects().empty()) {
    for (const char* ns : {kNamespace, kLeaseNamespace})
      server.create_as("setup", object("v1", "Namespace", ns));
    server.create_as("setup", object("storage.k8s.io/v1", "StorageClass", "standard",
                                     {{"allowVolumeExpansion", true}}));
  }
  for (int i = 0; i < options.processes; ++i) processes_.push_back(make_process());
}

World::~World() = default;

std::unique_ptr<Process> World::make_process() {
  return std::make_unique<Process>(*this, "process-" + std::to_string(++identities_),
                                   options_.election);
}

void World::restart() {
  for (auto& process : processes_) process->end();
  replace_ended();
}

void World::replace_ended() {
  for (auto& process : processes_)
    if (process->has_ended()) {
      process.reset();  // before the next one begins, as a pod's container
      process = make_process();
    }
}

void World::later(std::chrono::seconds delay, std::function<void()> act) {
  due_.push_back({now_ + delay, std::move(act)});
}

void World::tick() {
  for (auto& process : processes_) process->step();
  step_cluster();
  for (std::size_t i = 0; i < due_.size();) {
    if (due_[i].time > now_) {
      ++i;
      continue;
    }
    const auto act = std::move(due_[i].act);
    due_.erase(due_.begin() + static_cast<std::ptrdiff_t>(i));
    act();
  }
}

void World::step_cluster() {
  const auto& log = server.storage().log();
  bool changed = false;
  for (; cluster_saw_ < log.size(); ++cluster_saw_) {
    const std::string& kind = log[cluster_saw_].key.kind;
    changed |= kind != "Lease" && kind != "Event";
  }
  if (changed) workloads.step();
  garbage_unseen_ |= changed;
  if (!garbage_unseen_ || now_ < garbage_due_) return;
  garbage_unseen_ = collect_garbage(server);
  garbage_due_ = now_ + std::chrono::milliseconds(random_() % (kCollectorLag / 1ms));
}

Time World::next_due() const {
  Time next = Time::max();
  for (const auto& process : processes_)
    if (!process->has_ended()) next = std::min(next, process->next_due());
  for (const Due& due : due_) next = std::min(next, due.time);
  for (const auto& watch : server.watches()) {
    const Time least = std::min(watch->ends, watch->next_bookmark);
    const Time dead = watch->last_line + watch->idle + 1ms;
    next = std::min(next, std::min(dead, std::max(least, watch->silent_until)));
  }
  return next;
}

// To the next moment at which something can happen, but for the collector's looks.
void World::advance(Time limit) { now_ = std::max(now_ + kTick, std::min(next_due(), limit)); }

void World::pass_time(std::chrono::milliseconds time) {
  for (const Time end = now_ + time; now_ < end;) {
    const std::uint64_t before = server.activity();
    tick();
    if (server.activity() != before)
      now_ += kTick;
    else
      advance(std::min<Time>(end, now_ + kCollectorLag));
  }
}

void World::stand_still(Process& process, std::chrono::seconds time) {
  process.freeze(true);
  pass_time(time);
  process.freeze(false);
}

bool World::at_rest() const {
  for (const auto& watch : server.watches())
    if (watch->silent_until > now_) return false;
  return due_.empty() && std::none_of(processes_.begin(), processes_.end(),
                                      [](const auto& it) { return it->has_plans(); });
}

void World::settle() {
  const Time begin = now_;
  Time quiet_since = now_;
  std::size_t seen = server.storage().log().size(), made = exchanges_.size();
  while (now_ - quiet_since < kQuiet || !at_rest()) {
    if (now_ - begin > kPatience) throw DoesNotSettle("does not come to rest");
    const std::uint64_t before = server.activity();
    tick();
    replace_ended();
    const auto& log = server.storage().log();
    bool changed = exchanges_.size() != made;
    for (; seen < log.size(); ++seen) changed |= log[seen].key.kind != "Lease";
    made = exchanges_.size();
    if (changed) quiet_since = now_;
    if (server.activity() != before)
      now_ += kTick;
    else
      advance(now_ + (now_ - quiet_since < kQuiet ? Time::duration(kCollectorLag) : kQuiet));
  }
}

std::vector<std::string> World::writes_since(std::size_t exchange) const {
  std::vector<std::string> writes;
  for (; exchange < exchanges_.size(); ++exchange)
    if (exchanges_[exchange].is_write()) writes.push_back(exchanges_[exchange].text());
  return writes;
}

Response World::exchange(Process& process, const Request& request) {
  ++requests_;
  Fault fault{Blow::Refuse, 0};
  for (const Fault& it : script_) {
    if (it.at != requests_) continue;
    strike_watches(it);
    fault = it;
  }
  exchanges_.push_back({request.method, request.path, 0, now_});
  if (exchanges_.back().is_write() && !leads(process))
    unfenced_.push_back(process.identity() + " wrote without the lease: " + request.method + " " +
                        request.path);
  const std::size_t mine = exchanges_.size() - 1;
  const Response answer = carry_out(process, request, fault);
  exchanges_[mine].status = answer.status;
  return answer;
}

Response World::serve(const Request& request) {
  const bool of_lease = request.path.find("/leases") != std::string::npos;
  const int code = of_lease ? lease_refusal_ : watch_refusal_;
  return code == 0 ? server.send(request) : refusal(code, "", "a blow of the script");
}

std::unique_ptr<k8s::Stream> World::open(const Request& request, std::chrono::milliseconds idle) {
  if (watch_refusal_ != 0) throw k8s::ApiError(watch_refusal_, "", "a blow of the script");
  return server.open(request, idle);
}

Response World::carry_out(Process& process, const Request& request, const Fault& fault) {
  const auto crash = [&process] {
    process.end();
    return Crash();
  };
  const auto send = [&] {
    const bool is_change = Exchange{request.method, request.path, 0, now_}.is_change();
    return is_change && change_refusal_ != 0 ? refusal(change_refusal_, "", "a blow of the script")
                                             : server.send(request);
  };
  if (fault.at == 0) return send();
  switch (fault.blow) {
    case Blow::CrashBefore:
      throw crash();
    case Blow::Refuse: {
      Response answer = refusal(fault.value, "", "a blow of the script");
      if (fault.value == 429 || fault.value == 503) answer.retry_after = 1s;
      return answer;
    }
    case Blow::LoseConnection:
      throw TransportError(Stage::Connect, "no connection");
    case Blow::Hang:
      pass_time(request.deadline);
      throw TransportError(Stage::Deadline, "no answer in time");
    case Blow::FreezeInFlight:
      stand_still(process, std::chrono::seconds(fault.value));
      break;
    default:
      break;
  }
  Response answer = send();
  switch (fault.blow) {
    case Blow::CrashAfter:
      throw crash();
    case Blow::LoseAnswer:
      throw TransportError(Stage::Answer, "no answer");
    case Blow::CutAnswer:
      throw TransportError(Stage::Body, "the answer broke off");
    case Blow::HangAfter:
      pass_time(request.deadline);
      throw TransportError(Stage::Deadline, "no answer in time");
    case Blow::Slow:
      pass_time(
          std::min<std::chrono::milliseconds>(request.deadline, std::chrono::seconds(fault.value)));
      break;
    case Blow::Freeze:
      stand_still(process, std::chrono::seconds(fault.value));
      break;
    case Blow::StealLease:
      steal_lease();
      break;
    default:
      break;
  }
  return answer;
}

void World::strike_watches(const Fault& fault) {
  const auto each = [this](auto&& act) {
    int nth = 0;
    for (const auto& watch : server.watches()) act(*watch, nth++);
  };
  const auto all_break = [&] { each([](WatchState& it, int) { it.broken = true; }); };
  const auto silence = [&](Time until) {
    each([&](WatchState& it, int nth) {
      if ((fault.value >> (nth % 13) & 1) != 0) it.silent_until = until;
    });
  };
  switch (fault.blow) {
    case Blow::BreakWatches:
      return all_break();
    case Blow::ExpireWatches:
      return each([](WatchState& it, int) { it.expired = true; });
    case Blow::ExpireByAnswer:
      server.expires_by_answer = true;
      server.compact();
      later(kTrouble, [this] { server.expires_by_answer = false; });
      return all_break();
    case Blow::DelayWatches:
      return silence(now_ + kTrouble);
    case Blow::MuteWatches:
      return silence(Time::max());
    case Blow::RefuseWatches:
      watch_refusal_ = fault.value;
      later(kTrouble, [this] { watch_refusal_ = 0; });
      return all_break();
    case Blow::RefuseChanges:
      change_refusal_ = fault.value;
      return later(kTrouble, [this] { change_refusal_ = 0; });
    case Blow::RefuseLease:
      lease_refusal_ = fault.value;
      return later(kTrouble, [this] { lease_refusal_ = 0; });
    case Blow::LagWatches:
      server.lag = fault.value;
      each([&](WatchState& it, int) { it.withheld = fault.value; });
      return later(kTrouble, [this] {
        server.lag = 0;
        for (const auto& it : server.watches()) it->withheld = 0;
      });
    case Blow::RewindWatches:
      server.rewind = fault.value;
      later(kTrouble, [this] { server.rewind = 0; });
      return all_break();
    default:
      return;
  }
}

// A thief is noticed by the next renewal only, and what the fence let through until then is
// guarded.
bool World::leads(const Process& process) const {
  if (!options_.election) return true;
  for (const ObjectKey& key : server.keys("Lease")) {
    const Json holder = server.find(key)->at("spec").value("holderIdentity", Json());
    return holder == process.identity() || holder == "thief";
  }
  return false;
}

void World::steal_lease() {
  const auto leases = server.keys("Lease");
  if (leases.empty()) return;
  server.edit_as({"thief"}, leases.front(), [](Json& lease) {
    lease["spec"]["holderIdentity"] = "thief";
    lease["spec"]["leaseDurationSeconds"] = 5;
  });
}

}  // namespace faults
