#include "operator/work_queue.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace op {

WorkQueue::WorkQueue(QueueLimits limits, QueueObserver* observer)
    : limits_(limits), observer_(observer) {}

void WorkQueue::add(const k8s::ObjectKey& key, Time now) {
  const std::lock_guard lock(mutex_);
  insert(key, now, false);
}

void WorkQueue::add_listed(const k8s::ObjectKey& key, Time now) {
  const std::lock_guard lock(mutex_);
  insert(key, now, true);
}

void WorkQueue::add_after(const k8s::ObjectKey& key, Time now, std::chrono::milliseconds delay) {
  const std::lock_guard lock(mutex_);
  insert(key, now + delay, false);
}

void WorkQueue::add_backed_off(const k8s::ObjectKey& key, Time now,
                               std::chrono::milliseconds minimum) {
  const std::lock_guard lock(mutex_);
  Failures& failures = failures_[key];
  // 2^20 first back-offs exceed any limit in use; more doublings would overflow.
  const auto grown = limits_.first_backoff * (std::int64_t{1} << std::min(failures.count, 20));
  const auto delay = std::min<std::chrono::milliseconds>(grown, limits_.longest_backoff);
  ++failures.count;
  failures.not_before = now + std::max(minimum, std::min(delay, limits_.failing_pause));
  ++retries_;
  insert(key, now + std::max(minimum, delay), false);
}

void WorkQueue::forget(const k8s::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  if (failures_.erase(key) == 0) return;
  const auto found = waiting_.find(key);
  if (found == waiting_.end() || !found->second.lane) return;
  unschedule(key, found->second);
  schedule(key, found->second);
}

void WorkQueue::insert(const k8s::ObjectKey& key, Time due, bool listed) {
  if (stopped_) return;
  const auto failed = failures_.find(key);
  const Time earliest = failed == failures_.end() ? Time::min() : failed->second.not_before;
  due = std::max(due, earliest);
  const auto found = waiting_.find(key);
  if (found == waiting_.end()) {
    if (waiting_.size() >= limits_.keys) {
      throw std::length_error("the work queue holds " + std::to_string(waiting_.size()) +
                              " keys and takes no more: watch fewer resources "
                              "(--namespace, --watch-label-selector)");
    }
    ++adds_;
    schedule(key, waiting_.emplace(key, Waiting{due, ++order_, listed, {}}).first->second);
  } else {
    Waiting& waiting = found->second;
    unschedule(key, waiting);
    waiting.due = std::min(std::max(waiting.due, earliest), due);
    waiting.listed = waiting.listed && listed;
    schedule(key, waiting);
  }
  changed_.notify_one();
}

void WorkQueue::schedule(const k8s::ObjectKey& key, Waiting& waiting) {
  if (processing_.contains(key)) return;
  waiting.lane = failures_.contains(key) ? kFailing : waiting.listed ? kListed : kChanged;
  lanes_[*waiting.lane].emplace(waiting.due, waiting.order, key);
}

void WorkQueue::unschedule(const k8s::ObjectKey& key, Waiting& waiting) {
  if (!waiting.lane) return;
  lanes_[*waiting.lane].erase({waiting.due, waiting.order, key});
  waiting.lane.reset();
}

bool WorkQueue::open(Lane lane) const {
  return lane != kFailing || failing_held_ < limits_.failing_at_once;
}

bool WorkQueue::is_due(Lane lane, Time now) const {
  return open(lane) && !lanes_[lane].empty() && std::get<Time>(*lanes_[lane].begin()) <= now;
}

bool WorkQueue::anybody_waits(Time now) const {
  const std::lock_guard lock(mutex_);
  return is_due(kChanged, now) || is_due(kListed, now);
}

std::optional<WorkQueue::Lane> WorkQueue::due_lane(Time now) {
  std::optional<Lane> first;
  for (const Lane lane : {kChanged, kFailing}) {
    if (is_due(lane, now) && (!first || *lanes_[lane].begin() < *lanes_[*first].begin()))
      first = lane;
  }
  if (!is_due(kListed, now)) return first;
  if (first && ++passed_over_ < limits_.turn) return first;
  passed_over_ = 0;
  return kListed;
}

std::optional<std::pair<k8s::ObjectKey, WorkQueue::Time>> WorkQueue::pop_locked(Time now) {
  if (stopped_) return std::nullopt;
  const auto lane = due_lane(now);
  if (!lane) return std::nullopt;
  const auto [due, order, key] = *lanes_[*lane].begin();
  lanes_[*lane].erase(lanes_[*lane].begin());
  waiting_.erase(key);
  const bool failing = *lane == kFailing;
  processing_.emplace(key, Held{now, failing});
  failing_held_ += failing ? 1 : 0;
  return std::pair{key, due};
}

void WorkQueue::report_wait(Time due, Time now) const {
  if (observer_ != nullptr) observer_->waited(now - due);
}

std::optional<k8s::ObjectKey> WorkQueue::pop(Time now) {
  std::unique_lock lock(mutex_);
  const auto popped = pop_locked(now);
  lock.unlock();
  if (!popped) return std::nullopt;
  report_wait(popped->second, now);
  return popped->first;
}

void WorkQueue::done(const k8s::ObjectKey& key, Time now) {
  std::unique_lock lock(mutex_);
  const auto held = processing_.find(key);
  if (held == processing_.end()) return;
  const auto worked = now - held->second.since;
  const bool failing = held->second.failing;
  processing_.erase(held);
  failing_held_ -= failing ? 1 : 0;
  const auto again = waiting_.find(key);
  if (again != waiting_.end()) schedule(key, again->second);
  if (failing) changed_.notify_one();  // another failing key may have the worker now
  if (again != waiting_.end()) changed_.notify_one();
  lock.unlock();
  if (observer_ != nullptr) observer_->worked(worked);
}

std::optional<WorkQueue::Time> WorkQueue::next() const {
  const std::lock_guard lock(mutex_);
  return next_locked();
}

std::optional<WorkQueue::Time> WorkQueue::next_locked() const {
  std::optional<Time> next;
  for (const Lane lane : {kChanged, kFailing, kListed}) {
    if (!open(lane) || lanes_[lane].empty()) continue;
    const Time due = std::get<Time>(*lanes_[lane].begin());
    next = std::min(next.value_or(due), due);
  }
  return next;
}

std::optional<k8s::ObjectKey> WorkQueue::take(const k8s::Now& now) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const Time at = now();
    if (const auto popped = pop_locked(at)) {
      changed_.notify_one();  // or nobody might wait for the key that is due next
      lock.unlock();
      report_wait(popped->second, at);
      return popped->first;
    }
    if (const auto due = next_locked()) {
      changed_.wait_until(lock, *due);
    } else {
      changed_.wait(lock);
    }
  }
  return std::nullopt;
}

void WorkQueue::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

QueueState WorkQueue::state(Time now) const {
  const std::lock_guard lock(mutex_);
  QueueState state;
  state.adds = adds_;
  state.retries = retries_;
  for (const auto& [key, waiting] : waiting_) ++(waiting.due <= now ? state.depth : state.delayed);
  state.active = static_cast<std::int64_t>(processing_.size());
  state.failing = static_cast<std::int64_t>(failures_.size());
  for (const auto& [key, held] : processing_) {
    const std::chrono::duration<double> running = now - held.since;
    state.unfinished += running;
    state.longest_running = std::max(state.longest_running, running);
  }
  return state;
}

}  // namespace op
