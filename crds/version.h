// Which versions of the application exist, and what `channel` and `version` stand for.
#pragma once

#include <optional>
#include <string>

namespace crds {

inline constexpr const char* kDefaultVersion = "1.15.1";

struct VersionChoice {
  std::string app_version;  // "1.15.1"; of a branch or commit, its name
  std::string app_tag;      // "v1.15.1"
  std::string nginx_tag;    // of the frontend that belongs to it
  bool known = false;       // a release of the table, so that we know what it runs on
};

// `version` as the channel Release takes it: X, X.Y, X.Y.Z or latest. Empty for X and X.Y of which
// no release is known. An X.Y.Z that is not in the table is taken as it is.
std::optional<VersionChoice> release(const std::string& version);
// A branch or a commit: channels Develop and Commit.
VersionChoice prerelease(const std::string& name);

}  // namespace crds
