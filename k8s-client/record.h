// What is kept of a live object once its event has been read: identity, a few facts, and a hash of
// the values at exactly the paths that we own. The body is dropped (docs/architecture.md).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "k8s-client/json.h"
#include "k8s-client/resource.h"

namespace k8s {

struct Record {
  ObjectKey key;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  bool deleting = false;
  std::string controller_uid;           // of the ownerReference with controller: true
  std::vector<std::string> owner_uids;  // of all ownerReferences
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::string owned;     // `owned_hash` of our manager; empty when we own nothing of it
  Json facts = nullptr;  // what `FactsOf` chose of spec and status
};
using RecordPtr = std::shared_ptr<const Record>;

// Chooses the facts of an object that somebody reads; everything else is dropped. `owned`: what is
// ours of it, as of `owned_projection` but for the order of lists and the identity.
using FactsOf = std::function<Json(const Json& object, const Json& owned)>;
// Whether somebody reads the label or annotation of this name. Empty: all are kept.
using Keeps = std::function<bool(const std::string& name)>;

Record make_record(const Resource& resource, const Json& object, const std::string& manager,
                   const FactsOf& facts, const Keeps& keeps = {});

// The values at the paths that `manager` owns by Apply on the main resource (managedFields,
// operation Apply, no subresource), lists of objects sorted; null when there is no such entry.
Json owned_projection(const Json& object, const std::string& manager);

// Hash of that projection (hex), and of a body that we would apply. They are equal when the object
// is in step. apiVersion, kind, metadata.{name,namespace,uid,resourceVersion} and members that are
// null count on neither side.
std::string owned_hash(const Json& object, const std::string& manager);
// The two steps of it: null and the empty text when nothing is ours.
Json owned_part(const Json& object, const std::string& manager);
std::string hash_of_part(const Json& owned);
std::string desired_hash(const Json& body);

}  // namespace k8s
