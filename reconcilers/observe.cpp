#include "reconcilers/observe.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/facts.h"
#include "reconcilers/workload.h"

namespace reconcilers {
namespace {

bool label_is(const k8s::Record& record, const std::string& label, const std::string& value) {
  const auto found = record.labels.find(label);
  return found != record.labels.end() && found->second == value;
}

// A hash of all that a pass reads of a record: resourceVersions and churn that nobody reads are not
// in it, but the resourceVersion of a Secret is, which stands for its content.
std::size_t digest_of(const k8s::Record& record) {
  std::string text = record.key.kind + '/' + record.key.name + '|' + record.uid + '|' +
                     record.owned + '|' + record.controller_uid +
                     (record.deleting ? "|deleting|" : "|");
  for (const auto& uid : record.owner_uids) text += uid + ',';
  for (const auto& [name, value] : record.labels) text += name + '=' + value + ',';
  if (record.key.kind == "Secret") text += record.resource_version;
  if (record.key.kind == "Deployment" || record.key.kind == "StatefulSet")
    text += std::to_string(record.generation);
  return std::hash<std::string>{}(text + record.facts.dump());
}

}  // namespace

const k8s::Json& Observed::status() const {
  static const k8s::Json kNone = k8s::Json::object();
  const auto found = object().find("status");
  return found != object().end() && found->is_object() ? *found : kNone;
}

k8s::RecordPtr Observed::find(const std::string& kind, const std::string& name) const {
  const auto found = objects.find({kind, key.ns, name});
  return found == objects.end() ? nullptr : found->second;
}

std::vector<k8s::RecordPtr> Observed::of_kind(const std::string& kind) const {
  std::vector<k8s::RecordPtr> found;
  for (auto it = objects.lower_bound({kind, key.ns, ""});
       it != objects.end() && it->first.kind == kind; ++it)
    found.push_back(it->second);
  return found;
}

std::vector<k8s::RecordPtr> Observed::of_component(const std::string& kind,
                                                   const std::string& component) const {
  std::vector<k8s::RecordPtr> found = of_kind(kind);
  std::erase_if(found, [&component](const k8s::RecordPtr& record) {
    return !label_is(*record, desired::kComponentLabel, component);
  });
  return found;
}

bool Observed::is_predecessors(const k8s::Record& record) const {
  const auto followed = list_fact(record, "follows");
  return std::any_of(followed.begin(), followed.end(),
                     [this](const std::string& owner) { return owner != uid(); });
}

k8s::Grouping grouping() { return {desired::kResourceLabel, digest_of}; }

std::size_t fingerprint(const k8s::Store& store, const k8s::ObjectKey& key) {
  const std::size_t digests[] = {store.digest(key), store.digest({"Namespace", "", key.ns}),
                                 store.group_digest(key.ns, key.name)};
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(digests), sizeof digests});
}

std::optional<Observed> observe(const k8s::Store& store, const k8s::ObjectKey& key) {
  Observed observed;
  observed.key = key;
  observed.resource = store.find(key);
  if (!observed.resource) return std::nullopt;
  if (const auto ns = store.find({"Namespace", "", key.ns})) {
    observed.namespace_deleting = ns->deleting;
    observed.prerelease_namespace = label_is(*ns, kEnvironmentLabel, "staging");
  }
  for (auto& record : store.group(key.ns, key.name))
    if (record->key.kind != key.kind) observed.objects.emplace(record->key, std::move(record));
  return observed;
}

}  // namespace reconcilers
