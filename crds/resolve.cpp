#include "crds/resolve.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "crds/owned_variables.h"
#include "crds/parts.h"

namespace crds {
namespace {

constexpr const char* kApiVersion = "entityservice.io/v1alpha1";
constexpr const char* kKind = "EntityService";
constexpr std::size_t kConfigBytes = 900'000;  // a ConfigMap takes 1048576, ours included

// The longest host name is that of a Redis pod in its Service; with names of 40 and a namespace of
// 63 characters it leaves this of the 253 that a name may have.
Text cluster_domain() {
  Text rule = dns_name();
  rule.max = 83;
  return rule;
}

constexpr std::size_t kLongestToken = 253;  // of status.triggers

void check_identity(const Json& object, Problems& problems) {
  for (const auto& [name, wanted] :
       {std::pair("apiVersion", kApiVersion), std::pair("kind", kKind)}) {
    if (object.value(name, Json()) != wanted) {
      problems.push_back({name, std::string("must be ") + wanted});
    }
  }
  for (const auto& [name, value] : object.items()) {
    static const std::vector<std::string> kKnown = {"apiVersion", "kind", "metadata", "spec",
                                                    "status"};
    if (std::find(kKnown.begin(), kKnown.end(), name) != kKnown.end()) continue;
    const auto meant = nearest_name(name, kKnown);
    problems.push_back({name, "is not a field of this version" +
                                  (meant ? "; did you mean " + *meant + "?" : std::string())});
  }
}

std::string text_of(const Json& object, const char* name) {
  const Json value = object.value(name, Json());
  return value.is_string() ? value.get<std::string>() : std::string();
}

void read_metadata(const Json& metadata, Resolved& resolved, Problems& problems) {
  static const Text kName = {
      40, "[a-z]([-a-z0-9]{0,38}[a-z0-9])?",
      "must begin with a letter and have at most 40 lower-case letters, digits and dashes: the "
      "names of Services and Jobs are made from it"};
  const Json named = {{"name", metadata.value("name", Json())}};
  Fields::read(named, "metadata", problems, [&](Fields& fields) {
    if (!fields.has("name")) fields.refuse("name", "is missing; write it");
    resolved.name = fields.text("name", kName).value_or("");
  });
  resolved.ns = text_of(metadata, "namespace");
  resolved.uid = text_of(metadata, "uid");
  const Json generation = metadata.value("generation", Json());
  if (generation.is_number_integer()) resolved.generation = generation;
  const Json annotations = metadata.value("annotations", Json());
  if (!annotations.is_object()) return;
  const std::string token = text_of(annotations, kApproveUpdates);
  if (token.size() <= kLongestToken) resolved.updates_approved = token;
}

void read_config(Fields& spec, Resolved& resolved) {
  static const Text kName = {128, "[A-Za-z_][A-Za-z0-9_]*",
                             "must be the name of an environment variable"};
  resolved.config = spec.map("config", 128, kName, {8192});
  check_bytes(spec, "config", resolved.config, kConfigBytes);
  for (const auto& [name, value] : resolved.config) {
    if (const auto instead = instead_of_variable(name)) spec.refuse("config." + name, *instead);
  }
}

Topology read_topology(Fields& spec, Topology topology) {
  using Spread = Topology::Spread;
  spec.object("topology", [&](Fields& fields) {
    const auto spread = [&](const char* name, Spread& value) {
      const auto written = fields.choice(name, {"None", "Soft", "Hard"});
      if (!written) return;
      value = *written == "None" ? Spread::None : *written == "Soft" ? Spread::Soft : Spread::Hard;
    };
    spread("zoneSpread", topology.zone);
    spread("hostSpread", topology.host);
    topology.max_skew = fields.integer("maxSkew", 1, 100).value_or(topology.max_skew);
  });
  return topology;
}

void read_spec(Fields& spec, const Policy& policy, Resolved& resolved) {
  read_version(spec, policy.prerelease_allowed, resolved);
  const ProfileDefaults& defaults = defaults_of(resolved.profile);
  resolved.suspend = spec.flag("suspend").value_or(false);
  resolved.paused = spec.flag("paused").value_or(false);
  const auto deletion = spec.choice("deletionPolicy", {"Retain", "Delete"});
  resolved.deletion_policy = !deletion               ? defaults.deletion_policy
                             : *deletion == "Retain" ? DeletionPolicy::Retain
                                                     : DeletionPolicy::Delete;
  const auto updates = spec.choice("updates", {"Automatic", "OnRequest"});
  resolved.updates_on_request = updates ? *updates == "OnRequest" : defaults.updates_on_request;
  resolved.progress_deadline_seconds = spec.integer("progressDeadlineSeconds", 1, kMaxSeconds)
                                           .value_or(resolved.progress_deadline_seconds);
  resolved.cluster_domain =
      spec.text("clusterDomain", cluster_domain()).value_or(resolved.cluster_domain);
  read_config(spec, resolved);

  Context context = {.defaults = defaults, .suspend = resolved.suspend};
  context.pod = read_pod(spec, PodOptions());
  resolved.api = read_api(spec, context);
  read_workers(spec, context, resolved);
  resolved.database = read_database(spec, context);
  resolved.redis = read_redis(spec, context);
  resolved.object_store = read_object_store(spec, context);
  resolved.job_resources = defaults.jobs.resources();
  resolved.topology = read_topology(spec, defaults.topology);
  spec.object("networkPolicy", [&](Fields& fields) {
    resolved.network_policy = fields.flag("enabled").value_or(resolved.network_policy);
  });
}

// Below `from` as written, nulls and absent fields left out.
void copy_written(const Json& from, std::initializer_list<const char*> fields, Json& to) {
  for (const char* field : fields) {
    const Json value = from.value(field, Json());
    if (!value.is_null()) to[field] = value;
  }
}

// The size of a volume is in no pod: that it grows is no reason to change one. What is empty
// without it is as if it were not written.
void leave_out_volume_size(const std::string& component, Json& written) {
  for (const char* below : {"/managed/storage/size", "/managed/storage", "/managed", ""}) {
    const bool is_size = std::string_view(below).ends_with("/size");
    const Json::json_pointer path("/" + component + below);
    if (written.contains(path) && (is_size || written.at(path).empty()))
      written.at(path.parent_pointer()).erase(path.back());
  }
}

// What is written of one component and of all pods. Defaults are not in it: those may change with
// the operator.
Json decided(const Json& spec, const char* component, const char* image, const Storage& storage) {
  Json written = Json::object(), images = Json::object();
  copy_written(spec, {"channel", "clusterDomain", "pod", "topology", component}, written);
  if (storage.enabled) leave_out_volume_size(component, written);
  // the schema writes it, and as the only one of these
  if (written.value("channel", "") == "Release") written.erase("channel");
  if (const Json all = spec.value("images", Json()); all.is_object()) {
    copy_written(all, {"registry", "pullPolicy", "pullSecrets", image}, images);
  }
  if (!images.empty()) written["images"] = std::move(images);
  return written;
}

}  // namespace

Outcome resolve(const Json& object, const Policy& policy) {
  Outcome outcome;
  Resolved resolved;
  if (!object.is_object()) {
    outcome.problems.push_back({"", "the resource must be an object"});
    return outcome;
  }
  check_identity(object, outcome.problems);
  const Json metadata = object.value("metadata", Json());
  read_metadata(metadata.is_object() ? metadata : Json::object(), resolved, outcome.problems);
  const Json spec = object.value("spec", Json());
  if (spec.is_null()) outcome.problems.push_back({"spec", "is missing; write spec: {} at least"});
  Fields::read(spec, "spec", outcome.problems,
               [&](Fields& fields) { read_spec(fields, policy, resolved); });
  if (!outcome.problems.empty()) return outcome;
  resolved.database.decided = decided(spec, "database", "postgres", resolved.database.storage);
  resolved.redis.decided = decided(spec, "redis", "redis", resolved.redis.storage);
  resolved.object_store.decided =
      decided(spec, "objectStore", "objectStore", resolved.object_store.storage);
  outcome.resolved = std::move(resolved);
  return outcome;
}

}  // namespace crds
