#include "tests/faults/garbage.h"

#include <algorithm>
#include <set>

namespace faults {
namespace {

using Pointer = Json::json_pointer;

const Manager kCollector{"kube-controller-manager"};

Json owners_of(const Json& object) {
  return object.value(Pointer("/metadata/ownerReferences"), Json::array());
}

bool has_finalizer(const Json& object, const std::string& name) {
  const Json all = object.value(Pointer("/metadata/finalizers"), Json::array());
  return std::find(all.begin(), all.end(), name) != all.end();
}

void drop_finalizer(ApiServer& server, const ObjectKey& key, const std::string& name) {
  server.edit_as(kCollector, key, [&name](Json& body) {
    Json left = Json::array();
    for (const Json& it : body["metadata"]["finalizers"])
      if (it != name) left.push_back(it);
    body["metadata"]["finalizers"] = left;
    if (left.empty()) body["metadata"].erase("finalizers");
  });
}

std::vector<ObjectKey> dependents_of(const ApiServer& server, const Json& uid) {
  std::vector<ObjectKey> found;
  for (const auto& [key, object] : server.storage().objects())
    for (const Json& owner : owners_of(*object))
      if (owner.at("uid") == uid) found.push_back(key);
  return found;
}

void disown(ApiServer& server, const ObjectKey& key, const std::set<std::string>& gone) {
  server.edit_as(kCollector, key, [&gone](Json& body) {
    Json left = Json::array();
    for (const Json& owner : owners_of(body))
      if (!gone.contains(owner.at("uid").get<std::string>())) left.push_back(owner);
    body["metadata"]["ownerReferences"] = left;
    if (left.empty()) body["metadata"].erase("ownerReferences");
  });
}

bool finish_deletion(ApiServer& server, const ObjectKey& key, const Json& object) {
  const Json uid = object.at("metadata").at("uid");
  const auto dependents = dependents_of(server, uid);
  if (has_finalizer(object, "orphan")) {
    for (const ObjectKey& it : dependents) disown(server, it, {uid.get<std::string>()});
    drop_finalizer(server, key, "orphan");
    return true;
  }
  if (!has_finalizer(object, "foregroundDeletion")) return false;
  bool changed = false;
  for (const ObjectKey& it : dependents) {
    if (server.find(it)->at("metadata").contains("deletionTimestamp")) continue;
    server.remove(it, "Foreground");
    changed = true;
  }
  if (!dependents.empty()) return changed;
  drop_finalizer(server, key, "foregroundDeletion");
  return true;
}

bool end_namespace(ApiServer& server, const ObjectKey& ns) {
  bool changed = false;
  for (const auto& [key, object] : Storage::Objects(server.storage().objects())) {
    if (key.ns != ns.name || object->at("metadata").contains("deletionTimestamp")) continue;
    server.remove(key);
    changed = true;
  }
  return changed;
}

// The claims of a StatefulSet end with the names of its pods.
bool is_mounted(const ApiServer& server, const ObjectKey& claim) {
  const auto pods = server.keys("Pod");
  return std::any_of(pods.begin(), pods.end(), [&claim](const ObjectKey& pod) {
    return pod.ns == claim.ns && claim.name.ends_with("-" + pod.name);
  });
}

bool collect(ApiServer& server, const ObjectKey& key, const Json& object,
             const std::set<std::string>& uids) {
  std::set<std::string> gone;
  bool held = false;
  for (const Json& owner : owners_of(object)) {
    const std::string uid = owner.at("uid");
    if (uids.contains(uid))
      held = true;
    else
      gone.insert(uid);
  }
  if (gone.empty() || object.at("metadata").contains("deletionTimestamp")) return false;
  if (held)
    disown(server, key, gone);
  else if (key.kind == "PersistentVolumeClaim" && is_mounted(server, key))
    return false;  // the end of the pod has it looked at again
  else
    server.remove(key);
  return true;
}

}  // namespace

bool collect_garbage(ApiServer& server) {
  bool changed = false;
  const Storage::Objects objects = server.storage().objects();
  std::set<std::string> uids;
  for (const auto& [key, object] : objects) uids.insert(object->at("metadata").at("uid"));
  for (const auto& [key, object] : objects) {
    if (server.find(key) != object.get()) continue;  // changed meanwhile: the next step sees it
    if (object->at("metadata").contains("deletionTimestamp"))
      changed |= key.kind == "Namespace" ? end_namespace(server, key)
                                         : finish_deletion(server, key, *object);
    else
      changed |= collect(server, key, *object, uids);
  }
  return changed;
}

}  // namespace faults
