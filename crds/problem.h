// One thing that is wrong with a resource, for people: which field, which value, what to do.
#pragma once

#include <string>
#include <vector>

namespace crds {

struct Problem {
  std::string path;     // "spec.workers.highMemory.replicas"
  std::string message;  // names the value and the remedy

  std::string text() const { return path + ": " + message; }
  bool operator==(const Problem&) const = default;
};
using Problems = std::vector<Problem>;

}  // namespace crds
