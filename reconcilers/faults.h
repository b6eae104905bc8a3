// What goes wrong between a pass and the API server without being the pass' own doing: an answer
// 5xx or 429, a webhook that hangs, a permission that is missing. The pass goes on with what does
// not depend on it, tells it in the status once it lasts, and then fails, so that the controller's
// back-off has it run again. Lives inside one pass; only `met` and `given_up` are thread-safe.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <string>
#include <vector>

#include "k8s-client/errors.h"
#include "reconcilers/plan.h"

namespace reconcilers {

// Reasons of the conditions that tell a fault: the first two of Reconciling, the third of Stalled.
inline constexpr const char* kServerError = "ServerError";
inline constexpr const char* kServerBusy = "ServerBusy";
inline constexpr const char* kRequestRefused = "RequestRefused";
// A published status says that the API server keeps failing us.
bool tells_fault(const k8s::Json& status);

// The answer speaks of this one object. The rest (who we are, how busy the server is) concerns all.
bool about_the_object(const k8s::ApiError& error);
// The API server says that the namespace is going or gone.
bool says_namespace_ending(const k8s::ApiError& error);
// "the API server refuses Service demo-api: …", and what to do about it.
std::string refusal_text(const std::string& what, const k8s::Error& error);

class Faults {
 public:
  explicit Faults(k8s::Now now) : now_(std::move(now)) {}

  // Runs `step`; false when that failed, or when there is no use in trying. Throws what says that
  // this pass is void: a conflict, a namespace that is going, no connection, no lease, no identity.
  bool attempt(const std::string& what, const std::function<void()>& step);
  // Within a handler of `error`: keeps it, or throws it as `attempt` does.
  void keep(const std::string& what, const k8s::Error& error);

  // A request of several failed that are under way together: `keep` comes later, in order.
  void met(const k8s::Error& error);
  // No more requests: they would fail as well, or failing ones have taken so long that other
  // resources would wait for this one.
  bool given_up() const;
  bool none() const { return !first_; }
  const std::vector<Issue>& passing() const { return passing_; }    // may go away by itself
  const std::vector<Issue>& refusals() const { return refusals_; }  // needs somebody
  [[noreturn]] void rethrow() const { std::rethrow_exception(first_); }

 private:
  static constexpr auto kNever = k8s::Clock::time_point::max();

  const k8s::Now now_;
  std::exception_ptr first_;
  std::atomic<bool> in_vain_ = false;
  std::atomic<k8s::Clock::time_point> since_ = kNever;
  std::vector<Issue> passing_, refusals_;
};

}  // namespace reconcilers
