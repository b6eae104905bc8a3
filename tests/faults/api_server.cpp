#include "tests/faults/api_server.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "k8s-client/api_error.h"
#include "k8s-client/encoding.h"

namespace faults {
namespace {

using k8s::Request;
using k8s::Response;
using Pointer = Json::json_pointer;

constexpr const char* kApply = "application/apply-patch+yaml";
constexpr const char* kMerge = "application/merge-patch+json";
constexpr const char* kStamp = "2026-01-01T00:00:00Z";

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, separator);)
    if (!part.empty()) parts.push_back(part);
  return parts;
}

std::string query(const Request& request, const std::string& name) {
  for (const auto& [key, value] : request.query)
    if (key == name) return value;
  return "";
}

std::string metadata(const Json& body, const char* field) {
  return body.value("metadata", Json::object()).value(field, "");
}

Response ok(const Json& body, int code = 200) { return {code, body.dump()}; }

Response not_found(const Kind& kind, const std::string& name) {
  return refusal(404, "NotFound", kind.resource.plural + " \"" + name + "\" not found",
                 {{"name", name}, {"kind", kind.resource.plural}});
}

Response conflict(const std::string& name, const std::string& why) {
  return refusal(409, "Conflict", "Operation cannot be fulfilled on \"" + name + "\": " + why);
}

// Equal but for what every write changes.
bool same(Json a, Json b) {
  for (Json* it : {&a, &b}) (*it)["metadata"].erase("resourceVersion");
  return a == b;
}

Json scale_of(const Json& object) {
  return {{"apiVersion", "autoscaling/v1"},
          {"kind", "Scale"},
          {"metadata", object.at("metadata")},
          {"spec", {{"replicas", object.at("spec").value("replicas", 0)}}}};
}

bool has_finalizers(const Json& body) {
  return !body.value(Pointer("/metadata/finalizers"), Json::array()).empty();
}

}  // namespace

struct ApiServer::Call {
  const Request& request;
  const Kind* kind = nullptr;
  ObjectKey key;  // without a name: of all
  std::string subresource;
  Json body;
  Manager manager;
  Scope scope = {};
};

// /api/v1/namespaces/NS/PLURAL/NAME/SUB, /apis/GROUP/VERSION/PLURAL/NAME
ApiServer::Call ApiServer::parse(const Request& request) const {
  std::vector<std::string> parts = split(request.path, '/');
  parts.erase(parts.begin(), parts.begin() + (parts.at(0) == "api" ? 2 : 3));
  Call call{request, nullptr, {}, "", {}, {query(request, "fieldManager")}};
  if (parts.at(0) == "namespaces" && parts.size() > 2) {
    call.key.ns = parts[1];
    parts.erase(parts.begin(), parts.begin() + 2);
  }
  call.kind = find_kind(parts.at(0));
  if (call.kind == nullptr) throw std::logic_error("not served: " + request.path);
  call.key.kind = call.kind->resource.kind;
  if (parts.size() > 1) call.key.name = parts[1];
  if (parts.size() > 2) call.subresource = call.manager.subresource = parts[2];
  if (!request.body.empty()) call.body = Json::parse(request.body);
  call.scope = {call.kind, call.key.ns, query(request, "labelSelector"),
                query(request, "fieldSelector"),
                request.accept.find("PartialObjectMetadata") != std::string::npos};
  return call;
}

Response ApiServer::send(const Request& request) {
  ++activity_;
  return dispatch(parse(request));
}

Response ApiServer::dispatch(const Call& call) {
  const std::string& method = call.request.method;
  if (method == "GET" && call.key.name.empty()) return list(call);
  if (method == "POST") return create(call);
  if (method == "PATCH" && call.request.content_type == kApply) return apply(call);
  const ObjectPtr found = storage_.find(call.key);
  if (!found) return not_found(*call.kind, call.key.name);
  if (method == "GET") return ok(call.subresource == "scale" ? scale_of(*found) : *found);
  if (method == "PUT") return replace(call);
  if (method == "PATCH" && call.request.content_type == kMerge) return patch(call);
  if (method == "DELETE") return remove(call);
  throw std::logic_error("no such verb: " + method + " " + call.request.content_type);
}

