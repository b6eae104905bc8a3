#include "operator/work_queue.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace op {

WorkQueue::WorkQueue(QueueLimits limits, QueueObserver* observer)
    : limits_(limits), observer_(observer) {}

void WorkQueue::add(const k8s::ObjectKey& key, Time now) {
  const std::lock_guard lock(mutex_);
  insert(key, now);
}

void WorkQueue::add_after(const k8s::ObjectKey& key, Time now, std::chrono::milliseconds delay) {
  const std::lock_guard lock(mutex_);
  insert(key, now + delay);
}

void WorkQueue::add_backed_off(const k8s::ObjectKey& key, Time now,
                               std::chrono::milliseconds minimum) {
  const std::lock_guard lock(mutex_);
  int& failures = failures_[key];
  // 2^20 first back-offs exceed any limit in use; more doublings would overflow.
  const auto grown = limits_.first_backoff * (std::int64_t{1} << std::min(failures, 20));
  ++failures;
  ++retries_;
  insert(key, now + std::max(minimum, std::min(grown, limits_.longest_backoff)));
}

void WorkQueue::forget(const k8s::ObjectKey& key) {
  const std::lock_guard lock(mutex_);
  failures_.erase(key);
}

void WorkQueue::insert(const k8s::ObjectKey& key, Time due) {
  if (stopped_) return;
  const bool held = processing_.contains(key);
  const auto found = waiting_.find(key);
  if (found != waiting_.end()) {
    Waiting& waiting = found->second;
    if (due >= waiting.due) return;
    if (!held) {
      schedule_.erase({waiting.due, waiting.order, key});
      schedule_.emplace(due, waiting.order, key);
    }
    waiting.due = due;
  } else {
    if (waiting_.size() >= limits_.keys) {
      throw std::length_error("the work queue holds " + std::to_string(waiting_.size()) +
                              " keys and takes no more: watch fewer resources "
                              "(--namespace, --watch-label-selector)");
    }
    ++adds_;
    waiting_.emplace(key, Waiting{due, ++order_});
    if (!held) schedule_.emplace(due, order_, key);
  }
  changed_.notify_one();
}

std::optional<std::pair<k8s::ObjectKey, WorkQueue::Time>> WorkQueue::pop_locked(Time now) {
  if (stopped_ || schedule_.empty()) return std::nullopt;
  const auto [due, order, key] = *schedule_.begin();
  if (due > now) return std::nullopt;
  schedule_.erase(schedule_.begin());
  waiting_.erase(key);
  processing_.emplace(key, now);
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
  const auto worked = now - held->second;
  processing_.erase(held);
  if (const auto again = waiting_.find(key); again != waiting_.end()) {
    schedule_.emplace(again->second.due, again->second.order, key);
    changed_.notify_one();
  }
  lock.unlock();
  if (observer_ != nullptr) observer_->worked(worked);
}

std::optional<WorkQueue::Time> WorkQueue::next() const {
  const std::lock_guard lock(mutex_);
  if (schedule_.empty()) return std::nullopt;
  return std::get<Time>(*schedule_.begin());
}

std::optional<k8s::ObjectKey> WorkQueue::take(const k8s::Now& now) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const Time at = now();
    if (const auto popped = pop_locked(at)) {
      lock.unlock();
      report_wait(popped->second, at);
      return popped->first;
    }
    if (schedule_.empty()) {
      changed_.wait(lock);
    } else {
      // A copy: the slot may be gone when the wait looks at its deadline again.
      const Time due = std::get<Time>(*schedule_.begin());
      changed_.wait_until(lock, due);
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
  for (const auto& [key, since] : processing_) {
    const std::chrono::duration<double> running = now - since;
    state.unfinished += running;
    state.longest_running = std::max(state.longest_running, running);
  }
  return state;
}

}  // namespace op
