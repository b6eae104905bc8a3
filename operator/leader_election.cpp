#include "operator/leader_election.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "k8s-client/errors.h"

namespace op {
namespace {

constexpr const char* kFieldManager = "entityservice-operator-election";

}  // namespace

LeaderElector::LeaderElector(const k8s::Client& client, LeaseFence& fence, ElectionOptions options)
    : client_(client), fence_(fence), options_(std::move(options)) {}

std::chrono::milliseconds LeaderElector::step() {
  if (state_ == State::Lost) return options_.retry;
  try {
    if (look_first_) look();
    act();
  } catch (const k8s::Error& error) {
    // The outcome may be unknown: a write that seemed to fail can have been carried out.
    look_first_ = true;
    spdlog::warn("leader election: {}", error.what());
  }
  if (state_ == State::Standby) waited_ = true;
  if (state_ == State::Leader && options_.now() - renewed_ >= options_.renew_deadline) {
    lose("the lease could not be renewed for " + std::to_string(options_.renew_deadline.count()) +
         " s");
  }
  return options_.retry;
}

void LeaderElector::look() {
  const auto found = client_.find(leases(), options_.ns, options_.name);
  if (found) {
    observe(parse_lease(*found));
  } else {
    observed_.reset();
  }
  // A standby reads the lease each time, a leader knows it from the answers to its own writes.
  look_first_ = state_ != State::Leader;
}

void LeaderElector::observe(Lease lease) {
  if (observed_ && observed_->lease == lease) return;
  observed_ = ObservedLease{std::move(lease), options_.now()};
}

void LeaderElector::act() {
  const LeaseDecision decision = decide(observed_, options_.identity, options_.now());
  if (state_ == State::Leader && decision != LeaseDecision::Renew) {
    lose(observed_ ? "'" + observed_->lease.holder + "' holds it" : "it was deleted");
    return;
  }
  if (decision == LeaseDecision::Wait) return;
  Lease next = observed_ ? observed_->lease : Lease{};
  const std::string wall_time = micro_time(options_.wall_clock());
  if (decision == LeaseDecision::Take) ++next.transitions;
  if (decision != LeaseDecision::Renew) next.acquire_time = wall_time;
  next.holder = options_.identity;
  next.duration_seconds = options_.duration.count();
  next.renew_time = wall_time;
  write(decision == LeaseDecision::Create, std::move(next));
}

void LeaderElector::write(bool create, Lease next) {
  const Time sent = options_.now();
  const k8s::Json body = lease_object(next, options_.ns, options_.name);
  try {
    observe(parse_lease(
        create ? client_.create(leases(), options_.ns, body, kFieldManager)
               : client_.update(leases(), options_.ns, options_.name, body, kFieldManager)));
  } catch (const k8s::ApiError& error) {
    if (error.code() != 409 && error.code() != 404) throw;
    look_first_ = true;  // somebody else wrote, or deleted it: see who, in the next step
    return;
  }
  renewed_ = sent;
  // While a slow answer was under way the deadline may have passed; then the lease is not ours to
  // use.
  if (options_.now() - sent >= options_.renew_deadline) {
    if (state_ == State::Leader) lose("the answer to its renewal came too late");
    return;
  }
  fence_.open_until(sent + options_.duration);
  look_first_ = false;
  if (state_ != State::Leader) {
    state_ = State::Leader;
    spdlog::info("leader election: '{}' holds the lease {}/{}", options_.identity, options_.ns,
                 options_.name);
  }
}

void LeaderElector::lose(const std::string& why) {
  fence_.close();
  state_ = State::Lost;
  spdlog::error("leader election: the lease {}/{} is lost: {}", options_.ns, options_.name, why);
}

void LeaderElector::release() {
  fence_.close();
  if (state_ != State::Leader || !observed_) return;
  state_ = State::Lost;
  Lease lease = observed_->lease;
  lease.holder.clear();
  lease.duration_seconds = 1;
  lease.renew_time = micro_time(options_.wall_clock());
  try {
    client_.update(leases(), options_.ns, options_.name,
                   lease_object(lease, options_.ns, options_.name), kFieldManager);
    spdlog::info("leader election: the lease {}/{} is released", options_.ns, options_.name);
  } catch (const k8s::Error& error) {
    spdlog::warn("leader election: the lease was not released, a successor waits {} s: {}",
                 options_.duration.count(), error.what());
  }
}

}  // namespace op
