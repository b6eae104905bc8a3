#include "operator/effective.h"

#include <array>
#include <utility>
#include <vector>

#include "crds/resolve.h"
#include "operator/yaml.h"

namespace op {
namespace {

using crds::Json;

const char* text(crds::Profile profile) {
  switch (profile) {
    case crds::Profile::Minimal:
      return "Minimal";
    case crds::Profile::Test:
      return "Test";
    case crds::Profile::Production:
      return "Production";
  }
  return "";
}

const char* text(crds::Topology::Spread spread) {
  switch (spread) {
    case crds::Topology::Spread::None:
      return "None";
    case crds::Topology::Spread::Soft:
      return "Soft";
    case crds::Topology::Spread::Hard:
      return "Hard";
  }
  return "";
}

// What nobody asked for is left out.
void add_unless_empty(Json& target, const char* key, Json value) {
  if (value.is_null() || value == Json("") || (value.is_structured() && value.empty())) return;
  target[key] = std::move(value);
}

Json pod(const crds::PodOptions& options) {
  Json result = Json::object();
  add_unless_empty(result, "labels", options.labels);
  add_unless_empty(result, "annotations", options.annotations);
  add_unless_empty(result, "nodeSelector", options.node_selector);
  add_unless_empty(result, "tolerations", options.tolerations);
  add_unless_empty(result, "affinity", options.affinity);
  add_unless_empty(result, "topologySpreadConstraints", options.topology_spread_constraints);
  add_unless_empty(result, "priorityClassName", options.priority_class_name);
  add_unless_empty(result, "dnsConfig", options.dns_config);
  add_unless_empty(result, "hostAliases", options.host_aliases);
  add_unless_empty(result, "securityContext", options.security_context);
  return result;
}

Json storage(const crds::Storage& storage) {
  Json result = {{"enabled", storage.enabled}};
  if (!storage.enabled) return result;
  if (storage.existing_claim) {
    result["existingClaim"] = *storage.existing_claim;
    return result;
  }
  result["size"] = storage.size;
  result["accessModes"] = storage.access_modes;
  if (storage.class_name) result["className"] = *storage.class_name;
  return result;
}

Json api(const crds::Api& api) {
  const crds::Proxy& proxy = api.proxy;
  Json proxy_json = {{"requestBuffering", proxy.request_buffering ? "On" : "Off"},
                     {"bodyBufferSize", proxy.body_buffer_size},
                     {"maxBodySize", proxy.max_body_size},
                     {"tempStorage", proxy.temp_storage},
                     {"timeouts",
                      {{"connectSeconds", proxy.connect_timeout_seconds},
                       {"readSeconds", proxy.read_timeout_seconds},
                       {"sendSeconds", proxy.send_timeout_seconds}}},
                     {"rateLimit",
                      {{"rps", proxy.requests_per_second},
                       {"burst", proxy.burst},
                       {"connections", proxy.connections}}},
                     {"resources", proxy.resources}};
  add_unless_empty(proxy_json, "realIPFrom", proxy.real_ip_from);
  Json service = {{"type", api.service.type}, {"port", api.service.port}};
  add_unless_empty(service, "annotations", api.service.annotations);
  add_unless_empty(service, "loadBalancerSourceRanges", api.service.load_balancer_source_ranges);
  Json result = {{"replicas", api.replicas},
                 {"resources", api.resources},
                 {"terminationGracePeriodSeconds", api.grace_seconds},
                 {"proxy", std::move(proxy_json)},
                 {"service", std::move(service)}};
  add_unless_empty(result, "pod", pod(api.pod));
  return result;
}

Json pool(const crds::WorkerPool& pool_values) {
  const crds::Celery& celery = pool_values.celery;
  Json result = {{"resources", pool_values.resources},
                 {"terminationGracePeriodSeconds", pool_values.grace_seconds},
                 {"celery",
                  {{"concurrency", celery.concurrency},
                   {"prefetchMultiplier", celery.prefetch_multiplier},
                   {"maxTasksPerChild", celery.max_tasks_per_child},
                   {"acksLate", celery.acks_late}}}};
  add_unless_empty(result, "pod", pod(pool_values.pod));
  return result;
}

Json workers(const crds::Resolved& resolved) {
  Json result = pool(resolved.workers);
  result["chunkSizeAim"] = resolved.chunk_size_aim;
  result["cacheExpirySeconds"] = resolved.cache_expiry_seconds;
  result["highMemory"] = pool(resolved.high_memory);
  result["highMemory"]["replicas"] = resolved.high_memory.replicas;
  return result;
}

Json managed(const crds::Storage& volume, const Json& resources, std::int64_t grace_seconds,
             const crds::PodOptions& options) {
  Json result = {{"storage", storage(volume)},
                 {"resources", resources},
                 {"terminationGracePeriodSeconds", grace_seconds}};
  add_unless_empty(result, "pod", pod(options));
  return result;
}

void add_stores(const crds::Resolved& resolved, Json& spec) {
  const crds::Database& database = resolved.database;
  Json& postgres = spec["database"]["managed"];
  postgres = managed(database.storage, database.resources, database.grace_seconds, database.pod);
  postgres["maxConnections"] = database.max_connections;
  add_unless_empty(postgres, "parameters", database.parameters);

  const crds::Redis& redis = resolved.redis;
  const bool sentinel = redis.mode == crds::RedisMode::Sentinel;
  spec["redis"]["mode"] = sentinel ? "Sentinel" : "Direct";
  Json& valkey = spec["redis"]["managed"];
  valkey = managed(redis.storage, redis.resources, redis.grace_seconds, redis.pod);
  valkey["replicas"] = redis.size;
  if (sentinel) valkey["sentinelResources"] = redis.sentinel_resources;

  const crds::ObjectStore& store = resolved.object_store;
  spec["objectStore"] = {
      {"managed", managed(store.storage, store.resources, store.grace_seconds, store.pod)},
      {"buckets", {{"results", store.results_bucket}, {"uploads", store.uploads_bucket}}}};
}

Json images(const crds::Images& images_values) {
  Json result = {{"app", images_values.app},
                 {"nginx", images_values.nginx},
                 {"postgres", images_values.postgres},
                 {"redis", images_values.redis},
                 {"objectStore", images_values.object_store}};
  add_unless_empty(result, "pullPolicy", images_values.pull_policy);
  add_unless_empty(result, "pullSecrets", images_values.pull_secrets);
  return result;
}

// The object with nothing but what decides about other defaults.
Json bare(const Json& object, const char* profile) {
  Json spec = {{"profile", profile}};
  for (const char* field : {"channel", "version", "images"}) {
    if (object["spec"].contains(field)) spec[field] = object["spec"][field];
  }
  if (spec.value("version", Json()) == "latest") spec.erase("version");
  Json result = object;
  result["spec"] = std::move(spec);
  return result;
}

}  // namespace

Json effective_spec(const crds::Resolved& resolved) {
  Json spec = {{"profile", text(resolved.profile)},
               {"channel", resolved.channel},
               {"version", resolved.version},
               {"replicas", resolved.workers.replicas},
               {"suspend", resolved.suspend},
               {"paused", resolved.paused},
               {"tuning", resolved.tuning == crds::Tuning::Operator ? "Operator" : "Upstream"},
               {"deletionPolicy",
                resolved.deletion_policy == crds::DeletionPolicy::Retain ? "Retain" : "Delete"},
               {"updates", resolved.updates_on_request ? "OnRequest" : "Automatic"},
               {"progressDeadlineSeconds", resolved.progress_deadline_seconds},
               {"clusterDomain", resolved.cluster_domain},
               {"images", images(resolved.images)},
               {"api", api(resolved.api)},
               {"workers", workers(resolved)},
               {"topology",
                {{"hostSpread", text(resolved.topology.host)},
                 {"zoneSpread", text(resolved.topology.zone)},
                 {"maxSkew", resolved.topology.max_skew}}},
               {"networkPolicy", {{"enabled", resolved.network_policy}}}};
  add_unless_empty(spec, "config", resolved.config);
  add_stores(resolved, spec);
  return spec;
}

std::string explain(const Json& object, const crds::Resolved& resolved) {
  std::vector<Json> of_profiles;
  for (const char* profile : {"Minimal", "Test", "Production"}) {
    const auto outcome = crds::resolve(bare(object, profile), {.prerelease_allowed = true});
    if (outcome.resolved) of_profiles.push_back(effective_spec(*outcome.resolved));
  }
  const auto origin = [&](const std::string& path) -> std::string {
    std::string pointer_text = "/" + path;
    for (char& c : pointer_text) {
      if (c == '.' || c == '[') c = '/';
    }
    std::erase(pointer_text, ']');
    const Json::json_pointer pointer(pointer_text);
    if (object.contains(pointer)) return "spec";
    const Json::json_pointer in_spec(pointer_text.substr(std::string("/spec").size()));
    for (const Json& other : of_profiles) {
      if (other.value(in_spec, Json()) != of_profiles.front().value(in_spec, Json())) {
        return std::string("profile ") + text(resolved.profile);
      }
    }
    return "default";
  };
  return to_yaml({{"spec", effective_spec(resolved)}}, origin);
}

}  // namespace op
