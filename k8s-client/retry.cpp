#include "k8s-client/retry.h"

#include <optional>
#include <utility>

#include "k8s-client/errors.h"

namespace k8s {
namespace {

using std::chrono::milliseconds;

// What is left of the deadline; waits count even when a test does not really sleep.
class Budget {
 public:
  explicit Budget(milliseconds whole) : left_(whole) {}
  milliseconds left() const { return left_; }
  bool covers(milliseconds wait) const { return wait < left_; }
  void spend(milliseconds time) { left_ -= time; }

 private:
  milliseconds left_;
};

class Attempts {
 public:
  Attempts(const RetryPolicy& policy, bool idempotent)
      : unwritten_(policy.unwritten),
        unknown_(idempotent ? policy.unknown : 0),
        refused_(policy.refused),
        pause_(policy.pause),
        longest_wait_(policy.longest_wait) {}

  // How long to wait before sending again; nullopt: do not.
  std::optional<milliseconds> after(const TransportError& error) {
    switch (error.stage()) {
      case TransportError::Stage::Write:
        if (unwritten_-- > 0) return milliseconds(0);
        return std::nullopt;
      case TransportError::Stage::Connect:
      case TransportError::Stage::Answer:
      case TransportError::Stage::Body:
        if (unknown_-- > 0) return std::exchange(pause_, pause_ * 2);
        return std::nullopt;
      case TransportError::Stage::Deadline:
      case TransportError::Stage::Cancelled:
        break;
    }
    return std::nullopt;
  }

  std::optional<milliseconds> after(const Response& response) {
    const bool refused = response.status == 429 || response.status == 503;
    if (!refused || !response.retry_after || *response.retry_after > longest_wait_) {
      return std::nullopt;
    }
    if (refused_-- > 0) return *response.retry_after;
    return std::nullopt;
  }

 private:
  int unwritten_;
  int unknown_;
  int refused_;
  milliseconds pause_;
  std::chrono::seconds longest_wait_;
};

}  // namespace

Response send_with_retry(Transport& transport, const Request& request, bool idempotent,
                         const Sleep& sleep, const RetryPolicy& policy) {
  Attempts attempts(policy, idempotent);
  Budget budget(request.deadline);
  Request attempt = request;
  for (;;) {
    attempt.deadline = budget.left();
    const auto started = Clock::now();
    const auto charge = [&] {
      budget.spend(std::chrono::duration_cast<milliseconds>(Clock::now() - started));
    };
    std::optional<milliseconds> wait;
    try {
      Response response = transport.send(attempt);
      charge();
      wait = attempts.after(response);
      if (!wait || !budget.covers(*wait)) return response;
    } catch (const TransportError& error) {
      charge();
      wait = attempts.after(error);
      if (!wait || !budget.covers(*wait)) throw;
    }
    if (wait->count() > 0) sleep(*wait);
    budget.spend(*wait);
  }
}

}  // namespace k8s
