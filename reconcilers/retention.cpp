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

}  // namespace

// A volume that this resource does not use holds what an earlier resource of the name retained: to
// let it follow this one would delete what was to be kept. And data without the passwords that it
// was made with is as good as lost, so those stay as long as any of the data does.
void Procedures::keep_or_release_data(const desired::Objects& desired, const VolumeClaims& used,
                                      crds::DeletionPolicy policy) const {
  const Data data = data_of(desired, used, observed);
  const bool release = policy == crds::DeletionPolicy::Delete;
  for (const RecordPtr& claim : data.claims) follow(*claim, release);
  for (const RecordPtr& claim : data.others) follow(*claim, false);
  for (const RecordPtr& record : {observed.find("Secret", observed.key.name + "-credentials"),
                                  observed.find("ConfigMap", observed.key.name + "-redis-state")})
    if (record && record->controller_uid.empty())
      follow(*record, release && !data.outlives_resource());
}

void Procedures::follow(const Record& record, bool into_deletion) const {
  const auto& owners = record.owner_uids;
  const bool follows = std::find(owners.begin(), owners.end(), observed.uid()) != owners.end();
  if (follows == into_deletion || record.deleting || observed.is_predecessors(record)) return;
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
