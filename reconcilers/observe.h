// What the cache holds for one resource at the start of a pass. A value; makes no request.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "k8s-client/record.h"
#include "k8s-client/store.h"

namespace reconcilers {

struct Observed {
  k8s::ObjectKey key;       // of the EntityService
  k8s::RecordPtr resource;  // its record; facts hold the object
  bool namespace_deleting = false;
  bool prerelease_namespace = false;  // by its label environment=staging
  // Everything with the label entityservice.io/resource: NAME
  std::map<k8s::ObjectKey, k8s::RecordPtr> objects;

  const k8s::Json& object() const { return resource->facts; }
  const std::string& uid() const { return resource->uid; }
  const k8s::Json& status() const;  // the published status, an empty object if there is none
  k8s::RecordPtr find(const std::string& kind, const std::string& name) const;
  std::vector<k8s::RecordPtr> of_kind(const std::string& kind) const;
  std::vector<k8s::RecordPtr> of_component(const std::string& kind,
                                           const std::string& component) const;
  // It goes away with a deleted EntityService of the same name, sooner or later.
  bool is_predecessors(const k8s::Record& record) const;
};

// What a store needs for the functions below.
k8s::Grouping grouping();

// A hash of all that a pass reads of the cache. An equal one means that a pass would do what the
// last one did.
std::size_t fingerprint(const k8s::Store& store, const k8s::ObjectKey& key);

// nullopt: there is no such EntityService.
std::optional<Observed> observe(const k8s::Store& store, const k8s::ObjectKey& key);

}  // namespace reconcilers
