#include "tests/fuzz/targets.h"

namespace fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> kTargets = {
      {"kubeconfig", kubeconfig}, {"projection", projection}, {"quantity", quantity},
      {"resource", resource},     {"status", status},         {"watch_lines", watch_lines},
  };
  return kTargets;
}

}  // namespace fuzz
