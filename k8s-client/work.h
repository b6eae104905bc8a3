// For whom a thread works, so that its log lines can say so. A thread that works for another takes
// its value over. Each thread has its own.
#pragma once

#include <string>

namespace k8s {

struct Work {
  std::string key = {}, id = {};  // both empty: for nobody
};

inline Work& current_work() {
  static thread_local Work work;
  return work;
}

}  // namespace k8s
