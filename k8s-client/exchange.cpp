#include "k8s-client/exchange.h"

#include <algorithm>
#include <utility>

namespace k8s {
namespace {

using Stage = TransportError::Stage;
using Read = Stream::Read;

constexpr std::size_t kCompactAt = 64U << 10U;

std::string seconds_text(std::chrono::milliseconds time) {
  const auto tenths = time.count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

Exchange::Exchange(Limits limits, Hook cancel) : limits_(limits), cancel_(std::move(cancel)) {}

void Exchange::set_status(int status, std::optional<std::chrono::seconds> retry_after) {
  const std::lock_guard lock(mutex_);
  status_ = status;
  retry_after_ = retry_after;
  last_line_ = Clock::now();
  changed_.notify_all();
}

bool Exchange::put(const std::uint8_t* bytes, std::size_t count, Hook resume) {
  std::unique_lock lock(mutex_);
  if (broken()) return true;  // it is being cancelled: swallow
  if (count > limits_.piece) {
    give_up(lock, {Stage::Body, "the answer has a piece that is too large or has no valid size"});
    return true;
  }
  bytes_.append(reinterpret_cast<const char*>(bytes), count);
  const auto lines =
      std::count(bytes, bytes + static_cast<std::ptrdiff_t>(count), std::uint8_t{'\n'});
  lines_ += static_cast<std::size_t>(lines);
  if (lines > 0) last_line_ = Clock::now();
  if ((lines_ == 0 || limits_.window == 0) && unread() > limits_.unread) {
    give_up(lock, {Stage::Body,
                   "the answer is larger than " + std::to_string(limits_.unread) + " bytes"});
    return true;
  }
  changed_.notify_all();
  // Without a complete line the reader can take nothing, so holding back would be for ever.
  if (limits_.window == 0 || lines_ == 0 || unread() < limits_.window) return true;
  resume_ = std::move(resume);
  return false;
}

void Exchange::finish(std::optional<Failure> failure) {
  const std::lock_guard lock(mutex_);
  if (failure && !broken()) failure_ = std::move(failure);
  finished_ = true;
  changed_.notify_all();
}

bool Exchange::started() const {
  const std::lock_guard lock(mutex_);
  return status_.has_value();
}

void Exchange::fail() const { throw TransportError(failure_->stage, failure_->message); }

// Hooks are called without the lock: they may end in a call of ours on another thread.
void Exchange::give_up(std::unique_lock<std::mutex>& lock, Failure failure) {
  if (broken()) return;
  failure_ = std::move(failure);
  changed_.notify_all();
  if (finished_) return;
  const Hook resume = std::exchange(resume_, nullptr);
  lock.unlock();
  cancel_();
  if (resume) resume();
  lock.lock();
}

void Exchange::abort(Failure failure) {
  std::unique_lock lock(mutex_);
  give_up(lock, std::move(failure));
}

int Exchange::wait_status(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  const auto known = [&] { return status_ || broken() || finished_; };
  if (!changed_.wait_until(lock, deadline, known)) {
    give_up(lock, {Stage::Deadline, "no answer came before the deadline"});
  }
  if (broken() && !status_) fail();
  return status_.value_or(0);
}

void Exchange::wait_done(std::unique_lock<std::mutex>& lock, Clock::time_point deadline) {
  if (!changed_.wait_until(lock, deadline, [&] { return broken() || finished_; })) {
    give_up(lock, {Stage::Deadline, status_ ? "the answer was not complete before the deadline"
                                            : "no answer came before the deadline"});
  }
  if (broken()) fail();
}

Response Exchange::wait_response(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  wait_done(lock, deadline);
  return {status_.value_or(0), std::move(bytes_), retry_after_};
}

bool Exchange::wait_finished(Clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [&] { return finished_; });
}

std::optional<std::string> Exchange::take_line() {
  if (lines_ == 0) return std::nullopt;
  const std::size_t end = bytes_.find('\n', head_);
  std::string line = bytes_.substr(head_, end - head_);
  head_ = end + 1;
  --lines_;
  if (head_ == bytes_.size()) {
    bytes_.clear();
    head_ = 0;
  } else if (head_ > kCompactAt && head_ > bytes_.size() / 2) {
    bytes_.erase(0, head_);
    head_ = 0;
  }
  return line;
}

void Exchange::resume_sender(std::unique_lock<std::mutex>& lock) {
  if (!resume_ || (lines_ > 0 && unread() > limits_.window / 2)) return;
  const Hook resume = std::exchange(resume_, nullptr);
  last_line_ = Clock::now();  // the silence until now was ours
  lock.unlock();
  resume();
  lock.lock();
}

Read Exchange::next_line(std::chrono::milliseconds wait, std::chrono::milliseconds idle) {
  std::unique_lock lock(mutex_);
  const auto until = Clock::now() + wait;
  const auto something = [&] { return lines_ > 0 || broken() || finished_; };
  changed_.wait_until(lock, std::min(until, last_line_ + idle), something);
  if (auto line = take_line()) {
    resume_sender(lock);
    return {Read::Kind::Line, std::move(*line)};
  }
  if (broken()) fail();
  if (finished_) {
    if (unread() == 0) return {Read::Kind::End};
    return {Read::Kind::Line, std::exchange(bytes_, {}).substr(std::exchange(head_, 0))};
  }
  if (Clock::now() - last_line_ >= idle) {
    give_up(lock, {Stage::Deadline, "the server sent no line for " + seconds_text(idle)});
    fail();
  }
  return {Read::Kind::Nothing};
}

}  // namespace k8s