Response ApiServer::list(const Call& call) const {
  const std::string limit = query(call.request, "limit");
  const std::size_t most = limit.empty() ? SIZE_MAX : std::stoull(limit);
  const auto page = list_page(storage_, call.scope, query(call.request, "continue"), most, lag);
  if (!page) return refusal(410, "Expired", "The provided continue parameter is too old");
  return ok(*page);
}

std::shared_ptr<WatchState> ApiServer::watch_state(const Call& call) const {
  auto state = std::make_shared<WatchState>();
  const auto now = now_();
  state->scope = call.scope;
  state->last_line = now;
  state->ends = now + std::chrono::seconds(std::stoi(query(call.request, "timeoutSeconds")));
  state->next_bookmark = now + std::chrono::seconds(60);
  return state;
}

std::unique_ptr<k8s::Stream> ApiServer::open(const Request& request,
                                             std::chrono::milliseconds idle) {
  ++activity_;
  const Call call = parse(request);
  const auto state = watch_state(call);
  state->idle = idle;
  std::int64_t from = 0;
  if (query(request, "sendInitialEvents") == "true") {
    if (!streams_lists)
      throw k8s::api_error("watch", refusal(422, "Invalid", "sendInitialEvents is forbidden"));
    from = storage_.revision() - lag;
    for (const auto& [key, object] : storage_.objects_at(from))
      if (call.scope.covers(key) && call.scope.selects(object))
        state->due.push_back(watch_line("ADDED", call.scope.shown(*object)));
    state->due.push_back(watch_line("BOOKMARK", bookmark(call.scope, from, true)));
  } else {
    from = std::stoll(query(request, "resourceVersion"));
    if (from < storage_.compacted()) {
      if (expires_by_answer)
        throw k8s::api_error("watch", refusal(410, "Expired", "too old resource version"));
      state->expired = true;
    }
    from -= rewind;
  }
  state->withheld = lag;
  const auto& log = storage_.log();
  state->position = static_cast<std::size_t>(
      std::partition_point(log.begin(), log.end(),
                           [from](const Change& it) { return it.revision <= from; }) -
      log.begin());
  watches_.push_back(state);
  return std::make_unique<WatchStream>(storage_, now_, activity_, state);
}

std::vector<std::shared_ptr<WatchState>> ApiServer::watches() const {
  std::erase_if(watches_, [](const auto& it) { return it.expired() || it.lock()->closed; });
  std::vector<std::shared_ptr<WatchState>> open;
  for (const auto& it : watches_) open.push_back(it.lock());
  return open;
}

Response ApiServer::create(const Call& call) {
  Call named = call;
  named.key.name = metadata(call.body, "name");
  if (storage_.find(named.key))
    return refusal(409, "AlreadyExists",
                   call.kind->resource.plural + " \"" + named.key.name + "\" already exists");
  return insert(named, call.body);
}

Response ApiServer::insert(const Call& call, Json body) {
  const bool applied = call.request.content_type == kApply;
  if (call.kind->has_status && call.key.kind != "Namespace") body.erase("status");
  Json& meta = body["metadata"];
  for (const char* field : {"resourceVersion", "managedFields"}) meta.erase(field);
  if (call.kind->resource.namespaced) meta["namespace"] = call.key.ns;
  if (auto refused = admission_.refuse_new(call.key, body)) return *refused;
  const Json intent = body;
  admission_.set_defaults(call.key, nullptr, body, state_.addresses);
  // The same name gets the same uid in every run that makes it as often.
  const std::string birth = call.key.text() + "#" + std::to_string(++state_.births[call.key]);
  const std::string hash = k8s::sha256_hex(birth);
  body["metadata"]["uid"] = hash.substr(0, 8) + "-" + hash.substr(8, 4) + "-" + hash.substr(12, 12);
  body["metadata"]["creationTimestamp"] = kStamp;
  if (call.kind->has_generation) body["metadata"]["generation"] = 1;
  if (applied)
    faults::apply(body, intent, call.manager, true);
  else
    note_update(Json::object(), body, call.manager);
  return ok(*storage_.put(call.key, std::move(body)), 201);
}

