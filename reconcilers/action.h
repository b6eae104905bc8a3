#pragma once

#include <chrono>
#include <optional>

namespace reconcilers {

// What the controller does with a key after a pass: wait for a change, or come back by itself.
struct Action {
  static Action await_change() { return {}; }
  static Action requeue(std::chrono::milliseconds after) { return {after, false}; }
  std::optional<std::chrono::milliseconds> after = {};
  bool invalid = false;  // the resource breaks a rule: only an edit of it helps
};

}  // namespace reconcilers
