#include "tests/reconcilers/engine/small_storage.h"

#include "crds/quantity.h"
#include "tests/reconcilers/engine/responses.h"

namespace reconcilers::test {

using k8s::Json;
using k8s::Response;

Response SmallStorage::read(const std::string& name) const {
  if (forbidden) return error(403, "Forbidden", "storageclasses is forbidden");
  const auto found = classes.find(name);
  if (found == classes.end()) return error(404, "NotFound", name + " not found");
  return ok({{"kind", "StorageClass"}, {"allowVolumeExpansion", found->second}});
}

std::optional<Response> SmallStorage::refuse(const Json& before, const Json& after) const {
  const Json::json_pointer size("/spec/resources/requests/storage");
  const auto was = crds::Quantity::parse(before.at(size));
  const auto is = crds::Quantity::parse(after.at(size));
  if (is->value() == was->value()) return std::nullopt;
  if (is->value() < was->value()) return error(422, "Invalid", "a claim cannot shrink");
  if (before.value("/status/phase"_json_pointer, "") != "Bound")
    return error(422, "Invalid", "spec is immutable after creation except for bound claims");
  const auto found = classes.find(before.at("spec").value("storageClassName", ""));
  if (found != classes.end() && found->second) return std::nullopt;
  return error(403, "Forbidden", "the storageclass must support resize");
}

}  // namespace reconcilers::test
