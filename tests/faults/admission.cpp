#include "tests/faults/admission.h"

#include <algorithm>
#include <array>

#include "crds/quantity.h"
#include "tests/faults/schema.h"
#include "tests/faults/watch.h"

namespace faults {
namespace {

using k8s::Response;
using Pointer = Json::json_pointer;

struct Immutable {
  const char* kind;
  const char* pointer;
};

constexpr std::array kImmutable = {Immutable{"Job", "/spec/template"},
                                   Immutable{"Job", "/spec/completions"},
                                   Immutable{"Deployment", "/spec/selector"},
                                   Immutable{"StatefulSet", "/spec/selector"},
                                   Immutable{"StatefulSet", "/spec/serviceName"},
                                   Immutable{"StatefulSet", "/spec/podManagementPolicy"},
                                   Immutable{"StatefulSet", "/spec/volumeClaimTemplates"},
                                   Immutable{"Service", "/spec/clusterIP"},
                                   Immutable{"PersistentVolumeClaim", "/spec/accessModes"},
                                   Immutable{"PersistentVolumeClaim", "/spec/storageClassName"}};

Json at(const Json& body, const std::string& pointer) {
  return body.value(Pointer(pointer), Json());
}

Response invalid(const ObjectKey& key, const std::string& field) {
  return refusal(422, "Invalid",
                 key.kind + " \"" + key.name + "\" is invalid: " + field + ": field is immutable");
}

}  // namespace

Response refusal(int code, const std::string& reason, const std::string& message, Json details) {
  return {code, status_body(code, reason, message, std::move(details)).dump()};
}

void Admission::set_defaults(const ObjectKey& key, const Json* before, Json& body,
                             int& addresses) const {
  const auto preset = [&body](const char* pointer, const Json& value) {
    if (!body.contains(Pointer(pointer))) body[Pointer(pointer)] = value;
  };
  if (key.kind == "Deployment") {
    preset("/spec/replicas", 1);
    preset("/spec/progressDeadlineSeconds", 600);
  }
  if (key.kind == "StatefulSet") preset("/spec/replicas", 1);
  if (key.kind == "Service") {
    preset("/spec/type", "ClusterIP");
    // an address is given once, whoever asked for it
    const std::string had = before == nullptr ? "" : before->value(Pointer("/spec/clusterIP"), "");
    if (!body.contains(Pointer("/spec/clusterIP")))
      body[Pointer("/spec/clusterIP")] =
          had.empty() ? "10.96.0." + std::to_string(addresses++) : had;
  }
  if (key.kind == "PersistentVolumeClaim") preset("/spec/storageClassName", "standard");
}

std::optional<Response> Admission::refuse_new(const ObjectKey& key, const Json& body) const {
  if (!key.ns.empty()) {
    const ObjectPtr ns = storage.find({"Namespace", "", key.ns});
    if (!ns)
      return refusal(404, "NotFound", "namespaces \"" + key.ns + "\" not found",
                     {{"name", key.ns}, {"kind", "namespaces"}});
    if (ns->at("metadata").contains("deletionTimestamp")) {
      const Json cause = {{"reason", "NamespaceTerminating"},
                          {"message", "namespace " + key.ns + " is being terminated"},
                          {"field", "metadata.namespace"}};
      return refusal(403, "Forbidden",
                     key.name + " is forbidden: unable to create new content in namespace " +
                         key.ns + " because it is being terminated",
                     {{"causes", Json::array({cause})}});
    }
  }
  if (auto refused = refuse_more(key)) return refused;
  const std::string address = body.value(Pointer("/spec/clusterIP"), "None");
  if (key.kind == "Service" && address != "None")
    for (const auto& [other, object] : storage.objects())
      if (other.kind == "Service" && other != key && at(*object, "/spec/clusterIP") == address)
        return refusal(422, "Invalid",
                       "Service \"" + key.name +
                           "\" is invalid: spec.clusterIPs: Invalid value: "
                           "failed to allocate IP " +
                           address + ": provided IP is already allocated");
  return std::nullopt;
}

// ResourceQuotas that count objects: "count/configmaps", "count/deployments.apps".
std::optional<Response> Admission::refuse_more(const ObjectKey& key) const {
  const k8s::Resource& resource = kind_named(key.kind).resource;
  const std::string counted =
      "count/" + resource.plural + (resource.group.empty() ? "" : "." + resource.group);
  for (const auto& [quota, object] : storage.objects()) {
    if (quota.kind != "ResourceQuota" || quota.ns != key.ns) continue;
    const Json hard = at(*object, "/spec/hard");
    if (!hard.is_object() || !hard.contains(counted)) continue;
    const auto used = std::count_if(
        storage.objects().begin(), storage.objects().end(),
        [&key](const auto& it) { return it.first.kind == key.kind && it.first.ns == key.ns; });
    const std::string limit = hard.at(counted);
    if (used >= std::stoll(limit))
      return refusal(403, "Forbidden",
                     resource.plural + " \"" + key.name + "\" is forbidden: exceeded quota: " +
                         quota.name + ", requested: " + counted + "=1, used: " + counted + "=" +
                         std::to_string(used) + ", limited: " + counted + "=" + limit);
  }
  return std::nullopt;
}

std::optional<Response> Admission::refuse_change(const ObjectKey& key, const Json& before,
                                                 const Json& after) const {
  for (const auto& [kind, pointer] : kImmutable)
    if (key.kind == kind && at(before, pointer) != at(after, pointer)) return invalid(key, pointer);
  if ((key.kind == "ConfigMap" || key.kind == "Secret") && before.value("immutable", false) &&
      (at(before, "/data") != at(after, "/data") || !after.value("immutable", false)))
    return invalid(key, "data");
  if (key.kind == "PersistentVolumeClaim") return refuse_growth(before, after);
  return std::nullopt;
}

std::optional<Response> Admission::refuse_growth(const Json& before, const Json& after) const {
  const std::string size = "/spec/resources/requests/storage";
  const auto was = crds::Quantity::parse(at(before, size).get<std::string>());
  const auto is = crds::Quantity::parse(at(after, size).get<std::string>());
  if (!was || !is || is->value() == was->value()) return std::nullopt;
  if (is->value() < was->value())
    return refusal(422, "Invalid",
                   "spec.resources.requests.storage: Forbidden: field can not be "
                   "less than status.capacity");
  if (at(before, "/status/phase") != "Bound")
    return refusal(422, "Invalid",
                   "spec: Forbidden: spec is immutable after creation except "
                   "resources.requests for bound claims");
  const auto used = storage.find({"StorageClass", "", at(before, "/spec/storageClassName")});
  if (used && used->value("allowVolumeExpansion", false)) return std::nullopt;
  return refusal(403, "Forbidden",
                 "only dynamically provisioned pvc can be resized and the "
                 "storageclass that provisions the pvc must support resize");
}

}  // namespace faults
