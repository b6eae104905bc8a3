#include "k8s-client/resource_version.h"

#include <charconv>
#include <cstdint>

namespace k8s {
namespace {

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

std::optional<std::strong_ordering> compare_resource_versions(const std::string& a,
                                                              const std::string& b) {
  const auto left = number(a);
  const auto right = number(b);
  if (!left || !right) return std::nullopt;
  return *left <=> *right;
}

}  // namespace k8s
