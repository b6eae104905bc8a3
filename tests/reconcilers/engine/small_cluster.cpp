#include "tests/reconcilers/engine/small_cluster.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "k8s-client/errors.h"
#include "reconcilers/kinds.h"
#include "tests/reconcilers/engine/responses.h"

namespace reconcilers::test {
namespace {

using k8s::Response;

constexpr const char* kAddress = "f:spec\nf:clusterIP";

k8s::Resource resource_of_plural(const std::string& plural) {
  if (plural == "events") return {"events.k8s.io", "v1", "events", "Event"};
  for (const auto& spec : watches("", ""))
    if (spec.resource.plural == plural) return spec.resource;
  throw std::logic_error("no such kind: " + plural);
}

std::string query(const k8s::Request& request, const std::string& name) {
  for (const auto& [key, value] : request.query)
    if (key == name) return value;
  return "";
}

bool has_generation(const std::string& kind) {
  return kind != "ConfigMap" && kind != "Secret" && kind != "ServiceAccount" && kind != "Event";
}

// What the real API server refuses to change.
const char* immutable_part(const std::string& kind, const Json& before, const Json& after) {
  const auto differs = [&](const char* pointer) {
    const Json::json_pointer path(pointer);
    return before.value(path, Json()) != after.value(path, Json());
  };
  if (kind == "Job" && differs("/spec/template")) return "spec.template";
  if (kind == "StatefulSet" && differs("/spec/volumeClaimTemplates"))
    return "spec.volumeClaimTemplates";
  if (kind == "ConfigMap" && before.value("immutable", false) && differs("/data")) return "data";
  return nullptr;
}

}  // namespace

std::string Seen::text() const {
  return method + " " + kind + "/" + name + (subresource.empty() ? "" : "/" + subresource) + " " +
         std::to_string(status);
}

std::unique_ptr<k8s::Stream> SmallCluster::open(const k8s::Request&, std::chrono::milliseconds) {
  throw std::logic_error("the tests of the reconciler feed its store themselves");
}

SmallCluster::Call SmallCluster::parse(const k8s::Request& request) const {
  std::vector<std::string> parts;
  std::istringstream in(request.path);
  for (std::string part; std::getline(in, part, '/');)
    if (!part.empty()) parts.push_back(part);
  if (parts.size() == 5 && parts[3] == "storageclasses")
    return {request,
            {"storage.k8s.io", "v1", parts[3], "StorageClass", false},
            {"StorageClass", "", parts[4]},
            "",
            Json(),
            ""};
  const auto ns = std::find(parts.begin(), parts.end(), "namespaces");
  if (ns == parts.end() || parts.end() - ns < 3)
    throw std::logic_error("not a namespaced path: " + request.path);
  Call call{request, resource_of_plural(ns[2]), {}, "", Json(), query(request, "fieldManager")};
  call.key = {call.resource.kind, ns[1], parts.end() - ns > 3 ? ns[3] : ""};
  if (parts.end() - ns > 4) call.subresource = ns[4];
  if (!request.body.empty()) call.body = Json::parse(request.body);
  if (call.key.name.empty()) call.key.name = call.body.at("metadata").at("name");
  return call;
}

Response SmallCluster::send(const k8s::Request& request) {
  if (on_the_way) on_the_way(request);
  const std::lock_guard lock(one_request_);
  const Call call = parse(request);
  Seen it{request.method, call.key.kind, call.key.name, call.subresource, call.manager, 0};
  if (it.is_write() && before_write) before_write(it);
  const Response response = dispatch(call);
  it.status = response.status;
  seen.push_back(it);
  if (it.is_write() && after_write) after_write(it);
  return response;
}

Response SmallCluster::dispatch(const Call& call) {
  const auto found = state_.objects.find(call.key);
  const std::string& method = call.request.method;
  if (auto failed = fail(call)) return *failed;
  if (auto refusal = refuse(call)) return *refusal;
  if (call.key.kind == "StorageClass" && method == "GET") return storage.read(call.key.name);
  if (method == "GET")
    return found == state_.objects.end() ? error(404, "NotFound", call.key.name + " not found")
                                         : ok(found->second.body);
  if (method == "PATCH") return patch(call);
  if (method == "DELETE") return remove(call);
  if (method != "POST") throw std::logic_error("no such verb: " + method);
  if (found != state_.objects.end()) return error(409, "AlreadyExists", call.key.name + " exists");
  Stored& created = insert(call.key, call.body);
  note_update(created, Json::object(), call.manager, "");
  return ok(created.body, 201);
}

std::optional<Response> SmallCluster::fail(const Call& call) const {
  const auto found = failing.find(call.request.method + " " + call.key.kind + "/" + call.key.name);
  if (found == failing.end() || call.subresource == "status") return std::nullopt;
  if (found->second == 0)
    throw k8s::TransportError(k8s::TransportError::Stage::Deadline, found->first + ": no answer");
  return error(found->second, "", failure);
}

std::optional<Response> SmallCluster::refuse(const Call& call) const {
  if (call.request.method == "GET") return std::nullopt;
  const auto refusal = refused.find(call.key.kind + "/" + call.key.name);
  if (refusal != refused.end() && call.request.method != "DELETE")
    return error(403, "Forbidden", refusal->second);
  const bool creates = call.request.method != "DELETE" && !state_.objects.contains(call.key);
  if (!namespace_ending || !creates) return std::nullopt;
  const Json cause = {{"reason", "NamespaceTerminating"}, {"field", "metadata.namespace"}};
  return error(403, "Forbidden", "the namespace is being terminated",
               {{"causes", Json::array({cause})}});
}

Response SmallCluster::patch(const Call& call) {
  if (call.request.content_type == "application/apply-patch+yaml") return apply(call);
  if (call.request.content_type == "application/merge-patch+json") return merge(call);
  throw std::logic_error("no such patch: " + call.request.content_type);
}

Response SmallCluster::apply(const Call& call) {
  if (query(call.request, "force") != "true") throw std::logic_error("an apply without force");
  const Json& metadata = call.body.at("metadata");
  const std::string version = metadata.value("resourceVersion", "");
  const std::string uid = metadata.value("uid", "");
  const auto found = state_.objects.find(call.key);
  if (found == state_.objects.end()) {
    if (!call.subresource.empty()) return error(404, "NotFound", call.key.name + " not found");
    if (!uid.empty()) return error(409, "Conflict", "uid precondition failed");
    if (taken_addresses.contains(call.body.value("/spec/clusterIP"_json_pointer, "")))
      return error(422, "Invalid", "spec.clusterIPs: provided IP is already allocated");
    Json body = call.body;
    Stored& created = insert(call.key, std::move(body));
    created.entries = {{call.manager, "Apply", "", fields_of(call.body)}};
    if (admission) admission(call.key, created.body);
    finish(call.key, created, created);
    return ok(created.body, 201);
  }
  Stored& object = found->second;
  const Json& live = object.body.at("metadata");
  if (!version.empty() && version != live.at("resourceVersion"))
    return error(409, "Conflict", "the object has been modified");
  if (!uid.empty() && uid != live.at("uid"))
    return error(409, "Conflict", "uid precondition failed");
  const Stored before = object;
  lay_intent(object, call.body, call.manager, call.subresource);
  if (admission && call.subresource.empty()) admission(call.key, object.body);
  if (const char* part = immutable_part(call.key.kind, before.body, object.body)) {
    object = before;
    return error(422, "Invalid", std::string(part) + ": field is immutable");
  }
  finish(call.key, object, before);
  return ok(object.body);
}

void SmallCluster::lay_intent(Stored& object, const Json& intent, const std::string& manager,
                              const std::string& subresource) {
  Json part = intent;
  if (subresource == "status")
    part = {{"status", intent.at("status")}};
  else
    part.erase("status");
  const Fields fresh = fields_of(part);
  auto own = std::find_if(object.entries.begin(), object.entries.end(), [&](const Entry& it) {
    return it.manager == manager && it.operation == "Apply" && it.subresource == subresource;
  });
  if (own == object.entries.end())
    own = object.entries.insert(own, {manager, "Apply", subresource, {}});
  for (const std::string& path : own->fields) {
    if (fresh.contains(path)) continue;
    const bool shared =
        std::any_of(object.entries.begin(), object.entries.end(),
                    [&](const Entry& it) { return &it != &*own && it.fields.contains(path); });
    // an address is given once, whoever asked for it
    if (!shared && path != kAddress) erase_at(object.body, path);
  }
  own->fields = fresh;
  for (const std::string& path : fresh) {
    const Json* live = value_at(object.body, path);
    if (live != nullptr && *live == *value_at(part, path)) continue;
    for (Entry& it : object.entries)
      if (&it != &*own) it.fields.erase(path);
  }
  for (const char* field : {"resourceVersion", "uid"})
    if (part.contains("metadata")) part["metadata"].erase(field);
  lay_over(object.body, part);
}

Response SmallCluster::merge(const Call& call) {
  const auto found = state_.objects.find(call.key);
  if (found == state_.objects.end()) return error(404, "NotFound", call.key.name + " not found");
  Stored& object = found->second;
  if (call.manager.empty() || !call.body.contains("/metadata/uid"_json_pointer))
    throw std::logic_error("a patch that does not say by whom or of which object");
  for (const char* field : {"resourceVersion", "uid"}) {
    const std::string wanted = call.body.value("metadata", Json::object()).value(field, "");
    if (!wanted.empty() && wanted != object.body.at("metadata").at(field))
      return error(409, "Conflict", std::string(field) + " precondition failed");
  }
  const Stored before = object;
  object.body.merge_patch(call.body);
  if (call.key.kind == "PersistentVolumeClaim") {
    if (auto refusal = storage.refuse(before.body, object.body)) {
      object = before;
      return *refusal;
    }
  }
  note_update(object, before.body, call.manager, call.subresource);
  finish(call.key, object, before);
  return ok(object.body);
}

Response SmallCluster::remove(const Call& call) {
  const auto found = state_.objects.find(call.key);
  if (found == state_.objects.end()) return error(404, "NotFound", call.key.name + " not found");
  const Json& wanted = call.body.at("preconditions");
  const Json& metadata = found->second.body.at("metadata");
  if (call.body.at("propagationPolicy") != "Background")
    throw std::logic_error("a delete without its policy");
  if (wanted.at("uid") != metadata.at("uid") ||
      (wanted.contains("resourceVersion") &&
       wanted.at("resourceVersion") != metadata.at("resourceVersion")))
    return error(409, "Conflict", "precondition failed");
  remove(call.key);
  return ok({{"kind", "Status"}, {"status", "Success"}});
}

SmallCluster::Stored& SmallCluster::insert(const Key& key, Json body) {
  Json& metadata = body["metadata"];
  metadata["namespace"] = key.ns;
  metadata["uid"] = "uid-" + std::to_string(++state_.uids);
  metadata["creationTimestamp"] = "2026-01-01T00:00:00Z";
  metadata["resourceVersion"] = next_version();
  if (has_generation(key.kind)) metadata["generation"] = 1;
  if (key.kind == "Service" && !body["spec"].contains("clusterIP"))
    body["spec"]["clusterIP"] = "10.96.0." + std::to_string(state_.addresses++);
  if (key.kind == "PersistentVolumeClaim" && !body["spec"].contains("storageClassName"))
    body["spec"]["storageClassName"] = "standard";
  if (key.kind == "Deployment") body["spec"]["progressDeadlineSeconds"] = 600;
  changes_.push_back(key);
  return state_.objects[key] = {std::move(body), {}};
}

// Another verb than apply: what it changed is its own from now on, what it took away is nobody's.
void SmallCluster::note_update(Stored& object, const Json& before, const std::string& manager,
                               const std::string& subresource) {
  const Fields now = fields_of(object.body);
  Fields changed;
  for (const std::string& path : now) {
    const Json* old = value_at(before, path);
    if (old == nullptr || *old != *value_at(object.body, path)) changed.insert(path);
  }
  for (Entry& it : object.entries) {
    std::erase_if(it.fields, [&](const std::string& path) {
      return changed.contains(path) || value_at(object.body, path) == nullptr;
    });
  }
  if (changed.empty()) return;
  auto own = std::find_if(object.entries.begin(), object.entries.end(), [&](const Entry& it) {
    return it.manager == manager && it.operation == "Update" && it.subresource == subresource;
  });
  if (own == object.entries.end())
    own = object.entries.insert(own, {manager, "Update", subresource, {}});
  own->fields.merge(changed);
}

bool SmallCluster::finish(const Key& key, Stored& object, const Stored& before) {
  std::erase_if(object.entries, [](const Entry& it) { return it.fields.empty(); });
  Json list = Json::array();
  for (const Entry& it : object.entries) {
    Json entry = {{"manager", it.manager},
                  {"operation", it.operation},
                  {"fieldsV1", to_fields_v1(it.fields)}};
    if (!it.subresource.empty()) entry["subresource"] = it.subresource;
    list.push_back(std::move(entry));
  }
  object.body["metadata"]["managedFields"] = std::move(list);
  if (&object == &before) return true;
  if (object.body == before.body) return false;
  Json& metadata = object.body["metadata"];
  const auto spec_changed = [&] {
    return object.body.value("spec", Json()) != before.body.value("spec", Json());
  };
  if (has_generation(key.kind) && spec_changed())
    metadata["generation"] = metadata.at("generation").get<int>() + 1;
  metadata["resourceVersion"] = next_version();
  changes_.push_back(key);
  return true;
}

void SmallCluster::create_as(const std::string& manager, Json body) {
  const Json metadata = body.at("metadata");
  const Key key{body.at("kind"), metadata.at("namespace"), metadata.at("name")};
  if (state_.objects.contains(key)) throw std::logic_error(key.text() + " exists");
  Stored& created = insert(key, std::move(body));
  note_update(created, Json::object(), manager, "");
  finish(key, created, created);
}

void SmallCluster::edit_as(const std::string& manager, const Key& key,
                           const std::function<void(Json&)>& edit) {
  Stored& object = state_.objects.at(key);
  const Stored before = object;
  edit(object.body);
  note_update(object, before.body, manager, "");
  finish(key, object, before);
}

void SmallCluster::apply_as(const std::string& manager, const Json& body) {
  const Json& metadata = body.at("metadata");
  const Key key{body.at("kind"), metadata.at("namespace"), metadata.at("name")};
  Stored& object = state_.objects.at(key);
  const Stored before = object;
  lay_intent(object, body, manager, "");
  finish(key, object, before);
}

void SmallCluster::remove(const Key& key) {
  if (state_.objects.erase(key) == 0) throw std::logic_error(key.text() + " is not there");
  ++state_.version;
  changes_.push_back(key);
}

void SmallCluster::begin_removal(const Key& key) {
  edit_as("kubectl", key,
          [](Json& body) { body["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"; });
}

void SmallCluster::set_status(const Key& key, Json status) {
  Stored& object = state_.objects.at(key);
  if (object.body.value("status", Json()) == status) return;
  object.body["status"] = std::move(status);
  object.body["metadata"]["resourceVersion"] = next_version();
  changes_.push_back(key);
}

bool SmallCluster::collect_garbage() {
  std::set<std::string> uids;
  for (const auto& [key, object] : state_.objects)
    uids.insert(object.body.at("metadata").at("uid"));
  std::vector<Key> gone;
  for (const auto& [key, object] : state_.objects) {
    const Json owners = object.body.value("/metadata/ownerReferences"_json_pointer, Json::array());
    const bool orphan = std::none_of(owners.begin(), owners.end(), [&](const Json& owner) {
      return uids.contains(owner.at("uid").get<std::string>());
    });
    if (!owners.empty() && orphan) gone.push_back(key);
  }
  for (const Key& key : gone) remove(key);
  return !gone.empty();
}

const Json* SmallCluster::find(const Key& key) const {
  const auto found = state_.objects.find(key);
  return found == state_.objects.end() ? nullptr : &found->second.body;
}

std::vector<SmallCluster::Key> SmallCluster::keys(const std::string& kind) const {
  std::vector<Key> all;
  for (const auto& [key, unused] : state_.objects)
    if (kind.empty() || key.kind == kind) all.push_back(key);
  return all;
}

std::shared_ptr<const SmallCluster::Snapshot> SmallCluster::snapshot() const {
  return std::make_shared<const Snapshot>(Snapshot{state_});
}

void SmallCluster::restore(const Snapshot& snapshot) {
  state_ = snapshot.state;
  changes_ = keys();
}

std::vector<SmallCluster::Key> SmallCluster::take_changes() {
  std::vector<Key> taken = std::exchange(changes_, {});
  std::sort(taken.begin(), taken.end());
  taken.erase(std::unique(taken.begin(), taken.end()), taken.end());
  return taken;
}

}  // namespace reconcilers::test
