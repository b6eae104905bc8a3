// The kinds that the operator handles, as one table: what is watched and how, what is written.
#pragma once

#include <string>
#include <vector>

#include "k8s-client/json.h"
#include "k8s-client/record.h"
#include "k8s-client/resource.h"
#include "k8s-client/watcher.h"

namespace reconcilers {

inline constexpr const char* kManager = "entityservice-operator";
inline constexpr const char* kRetentionManager = "entityservice-operator-retention";
inline constexpr const char* kVolumesManager = "entityservice-operator-volumes";

const k8s::Resource& entity_services();
const k8s::Resource& resource_of(const std::string& kind);  // throws std::out_of_range

// One watch a kind, in one namespace or in all: EntityService (with `label_selector`), our children
// by label, Secrets as metadata, Pods, PersistentVolumeClaims, Namespaces as optional metadata.
std::vector<k8s::WatchSpec> watches(const std::string& ns, const std::string& label_selector);

// The key (Kind EntityService) of the resource whose pass a changed record asks for: itself, or the
// one that its label entityservice.io/resource names. Empty name: nobody's.
k8s::ObjectKey owner_key(const k8s::Record& record);

// The record of an object that the API server has just answered with, as its watch would make it.
k8s::Record record_of(const std::string& kind, k8s::Json object);

}  // namespace reconcilers
