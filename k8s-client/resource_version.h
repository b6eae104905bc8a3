// resourceVersions of one API server are numbers and can be compared (KEP-5504).
#pragma once

#include <compare>
#include <optional>
#include <string>

namespace k8s {

// nullopt: one of them is not a number, nothing can be said.
std::optional<std::strong_ordering> compare_resource_versions(const std::string& a,
                                                              const std::string& b);

}  // namespace k8s
