// YAML files as the API server would see them.
#pragma once

#include <string>

#include "crds/json.h"

namespace crds::testing {

Json read_yaml(const std::string& path);  // from the repository root

}  // namespace crds::testing
