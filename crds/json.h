#pragma once

#include <nlohmann/json.hpp>

namespace crds {

using Json = nlohmann::json;

}  // namespace crds
