#include "tests/faults/process.h"

#include <algorithm>
#include <utility>

#include "k8s-client/errors.h"
#include "tests/faults/world.h"

namespace faults {

using std::chrono::milliseconds;

class Process::Link final : public k8s::Transport {
 public:
  Link(World& world, Process& process, bool of_passes)
      : world_(world), process_(process), of_passes_(of_passes) {}

  k8s::Response send(const k8s::Request& request) override {
    if (process_.ended_) throw Crash();
    return of_passes_ ? world_.exchange(process_, request) : world_.serve(request);
  }
  std::unique_ptr<k8s::Stream> open(const k8s::Request& request, milliseconds idle) override {
    if (process_.ended_) throw Crash();
    return world_.open(request, idle);
  }

 private:
  World& world_;
  Process& process_;
  const bool of_passes_;
};

Process::Process(World& world, std::string identity, bool election)
    : world_(world),
      identity_(std::move(identity)),
      election_(election),
      watch_link_(std::make_unique<Link>(world, *this, false)),
      pass_link_(std::make_unique<Link>(world, *this, true)),
      lease_link_(std::make_unique<Link>(world, *this, false)),
      election_due_(world.now()) {
  const op::EngineOptions options{.leader_elect = election,
                                  .lease_namespace = World::kLeaseNamespace,
                                  .lease_name = "entityservice-operator",
                                  .identity = identity_};
  const op::Surroundings around{
      .watches = *watch_link_,
      .passes = *pass_link_,
      .lease = *lease_link_,
      .sleep = [this](milliseconds time) { world_.pass_time(time); },
      .now = [this] { return world_.now(); },
      .wall_clock =
          [this] {
            return std::chrono::system_clock::time_point(std::chrono::hours(490'000)) +
                   std::chrono::duration_cast<std::chrono::system_clock::duration>(
                       world_.now().time_since_epoch());
          },
      // The same in every process, so that it does not matter for the outcome which one made them.
      .passwords =
          [this](std::size_t length) {
            std::string text = "p" + std::to_string(++passwords_);
            text.resize(length, 'w');
            return text;
          },
      .jitter = world.jitter()};
  engine_ = std::make_unique<op::Engine>(options, around, op::EngineHooks{});
  watch_due_.assign(engine_->watches().count(), world.now());
}

Process::~Process() = default;

void Process::step() {
  if (ended_ || frozen_) return;
  try {
    if (!std::exchange(in_threads_, true)) {
      step_threads();
      in_threads_ = false;
    }
    if (!std::exchange(in_pass_, true)) {
      step_passes();
      in_pass_ = false;
    }
  } catch (const Crash&) {
    ended_ = true;
  }
}

void Process::step_threads() {
  if (election_ && election_due_ <= world_.now()) {
    const milliseconds pause = engine_->elector().step();
    election_due_ = world_.now() + pause;
    if (engine_->elector().state() == op::LeaderElector::State::Lost) ended_ = true;
  }
  for (std::size_t i = 0; i < watch_due_.size() && !ended_; ++i) {
    if (watch_due_[i] > world_.now()) continue;
    const milliseconds pause = engine_->watches().step(i, milliseconds(0));
    watch_due_[i] = world_.now() + pause;
  }
  const bool leads = !election_ || engine_->elector().state() == op::LeaderElector::State::Leader;
  if (!working_ && leads && engine_->watches().synced()) {
    engine_->begin();
    working_ = true;
  }
}

void Process::step_passes() {
  while (working_ && !ended_ && engine_->controller().step(world_.now())) {
  }
}

bool Process::has_plans() const {
  const bool watch_waits = std::any_of(watch_due_.begin(), watch_due_.end(),
                                       [this](Time due) { return due > world_.now(); });
  return watch_waits || (working_ && engine_->queue().next());
}

Time Process::next_due() const {
  Time next = Time::max();
  if (election_) next = election_due_;
  for (const Time due : watch_due_)
    if (due > world_.now()) next = std::min(next, due);
  if (const auto due = engine_->queue().next(); due && working_) next = std::min(next, *due);
  return next;
}

}  // namespace faults
