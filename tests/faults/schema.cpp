#include "tests/faults/schema.h"

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

namespace faults {
namespace {

struct Keys {
  std::vector<std::string> names;                    // sorted, as in fieldsV1
  std::map<std::string, std::string> defaults = {};  // of keys that may be left out
};

// Lists merged by key. Names of fields tell them apart well enough, but for ports.
const std::multimap<std::string, Keys>& keyed_lists() {
  static const std::multimap<std::string, Keys> lists = {
      {"containers", {{"name"}}},
      {"initContainers", {{"name"}}},
      {"env", {{"name"}}},
      {"volumes", {{"name"}}},
      {"imagePullSecrets", {{"name"}}},
      {"volumeMounts", {{"mountPath"}}},
      {"ownerReferences", {{"uid"}}},
      {"conditions", {{"type"}}},
      {"hostAliases", {{"ip"}}},
      {"topologySpreadConstraints", {{"topologyKey", "whenUnsatisfiable"}}},
      {"ports", {{"containerPort", "protocol"}, {{"protocol", "TCP"}}}},
      {"ports", {{"port", "protocol"}, {{"protocol", "TCP"}}}}};
  return lists;
}

bool has_one_owner(const std::string& field) {
  static const std::set<std::string> atomic = {
      "selector",     "podSelector", "namespaceSelector", "labelSelector",   "matchLabels",
      "nodeSelector", "fieldRef",    "secretKeyRef",      "configMapKeyRef", "resourceFieldRef"};
  return atomic.contains(field);
}

// Items of these lists are references: one value each.
bool has_one_owner_each(const std::string& field) {
  return field == "ownerReferences" || field == "imagePullSecrets";
}

const Keys* keys_of(const std::string& field, const Json& list) {
  if (!list.is_array()) return nullptr;
  const auto [from, to] = keyed_lists().equal_range(field);
  for (auto it = from; it != to; ++it) {
    const std::string& first = it->second.names.front();
    if (std::all_of(list.begin(), list.end(),
                    [&](const Json& item) { return item.is_object() && item.contains(first); }))
      return &it->second;
  }
  return nullptr;
}

std::string element_of(const Keys& keys, const Json& item) {
  Json values = Json::object();
  for (const std::string& name : keys.names) {
    const auto preset = keys.defaults.find(name);
    values[name] = item.contains(name)             ? item.at(name)
                   : preset != keys.defaults.end() ? Json(preset->second)
                                                   : Json();
  }
  return "k:" + values.dump();
}

}  // namespace

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = {
      {{"entityservice.io", "v1alpha1", "entityservices", "EntityService"}, true, true},
      {{"apps", "v1", "deployments", "Deployment"}, true, true},
      {{"apps", "v1", "statefulsets", "StatefulSet"}, true, true},
      {{"batch", "v1", "jobs", "Job"}, true, true},
      {{"", "v1", "services", "Service"}, false, true},
      {{"", "v1", "configmaps", "ConfigMap"}},
      {{"", "v1", "serviceaccounts", "ServiceAccount"}},
      {{"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"}, true, true},
      {{"networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"}, true, false},
      {{"", "v1", "secrets", "Secret"}},
      {{"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"}, false, true},
      {{"", "v1", "pods", "Pod"}, true, true},
      {{"", "v1", "namespaces", "Namespace", false}, false, true},
      {{"", "v1", "resourcequotas", "ResourceQuota"}, false, true},
      {{"coordination.k8s.io", "v1", "leases", "Lease"}},
      {{"events.k8s.io", "v1", "events", "Event"}},
      {{"storage.k8s.io", "v1", "storageclasses", "StorageClass", false}},
  };
  return all;
}

const Kind* find_kind(const std::string& plural) {
  for (const Kind& kind : kinds())
    if (kind.resource.plural == plural) return &kind;
  return nullptr;
}

const Kind& kind_named(const std::string& name) {
  for (const Kind& kind : kinds())
    if (kind.resource.kind == name) return kind;
  throw std::out_of_range("no kind " + name);
}

std::vector<Child> children(const std::string& field, const Json& value) {
  std::vector<Child> found;
  if (has_one_owner(field)) return found;
  if (value.is_object()) {
    for (const auto& [name, member] : value.get_ref<const Json::object_t&>())
      found.push_back({"f:" + name, &member});
  } else if (const Keys* keys = keys_of(field, value)) {
    for (const Json& item : value) found.push_back({element_of(*keys, item), &item});
  } else if (field == "finalizers") {
    for (const Json& item : value) found.push_back({"v:" + item.dump(), &item});
  }
  return found;
}

bool is_leaf(const std::string& parent, const std::string& element, const Json& value) {
  if (is_item(element) && (has_one_owner_each(parent) || value.is_primitive())) return true;
  return children(field_of(element), value).empty();
}

const Json* find_child(const std::string& field, const Json& parent, const std::string& element) {
  if (!is_item(element)) {
    if (!parent.is_object()) return nullptr;
    const auto found = parent.find(element.substr(2));
    return found == parent.end() ? nullptr : &*found;
  }
  for (const Child& child : children(field, parent))
    if (child.element == element) return child.value;
  return nullptr;
}

Json* find_child(const std::string& field, Json& parent, const std::string& element) {
  return const_cast<Json*>(find_child(field, std::as_const(parent), element));
}

void erase_child(const std::string& field, Json& parent, const std::string& element) {
  const Json* gone = find_child(field, parent, element);
  if (gone == nullptr) return;
  for (auto it = parent.begin(); it != parent.end(); ++it) {
    if (&*it != gone) continue;
    parent.erase(it);
    return;
  }
}

Json& make_child(const std::string& field, Json& parent, const std::string& element) {
  if (Json* there = find_child(field, parent, element)) return *there;
  if (!is_item(element)) return parent[element.substr(2)];
  if (!parent.is_array()) parent = Json::array();
  // what names an item is part of it
  parent.push_back(Json::parse(element.substr(2)));
  return parent.back();
}

std::string field_of(const std::string& element) {
  return is_item(element) ? std::string() : element.substr(2);
}

}  // namespace faults
