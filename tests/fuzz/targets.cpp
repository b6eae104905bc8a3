#include "tests/fuzz/targets.h"

namespace fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> kTargets = {
      {"json_text", json_text},     {"kubeconfig", kubeconfig}, {"projection", projection},
      {"quantity", quantity},       {"resource", resource},     {"status", status},
      {"watch_lines", watch_lines},
  };
  return kTargets;
}

}  // namespace fuzz
