#pragma once

#include <nlohmann/json.hpp>

namespace k8s {

using Json = nlohmann::json;

}  // namespace k8s
