// What has come of a pass, for people and for kstatus: the conditions. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crds/condition.h"
#include "crds/problem.h"
#include "crds/resolved.h"
#include "reconcilers/applier.h"
#include "reconcilers/stock.h"

namespace reconcilers {

struct Situation {
  const crds::Resolved& resolved;
  const std::vector<Component>& components;
  const Applied& applied;
  std::vector<std::string> foreign_keys;  // of N-credentials
  bool deadline_exceeded = false;
  std::optional<crds::Condition> storage = {};  // StorageReady, where there are volumes
};

struct Assessment {
  std::vector<crds::Condition> conditions;
  bool ready = false;
  bool reconciling = false;
};

Assessment assess(const Situation& situation);

// The spec is invalid: what runs is told as it is, what only the spec knows stays as published.
Assessment assess_invalid(const crds::Problems& problems, const std::vector<Component>& components,
                          const k8s::Json& old_status);

// Changes whenever something has come further; what it does not change with is no progress.
std::string progress_token(std::int64_t generation, const std::vector<Component>& components);

}  // namespace reconcilers
