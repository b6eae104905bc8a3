#include <algorithm>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/kinds.h"
#include "reconcilers/operate.h"

namespace reconcilers {
namespace {

using k8s::Json;
using k8s::Record;
using k8s::RecordPtr;

// Somebody's own volume, which we may use and never release.
bool uses_foreign_claim(const desired::Object& set) {
  const auto& pod = set.body.at("spec").at("template").at("spec");
  const Json volumes = pod.value("volumes", Json::array());
  return std::any_of(volumes.begin(), volumes.end(),
                     [](const Json& it) { return it.contains("persistentVolumeClaim"); });
}

struct Data {
  std::vector<RecordPtr> claims;  // that this resource uses
  std::vector<RecordPtr> others;  // kept by an earlier one of the name, or a user's own
  bool foreign = false;           // some of the data lies in volumes that are not ours at all
  bool outlives_resource() const { return foreign || !others.empty(); }
};

Data data_of(const desired::Objects& desired, const VolumeClaims& used, const Observed& observed) {
  Data data;
  for (const auto& object : desired)
    if (object.kind() == "StatefulSet" && uses_foreign_claim(object)) data.foreign = true;
  for (const RecordPtr& record : observed.of_kind("PersistentVolumeClaim")) {
    const bool ours = std::any_of(used.begin(), used.end(), [&record](const VolumeClaim& claim) {
      return claim.name == record->key.name;
    });
    (ours ? data.claims : data.others).push_back(record);
  }
  return data;
}

bool follows(const Record& record, const Observed& observed) {
  const auto& owners = record.owner_uids;
  return std::find(owners.begin(), owners.end(), observed.uid()) != owners.end();
}

}  // namespace

std::string title(const Following& change) {
  return "the deletionPolicy of " + change.record->key.kind + " " + change.record->key.name;
}

// A volume that this resource does not use holds what an earlier resource of the name retained: to
// let it follow this one would delete what was to be kept. And data without the passwords that it
// was made with is as good as lost, so those stay as long as any of the data does.
std::vector<Following> find_followings(const desired::Objects& desired, const VolumeClaims& used,
                                       const Observed& observed, crds::DeletionPolicy policy) {
  std::vector<Following> changes;
  const auto want = [&](const RecordPtr& record, bool into_deletion) {
    const bool as_asked = follows(*record, observed) == into_deletion;
    if (!as_asked && !record->deleting && !observed.is_predecessors(*record))
      changes.push_back({record, into_deletion});
  };
  const Data data = data_of(desired, used, observed);
  const bool release = policy == crds::DeletionPolicy::Delete;
  for (const RecordPtr& claim : data.claims) want(claim, release);
  for (const RecordPtr& claim : data.others) want(claim, false);
  for (const RecordPtr& record : {observed.find("Secret", observed.key.name + "-credentials"),
                                  observed.find("ConfigMap", observed.key.name + "-redis-state")})
    if (record && record->controller_uid.empty())
      want(record, release && !data.outlives_resource());
  return changes;
}

void Procedures::keep_or_release(const std::vector<Following>& changes) const {
  bool all = true;
  for (const Following& change : changes) {
    // what could not be told to go stays, and the passwords and the Redis state with it
    const k8s::ObjectKey& key = change.record->key;
    const bool is_data = key.kind == "PersistentVolumeClaim";
    if (change.into_deletion && !is_data && !all) return;
    const std::string wanted = change.into_deletion ? "follows" : "stays";
    const bool done =
        !memory.put_off(key, Intent::Retention, wanted, now) && faults.attempt(title(change), [&] {
          follow(*change.record, change.into_deletion);
          note_write(memory.contests[{key, Intent::Retention}], wanted, now);
        });
    all = all && done;
  }
}

void Procedures::follow(const Record& record, bool into_deletion) const {
  const k8s::Resource& resource = resource_of(record.key.kind);
  Json metadata = {{"name", record.key.name}, {"namespace", record.key.ns}};
  if (into_deletion) {
    metadata["ownerReferences"] = Json::array({Json{{"apiVersion", entity_services().api_version()},
                                                    {"kind", entity_services().kind},
                                                    {"name", observed.key.name},
                                                    {"uid", observed.uid()},
                                                    {"controller", false}}});
  }
  const Json body = {
      {"apiVersion", resource.api_version()}, {"kind", resource.kind}, {"metadata", metadata}};
  Json answer = client.apply(resource, body, kRetentionManager, k8s::Guard::update(record.uid));
  store.put(record_of(record.key.kind, std::move(answer)));
}

}  // namespace reconcilers
