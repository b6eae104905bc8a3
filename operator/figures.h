// What /metrics tells of the resources and of this process, as values. Reading a resource's figures
// is pure; those of the process come from /proc.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "k8s-client/json.h"

namespace op {

struct ComponentFigures {
  std::string name;
  std::int64_t ready = 0, desired = 0;
  bool operator==(const ComponentFigures&) const = default;
};

// Of one EntityService, as its status has it.
struct ResourceFigures {
  std::string ns, name;
  std::map<std::string, std::string> conditions = {};  // type → True, False or Unknown
  std::vector<ComponentFigures> components = {};
  std::int64_t held = 0;  // objects whose change waits
  bool operator==(const ResourceFigures&) const = default;
};

// Whatever a status holds, which everybody with the right to may have written.
ResourceFigures figures_of(const std::string& ns, const std::string& name, const k8s::Json& object);

struct ProcessFigures {
  double cpu_seconds = 0, start_time = 0;  // seconds; the start since the epoch
  double resident_bytes = 0, virtual_bytes = 0, open_files = 0, most_files = 0;
};

ProcessFigures process_figures();  // 0 for what cannot be read

}  // namespace op