// An object that exists gets another content: `body` is whole, with its fields accounted for when
// it was `applied`.
Response ApiServer::change(const Call& call, const Json& before, Json body, bool applied) {
  const bool status_only = call.subresource == "status";
  if (status_only) {
    const Json status = body.value("status", Json());
    const Json fields = body.at("metadata").value("managedFields", Json::array());
    body = before;
    body["status"] = status;
    if (applied) body["metadata"]["managedFields"] = fields;
  } else if (call.kind->has_status) {
    body.erase("status");
    if (before.contains("status")) body["status"] = before.at("status");
  }
  for (const char* field : {"uid", "generation", "creationTimestamp", "resourceVersion",
                            "deletionTimestamp", "name", "namespace"})
    if (before.at("metadata").contains(field))
      body["metadata"][field] = before.at("metadata").at(field);
    else
      body["metadata"].erase(field);
  if (!applied)
    body["metadata"]["managedFields"] = before.at("metadata").value("managedFields", Json::array());
  admission_.set_defaults(call.key, &before, body, state_.addresses);
  if (auto refused = admission_.refuse_change(call.key, before, body)) return *refused;
  if (!applied) note_update(before, body, call.manager);
  if (same(before, body)) return ok(before);
  const auto differs = [&](const char* part) {
    return body.value(Pointer(part), Json()) != before.value(Pointer(part), Json());
  };
  if (call.kind->has_generation && !status_only &&
      (differs("/spec") || (call.key.kind == "Deployment" && differs("/metadata/annotations"))))
    body["metadata"]["generation"] = before.at("metadata").at("generation").get<int>() + 1;
  if (before.at("metadata").contains("deletionTimestamp") && !has_finalizers(body)) {
    storage_.erase(call.key);
    return ok(body);
  }
  return ok(*storage_.put(call.key, std::move(body)));
}

// What a request asks of the uid and version of what it changes. To an apply or a merge the uid is
// a field that cannot change, to a status it is nothing.
std::optional<Response> ApiServer::refuse_other(const Call& call, const Json& live,
                                                const Json& wanted) {
  const std::string uid = wanted.value("uid", ""), own = live.at("metadata").at("uid");
  if (!uid.empty() && uid != own && call.subresource != "status") {
    if (call.request.method == "DELETE" || call.subresource == "scale")
      return conflict(call.key.name, "Precondition failed: UID in precondition: " + uid +
                                         ", UID in object meta: " + own);
    const Json cause = {{"reason", "FieldValueInvalid"},
                        {"message", "Invalid value: \"" + uid + "\": field is immutable"},
                        {"field", "metadata.uid"}};
    return refusal(422, "Invalid", "\"" + call.key.name + "\" is invalid: metadata.uid",
                   {{"causes", Json::array({cause})}});
  }
  const std::string version = wanted.value("resourceVersion", "");
  if (!version.empty() && version != live.at("metadata").at("resourceVersion"))
    return conflict(call.key.name,
                    "the object has been modified; please apply your changes to the latest "
                    "version and try again");
  return std::nullopt;
}

Response ApiServer::replace(const Call& call) {
  const Json before = *storage_.find(call.key);
  if (auto refused = refuse_other(call, before, call.body.value("metadata", Json::object())))
    return *refused;
  return change(call, before, call.body, false);
}

Response ApiServer::patch(const Call& call) {
  const Json before = *storage_.find(call.key);
  if (auto refused = refuse_other(call, before, call.body.value("metadata", Json::object())))
    return *refused;
  Json body = before;
  if (call.subresource == "scale")
    body["spec"]["replicas"] = call.body.at("spec").at("replicas");
  else
    body.merge_patch(call.body);
  const Response answer = change(call, before, std::move(body), false);
  if (call.subresource != "scale" || answer.status != 200) return answer;
  return ok(scale_of(*storage_.find(call.key)));
}

