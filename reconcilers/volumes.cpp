#include "reconcilers/volumes.h"

#include <algorithm>

#include "crds/quantity.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/stateful.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

using k8s::RecordPtr;

// What is said of a claim; the first of these that any claim has is the condition's reason.
enum class Rank { Refused, Lost, ResizeFailed, Pending, FileSystemPending, Growing, InOrder };

struct Finding {
  Rank rank;
  std::string reason;
  std::string message;
};

struct Volume {
  const crds::Storage& storage;
  std::int64_t pods;  // by design; a suspended resource has none
};

Volume volume_of(const crds::Resolved& resolved, const std::string& component) {
  if (component == desired::kDatabase) return {resolved.database.storage, 1};
  if (component == desired::kRedis) return {resolved.redis.storage, resolved.redis.size};
  return {resolved.object_store.storage, 1};
}

// A quantity that is not there or not understood is not smaller than any.
bool smaller(const std::string& a, const std::string& b) {
  const auto left = crds::Quantity::parse(a), right = crds::Quantity::parse(b);
  return left && right && left->value() < right->value();
}

bool bound(const k8s::Record& claim) { return text_fact(claim, "phase") == "Bound"; }

Finding pending(const VolumeClaim& claim) {
  const std::string& name = claim.name;
  if (claim.leaving)
    return {Rank::Pending, "Pending",
            name +
                " is being deleted; what it holds goes when no pod uses it any more, so copy it "
                "before that"};
  if (!claim.live) return {Rank::Pending, "Pending", name + " is not there yet"};
  if (text_fact(*claim.live, "phase") == "Lost")
    return {Rank::Lost, "Lost",
            name +
                " has lost its volume: bring the volume back, or restore the data from a "
                "backup into a new one"};
  const std::string storage_class = text_fact(*claim.live, "class");
  return {Rank::Pending, "Pending",
          name + " (" + claim.wanted + ", " +
              (storage_class.empty() ? "no StorageClass" : "StorageClass " + storage_class) +
              ") has no volume yet; kubectl describe pvc/" + name + " says why"};
}

Finding growing(const VolumeClaim& claim, const k8s::Record& live) {
  const std::string way =
      claim.name + " grows from " + text_fact(live, "capacity") + " to " + claim.wanted;
  const std::string resize = text_fact(live, "resize");
  const std::string message = text_fact(live, "message");
  const std::string detail = message.empty() ? "" : ": " + message;
  if (resize.ends_with("Error"))
    return {Rank::ResizeFailed, "ResizeFailed",
            way + ", which fails (" + resize + ")" + detail +
                "; the storage driver tries again, its log says more"};
  if (resize == "FileSystemResizePending")
    return {Rank::FileSystemPending, "FileSystemResizePending",
            way +
                ": the volume has its size, its file system follows while the pod runs, or, if "
                "the driver cannot do that, when the pod is restarted"};
  return {Rank::Growing, "Growing", way};
}

Finding look_at(const VolumeClaim& claim, const std::map<k8s::ObjectKey, Refusal>& refusals) {
  if (!claim.live || !bound(*claim.live)) return pending(claim);
  const k8s::Record& live = *claim.live;
  const auto refusal = refusals.find(live.key);
  if (must_grow(claim) && refusal != refusals.end() && refusal->second.desired == claim.wanted)
    return {Rank::Refused, refusal->second.reason,
            claim.name + " cannot grow from " + text_fact(live, "requested") + " to " +
                claim.wanted + ": " + refusal->second.message};
  if (must_grow(claim) || smaller(text_fact(live, "capacity"), claim.wanted))
    return growing(claim, live);
  return {Rank::InOrder, "Ready", claim.name + " has " + text_fact(live, "capacity")};
}

}  // namespace

VolumeClaims volume_claims(const crds::Resolved& resolved, const desired::Objects& desired,
                           const Observed& observed) {
  VolumeClaims claims;
  for (const auto& set : desired) {
    if (set.kind() != "StatefulSet" || !set.body.at("spec").contains("volumeClaimTemplates"))
      continue;
    const Volume volume = volume_of(resolved, set.component);
    for (std::int64_t ordinal = 0; ordinal < volume.pods; ++ordinal) {
      const std::string name = desired::claim_of(set.name() + "-" + std::to_string(ordinal));
      RecordPtr live = observed.find("PersistentVolumeClaim", name);
      if (live && !live->controller_uid.empty()) continue;
      const bool leaving = live && (live->deleting || observed.is_predecessors(*live));
      if (leaving) live = nullptr;
      claims.push_back({name, volume.storage.size, live, leaving});
    }
  }
  return claims;
}

bool must_grow(const VolumeClaim& claim) {
  return claim.live && bound(*claim.live) &&
         smaller(text_fact(*claim.live, "requested"), claim.wanted);
}

std::optional<crds::Condition> storage_condition(
    const VolumeClaims& claims, const std::map<k8s::ObjectKey, Refusal>& refusals) {
  if (claims.empty()) return std::nullopt;
  std::vector<Finding> findings;
  for (const VolumeClaim& claim : claims) findings.push_back(look_at(claim, refusals));
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Finding& a, const Finding& b) { return a.rank < b.rank; });
  const Finding& worst = findings.front();
  const bool in_order = worst.rank == Rank::InOrder;
  crds::Condition condition{"StorageReady", in_order ? "True" : "False", worst.reason, ""};
  for (const Finding& it : findings) {
    if (it.rank == Rank::InOrder && !in_order) break;
    condition.message += (condition.message.empty() ? "" : "; ") + it.message;
  }
  return condition;
}

}  // namespace reconcilers
