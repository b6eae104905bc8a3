// What every pod of ours has in common: hardening, scheduling, pull secrets, options of the user.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/desired/desired.h"

namespace reconcilers::desired {

struct PodParts {
  std::string component;
  std::int64_t user = 1000;
  std::int64_t group = 1000;  // also fsGroup
  std::int64_t grace_seconds = 30;
  Json containers = Json::array();
  Json init_containers = Json::array();
  Json volumes = Json::array();
  std::map<std::string, std::string> annotations = {};  // ours: hashes
  Json host_aliases = Json::array();                    // ours: the Redis names
  bool hard_host_spread = false;                        // Redis in Production
  std::string restart_policy = {};                      // empty: Always
};

// {"metadata": {labels, annotations}, "spec": {...}}: passes Pod Security `restricted`, no token.
Json pod_template(const Resolved& resolved, const crds::PodOptions& options, PodParts parts);

// The container's securityContext: read-only root, no escalation, all capabilities dropped.
Json container_security();
// `resources` with requests and limits of ephemeral-storage added, so that emptyDirs are bounded.
Json with_ephemeral_storage(Json resources, const std::string& size);
Json empty_dir(const std::string& name, const std::string& size_limit);
Json config_volume(const std::string& volume, const std::string& config_map, int mode = 0444);
Json mount(const std::string& volume, const std::string& path, bool read_only = false,
           const std::string& sub_path = "");
Json env(const std::string& name, const std::string& value);
Json env_from_secret(const std::string& name, const std::string& secret, const std::string& key);

}  // namespace reconcilers::desired
