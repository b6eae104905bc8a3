// What the StatefulSets of database, Redis and object store have in common: the frame, the volume
// for the data, files out of N-credentials. Plain functions of their arguments.
#pragma once

#include <string>
#include <vector>

#include "reconcilers/desired/desired.h"

namespace reconcilers::desired {

// Annotations of each of these StatefulSets, by which a later operator, or this one after a
// restart, tells why a template would change. Of what the admin decided and the cluster gave
// (addresses, passwords): a hash. Of the pod template: a hash. And the approval that it was
// rendered under.
inline constexpr const char* kInputsAnnotation = "entityservice.io/inputs";
inline constexpr const char* kTemplateAnnotation = "entityservice.io/template";
inline constexpr const char* kApprovalAnnotation = "entityservice.io/approved-updates";

// The volume that holds the data, whatever is behind it.
inline constexpr const char* kDataVolume = "data";
// The claim that the StatefulSet's controller makes for the volume of `pod`: "data-demo-redis-0".
inline std::string claim_of(const std::string& pod) { return std::string(kDataVolume) + "-" + pod; }

struct StatefulParts {
  std::string component, name;
  std::string service = {};  // headless, gives the pods their names; can never change
  std::int64_t replicas = 1;
  const crds::Storage* storage = nullptr;
  Json inputs = nullptr;   // all that the template follows, apart from the operator
  bool on_delete = false;  // pods are replaced by the operator, one at a time and in its order
  Json pod_template = nullptr;
  std::set<Gate> gates = {Gate::Credentials};
};
// Volumes are never deleted with it. One that exists keeps its claim template.
Object stateful_set(const Resolved& resolved, const Facts& facts, StatefulParts parts);

// A container's `resources`, with room on the node's disk for logs, and for the data when there is
// no volume.
Json stateful_resources(const Json& resources, const crds::Storage& storage);

// A memory-backed directory.
Json memory_dir(const std::string& name, const std::string& size_limit);
// These keys of N-credentials as files.
Json credentials_volume(const Resolved& resolved, const std::string& volume,
                        const std::vector<std::string>& keys);
// The annotation of `keys`, as in the application's pods; empty while their values are not known.
std::map<std::string, std::string> secrets_annotation(const Facts& facts,
                                                      const std::vector<std::string>& keys);

// {"exec": {"command": [...]}} with these timings.
struct Timing {
  int period_seconds = 10, timeout_seconds = 5, failures = 3;
};
Json exec_probe(const std::vector<std::string>& command, const Timing& timing);
Json http_probe(const std::string& path, const std::string& port, const Timing& timing);
Json container_port(const std::string& port_name, int port);
// Of a Service, to the container's port of the same name.
Json service_port(const std::string& port_name, int port);

// `percent` of the memory limit in bytes; nothing when there is no limit.
std::optional<std::int64_t> memory_share(const Json& resources, int percent);

}  // namespace reconcilers::desired
