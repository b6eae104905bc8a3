#include "k8s-client/record.h"

namespace k8s {
namespace {

// As large as the object itself, and never read.
constexpr const char* kLastApplied = "kubectl.kubernetes.io/last-applied-configuration";

std::map<std::string, std::string> texts(const Json& metadata, const char* field,
                                         const Keeps& keeps) {
  std::map<std::string, std::string> out;
  const auto found = metadata.find(field);
  if (found == metadata.end() || !found->is_object()) return out;
  for (const auto& [name, value] : found->items()) {
    if (value.is_string() && name != kLastApplied && (!keeps || keeps(name)))
      out.emplace(name, value.get<std::string>());
  }
  return out;
}

void read_owners(const Json& metadata, Record& record) {
  const auto owners = metadata.find("ownerReferences");
  if (owners == metadata.end() || !owners->is_array()) return;
  for (const Json& owner : *owners) {
    std::string uid = owner.value("uid", "");
    if (owner.value("controller", false)) record.controller_uid = uid;
    record.owner_uids.push_back(std::move(uid));
  }
}

}  // namespace

Record make_record(const Resource& resource, const Json& object, const std::string& manager,
                   const FactsOf& facts, const Keeps& keeps) {
  const Json& metadata = object.at("metadata");
  Record record;
  record.key = {resource.kind, metadata.value("namespace", ""), metadata.at("name")};
  record.uid = metadata.value("uid", "");
  record.resource_version = metadata.value("resourceVersion", "");
  record.generation = metadata.value("generation", std::int64_t{0});
  record.deleting = metadata.contains("deletionTimestamp");
  read_owners(metadata, record);
  record.labels = texts(metadata, "labels", keeps);
  record.annotations = texts(metadata, "annotations", keeps);
  const Json owned = owned_part(object, manager);
  record.owned = hash_of_part(owned);
  if (facts) record.facts = facts(object, owned);
  return record;
}

}  // namespace k8s
