#include "crds/version.h"

#include <algorithm>

namespace crds {
namespace {

struct Release {
  const char* version;
  const char* nginx_tag;
};

// Newest first: X and X.Y mean the first entry that begins so.
constexpr Release kReleases[] = {{"1.15.1", "v1.4.9"}};

VersionChoice choice(const std::string& version, const char* nginx_tag) {
  return {version, "v" + version, nginx_tag};
}

VersionChoice of(const Release& known) {
  VersionChoice chosen = choice(known.version, known.nginx_tag);
  chosen.known = true;
  return chosen;
}

}  // namespace

std::optional<VersionChoice> release(const std::string& version) {
  if (version == "latest") return of(kReleases[0]);
  for (const Release& known : kReleases) {
    const std::string name = known.version;
    if (name == version || name.rfind(version + ".", 0) == 0) return of(known);
  }
  if (std::count(version.begin(), version.end(), '.') < 2) return std::nullopt;
  return choice(version, kReleases[0].nginx_tag);
}

VersionChoice prerelease(const std::string& name) { return {name, name, kReleases[0].nginx_tag}; }

}  // namespace crds
