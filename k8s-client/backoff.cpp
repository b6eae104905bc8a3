#include "k8s-client/backoff.h"

#include <algorithm>
#include <cmath>

namespace k8s {

std::chrono::milliseconds Backoff::next() {
  constexpr int kDoublings = 6;
  const auto base = kFirst * (1 << std::min(failures_, kDoublings));
  failures_ = std::min(failures_ + 1, kDoublings);
  std::uniform_real_distribution<double> jitter(1.0, 1.5);
  const auto wait =
      std::chrono::milliseconds(std::llround(static_cast<double>(base.count()) * jitter(random_)));
  if (wait < kLongest) return wait;
  std::uniform_real_distribution<double> below(0.8, 1.0);
  return std::chrono::milliseconds(
      std::llround(static_cast<double>(kLongest.count()) * below(random_)));
}

std::chrono::seconds Backoff::spread(std::chrono::seconds value) {
  std::uniform_real_distribution<double> factor(0.9, 1.1);
  return std::chrono::seconds(std::llround(static_cast<double>(value.count()) * factor(random_)));
}

}  // namespace k8s
