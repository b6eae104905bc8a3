// The parts of `resolve`, one file for each group of fields. Each reads its field of `parent`,
// reports what is wrong there, and returns the values with the profile's defaults filled in; the
// values mean something only when there are no problems.
#pragma once

#include <string>

#include "crds/profile.h"
#include "crds/reader.h"
#include "crds/resolved.h"

namespace crds {

struct Context {
  const ProfileDefaults& defaults;
  bool suspend = false;
  PodOptions pod = {};  // spec.pod

  // `wanted`, or none while the resource is suspended.
  std::int64_t replicas(std::int64_t wanted) const { return suspend ? 0 : wanted; }
};

inline constexpr std::int64_t kMaxReplicas = 1000;
inline constexpr std::int64_t kMaxSeconds = 2'592'000;  // of a grace period or timeout: 30 days

// common.cpp
Json read_resources(Fields& parent, const std::string& name, const Sizes& sizes);
Storage read_storage(Fields& parent, bool persistent, const std::string& size);
std::int64_t read_grace(Fields& parent, std::int64_t fallback, std::int64_t least = 1);
std::map<std::string, std::string> read_annotations(Fields& parent);
// Refuses what is too long in all, keys included, for the object that it goes into.
void check_bytes(Fields& parent, const std::string& name,
                 const std::map<std::string, std::string>& texts, std::size_t most);

// pod_options.cpp: `pod` of a component, merged over `base`
PodOptions read_pod(Fields& parent, const PodOptions& base);

// resolve_version.cpp: profile, channel, version and images
void read_version(Fields& spec, bool prerelease_allowed, Resolved& resolved);

// resolve_api.cpp, resolve_workers.cpp, resolve_stores.cpp
Api read_api(Fields& spec, const Context& context);
void read_workers(Fields& spec, const Context& context, Resolved& resolved);
Database read_database(Fields& spec, const Context& context);
Redis read_redis(Fields& spec, const Context& context);
ObjectStore read_object_store(Fields& spec, const Context& context);

// patterns.cpp: texts that Kubernetes or a program restricts
const Text& dns_name();       // "fast.example"
const Text& label_key();      // of labels, annotations, node selectors
const Text& own_label_key();  // the same, without the prefixes that belong to the operator
const Text& label_value();
const Text& free_text();  // of annotations and the like
bool is_cidr(const std::string& text);
bool is_address(const std::string& text);

}  // namespace crds
