// Time as an argument: decisions take `Clock::time_point`, tests pass their own.
#pragma once

#include <chrono>
#include <functional>

namespace k8s {

using Clock = std::chrono::steady_clock;
using Now = std::function<Clock::time_point()>;
using Sleep = std::function<void(std::chrono::milliseconds)>;

}  // namespace k8s