Response ApiServer::apply(const Call& call) {
  const ObjectPtr found = storage_.find(call.key);
  const std::string uid = metadata(call.body, "uid");
  if (!found) {
    if (!call.subresource.empty()) return not_found(*call.kind, call.key.name);
    if (!uid.empty())
      return conflict(call.key.name, "uid mismatch: the provided object specified uid " + uid +
                                         ", and no existing object was found");
    return insert(call, call.body);
  }
  const Json before = *found;
  if (auto refused = refuse_other(call, before, call.body.at("metadata"))) return *refused;
  Json body = before, intent = call.body;
  if (call.subresource == "status") {
    Json status = intent.value("status", Json::object());
    if (!knows_since && status.contains("held"))
      for (Json& it : status["held"]) it.erase("since");
    intent = {{"status", status}};
  } else if (call.kind->has_status) {
    intent.erase("status");
  }
  const bool force = query(call.request, "force") == "true";
  if (const auto owners = faults::apply(body, intent, call.manager, force))
    return refusal(409, "Conflict", "Apply failed with conflicts with " + *owners);
  return change(call, before, std::move(body), true);
}

Response ApiServer::remove(const Call& call) {
  const Json before = *storage_.find(call.key);
  const Json wanted = call.body.value("preconditions", Json::object());
  if (auto refused = refuse_other(call, before, wanted)) return *refused;
  erase_or_mark(call.key, call.body.is_object() ? call.body.value("propagationPolicy", "Background")
                                                : "Background");
  if (const ObjectPtr left = storage_.find(call.key)) return ok(*left);
  return ok({{"kind", "Status"},
             {"apiVersion", "v1"},
             {"metadata", Json::object()},
             {"status", "Success"},
             {"details", {{"name", call.key.name}, {"uid", metadata(before, "uid")}}}});
}

void ApiServer::erase_or_mark(const ObjectKey& key, const std::string& propagation) {
  Json body = *storage_.find(key);
  Json& meta = body["metadata"];
  const char* finalizer = propagation == "Foreground" ? "foregroundDeletion"
                          : propagation == "Orphan"   ? "orphan"
                                                      : nullptr;
  if (finalizer != nullptr && !meta.contains("deletionTimestamp"))
    meta["finalizers"].push_back(finalizer);
  // its content goes first
  const bool waits = has_finalizers(body) || key.kind == "Namespace";
  if (!waits) return storage_.erase(key);
  if (meta.contains("deletionTimestamp")) return;
  meta["deletionTimestamp"] = kStamp;
  meta["deletionGracePeriodSeconds"] = 0;
  if (meta.contains("generation")) meta["generation"] = meta.at("generation").get<int>() + 1;
  storage_.put(key, std::move(body));
}

Json ApiServer::create_as(const std::string& manager, const Json& body) {
  const Kind& kind = kind_named(body.at("kind"));
  const std::string ns = metadata(body, "namespace");
  Response answer = send({.method = "POST",
                          .path = k8s::collection_path(kind.resource, ns),
                          .query = {{"fieldManager", manager}},
                          .body = body.dump(),
                          .content_type = "application/json"});
  if (answer.status != 201) throw std::logic_error("not created: " + answer.body);
  return Json::parse(answer.body);
}

void ApiServer::edit_as(const Manager& manager, const ObjectKey& key,
                        const std::function<void(Json&)>& edit) {
  const ObjectPtr found = storage_.find(key);
  if (!found) throw std::logic_error(key.text() + " is not there");
  Json body = *found;
  edit(body);
  const Request request;
  const Call call{request, &kind_named(key.kind), key, manager.subresource, {}, manager};
  const Response answer = change(call, Json(*found), std::move(body), false);
  if (answer.status != 200) throw std::logic_error("not edited: " + answer.body);
}

void ApiServer::remove(const ObjectKey& key, const std::string& propagation) {
  if (!storage_.find(key)) throw std::logic_error(key.text() + " is not there");
  erase_or_mark(key, propagation);
}

const Json* ApiServer::find(const ObjectKey& key) const {
  const auto found = storage_.objects().find(key);
  return found == storage_.objects().end() ? nullptr : found->second.get();
}

std::vector<ObjectKey> ApiServer::keys(const std::string& kind) const {
  std::vector<ObjectKey> found;
  for (auto it = storage_.objects().lower_bound({kind, "", ""});
       it != storage_.objects().end() && it->first.kind == kind; ++it)
    found.push_back(it->first);
  return found;
}

}  // namespace faults
