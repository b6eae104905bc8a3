#include "operator/unknown.h"

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string>
#include <vector>

namespace op {
namespace {

using crds::Json;

constexpr const char* kGenerated = "<generated>";

// Hashes and Base64 are replaced whole, even where two of them begin alike.
bool is_boundary(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '=' && c != '+';
}

std::string mark_line(const std::string& one, const std::string& other) {
  if (one == other) return one;
  const std::size_t shorter = std::min(one.size(), other.size());
  std::size_t before = 0;
  while (before < shorter && one[before] == other[before]) ++before;
  while (before > 0 && !is_boundary(one[before - 1])) --before;
  std::size_t after = 0;
  while (after < shorter - before &&
         one[one.size() - 1 - after] == other[other.size() - 1 - after]) {
    ++after;
  }
  while (after > 0 && !is_boundary(one[one.size() - after])) --after;
  return one.substr(0, before) + kGenerated + one.substr(one.size() - after);
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) all.push_back(line);
  return all;
}

std::string mark_text(const std::string& one, const std::string& other) {
  const std::vector<std::string> ones = lines(one), others = lines(other);
  if (ones.size() != others.size()) return kGenerated;
  std::string marked;
  for (std::size_t i = 0; i < ones.size(); ++i) {
    marked += (i == 0 ? "" : "\n") + mark_line(ones[i], others[i]);
  }
  return one.ends_with('\n') ? marked + "\n" : marked;
}

}  // namespace

Json mark_unknown(const Json& one, const Json& other) {
  if (one == other) return one;
  if (one.is_string() && other.is_string()) {
    return mark_text(one.get<std::string>(), other.get<std::string>());
  }
  if (one.type() != other.type() || !one.is_structured() || one.size() != other.size()) {
    return kGenerated;
  }
  Json marked = one;
  auto theirs = other.begin();
  for (auto ours = marked.begin(); ours != marked.end(); ++ours, ++theirs) {
    *ours = mark_unknown(*ours, *theirs);
  }
  return marked;
}

}  // namespace op
