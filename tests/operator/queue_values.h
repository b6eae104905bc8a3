// Keys and times of the tests of the queue.
#pragma once

#include <chrono>

#include "operator/work_queue.h"

namespace op {

using namespace std::chrono_literals;
using k8s::ObjectKey;
using Time = WorkQueue::Time;

inline const ObjectKey kA{"EntityService", "ns", "a"};
inline const ObjectKey kB{"EntityService", "ns", "b"};
inline const Time kStart{1000s};

}  // namespace op
