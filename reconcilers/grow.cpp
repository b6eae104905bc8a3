// Raises the requests of volume claims to what the spec asks for, never lowers one: under the
// claim's resourceVersion, so that a request which somebody else has raised further stays.
#include <utility>

#include "k8s-client/errors.h"
#include "reconcilers/faults.h"
#include "reconcilers/kinds.h"
#include "reconcilers/operate.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

using k8s::Json;

constexpr const char* kNotAllowed = "ExpansionNotAllowed";

const k8s::Resource& storage_classes() {
  static const k8s::Resource kResource = {"storage.k8s.io", "v1", "storageclasses", "StorageClass",
                                          false};
  return kResource;
}

// Why volumes of a class do not grow, and what to do; empty when they do. Asked only when one has
// to, which spares the API server a write that it must refuse.
std::string obstacle(const k8s::Client& client, const std::string& name) {
  const std::string move = "move the data to a new resource with another class";
  if (name.empty()) return "it has no StorageClass, which alone lets a volume grow; " + move;
  try {
    const auto found = client.find(storage_classes(), "", name);
    if (!found)
      return "StorageClass " + name +
             " is not there; make it again with allowVolumeExpansion, or " + move;
    if (found->value("allowVolumeExpansion", false)) return "";
    return "StorageClass " + name +
           " does not have allowVolumeExpansion; set it if the driver can do that, or " + move;
  } catch (const k8s::ApiError& error) {
    if (error.code() != 403) throw;
    return "";  // not ours to read: the answer to the write will say it
  }
}

}  // namespace

void Procedures::grow_volumes(const VolumeClaims& claims) const {
  Obstacles obstacles;
  for (const VolumeClaim& claim : claims) {
    if (!must_grow(claim)) continue;
    if (memory.refused(claim.live->key, claim.wanted, now) != nullptr) continue;
    faults.attempt("the growth of PersistentVolumeClaim " + claim.name,
                   [&] { grow_as_allowed(claim, obstacles); });
  }
}

void Procedures::grow_as_allowed(const VolumeClaim& claim, Obstacles& obstacles) const {
  const std::string storage_class = text_fact(*claim.live, "class");
  if (!obstacles.contains(storage_class))
    obstacles[storage_class] = obstacle(client, storage_class);
  const std::string& why_not = obstacles.at(storage_class);
  if (why_not.empty())
    grow(claim);
  else
    memory.refuse(claim.live->key, claim.wanted, kNotAllowed, why_not, now);
}

void Procedures::grow(const VolumeClaim& claim) const {
  const k8s::ObjectKey& key = claim.live->key;
  const Json requests = {{"storage", claim.wanted}};
  const Json body = {
      {"metadata", {{"uid", claim.live->uid}, {"resourceVersion", claim.live->resource_version}}},
      {"spec", {{"resources", {{"requests", requests}}}}}};
  try {
    Json answer = client.merge(resource_of(key.kind), key.ns, key.name, body, kVolumesManager);
    memory.refusals.erase(key);
    store.put(record_of(key.kind, std::move(answer)));
  } catch (const k8s::ApiError& error) {
    if (error.code() == 404 || error.code() == 409)
      memory.wake_at(now + kCacheDelay);  // it changed under our hands: the cache will say how
    else if (about_the_object(error))
      memory.refuse(key, claim.wanted, "GrowthRefused",
                    std::string(error.what()) + "; mend that, it is tried again by itself", now);
    else
      throw;
  }
}

}  // namespace reconcilers
