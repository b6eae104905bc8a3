// Settings that the operator makes itself: environment variables of the application and parameters
// of Postgres. A resource that sets one of them is refused, with the field to use instead.
#pragma once

#include <optional>
#include <string>

namespace crds {

// What to do instead of writing `variable` in spec.config; empty when it is the user's.
std::optional<std::string> instead_of_variable(const std::string& variable);
// The same for spec.database.managed.parameters.
std::optional<std::string> instead_of_parameter(const std::string& parameter);

}  // namespace crds
