// Why a pod is not ready, in words that do not change while the reason stays. Pure.
#pragma once

#include <string>

#include "k8s-client/json.h"

namespace reconcilers {

struct PodTrouble {
  std::string reason;   // "ImagePullBackOff", "Unschedulable"; empty: it is only starting
  std::string message;  // names container and image, or carries what the container said last
};

PodTrouble pod_trouble(const k8s::Json& pod);

}  // namespace reconcilers
