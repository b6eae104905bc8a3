#include <cstdint>
#include <iterator>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/pod.h"
#include "reconcilers/desired/redis_names.h"
#include "reconcilers/desired/stateful.h"

namespace reconcilers::desired {
namespace {

constexpr std::int64_t kUser = 999;

constexpr const char* kConfigPath = "/etc/redis";
constexpr const char* kStatePath = "/etc/redis-state";
constexpr const char* kPasswordPath = "/etc/redis-password";
constexpr const char* kRunPath = "/run/redis";

const std::vector<std::string> kConsumed = {"redis-password"};

std::vector<std::string> run_script(const std::string& file) {
  return {"sh", std::string(kConfigPath) + "/" + file};
}

// Whether the first master may choose itself. Neither owned nor written again by an apply: a lost
// answer here means a second, empty master.
Object state(const Resolved& resolved, const Facts& facts) {
  const Json data = {{"bootstrap", facts.redis_bootstrap ? "true" : "false"}};
  Object config = object(resolved, kRedis, "v1", "ConfigMap", redis_state(resolved),
                         {{"data", data}}, /*owned=*/false);
  config.write = Write::CreateOnce;
  return config;
}

Json container(const Resolved& resolved, const std::string& name, const std::string& script_file,
               const Json& resources) {
  const Json field = {{"apiVersion", "v1"}, {"fieldPath", "metadata.name"}};
  Json variables = Json::array();
  variables.push_back({{"name", "POD_NAME"}, {"valueFrom", {{"fieldRef", field}}}});
  variables.push_back(env("REDIS_SET", redis_name(resolved)));
  variables.push_back(env("REDIS_DOMAIN", redis_domain(resolved)));
  variables.push_back(env("REDIS_SIZE", std::to_string(resolved.redis.size)));
  variables.push_back(env("RESOURCE_UID", resolved.uid));
  Json mounts =
      Json::array({mount(kDataVolume, "/data"), mount("config", kConfigPath, /*read_only=*/true),
                   mount("password", kPasswordPath, /*read_only=*/true), mount("run", kRunPath)});
  if (has_sentinel(resolved)) mounts.push_back(mount("state", kStatePath, /*read_only=*/true));
  return {{"name", name},
          {"image", resolved.images.redis},
          {"command", run_script(script_file)},
          {"env", std::move(variables)},
          {"resources", stateful_resources(resources, resolved.redis.storage)},
          {"volumeMounts", std::move(mounts)}};
}

Json before_stop(const std::string& script_file) {
  return {{"preStop", {{"exec", {{"command", run_script(script_file)}}}}}};
}

Json redis_container(const Resolved& resolved) {
  Json redis = container(resolved, "redis", "start-redis.sh", resolved.redis.resources);
  redis["ports"] = Json::array({container_port("redis", kRedisPort)});
  redis["readinessProbe"] = exec_probe(run_script("redis-ready.sh"), {.period_seconds = 5});
  redis["livenessProbe"] = exec_probe(run_script("redis-alive.sh"), {.failures = 6});
  if (has_sentinel(resolved)) redis["lifecycle"] = before_stop("stop-redis.sh");
  return redis;
}

Json sentinel_container(const Resolved& resolved) {
  Json sentinel =
      container(resolved, "sentinel", "start-sentinel.sh", resolved.redis.sentinel_resources);
  sentinel["ports"] = Json::array({container_port("sentinel", kSentinelPort)});
  std::vector<std::string> ready = run_script("sentinel-alive.sh");
  ready.emplace_back("ready");
  sentinel["readinessProbe"] = exec_probe(ready, {.period_seconds = 5});
  sentinel["livenessProbe"] = exec_probe(run_script("sentinel-alive.sh"), {.failures = 6});
  sentinel["lifecycle"] = before_stop("stop-sentinel.sh");
  return sentinel;
}

// A name that the hostAliases lack must not hold the only thread of a server for long.
Json quick_dns() {
  const auto option = [](const char* option_name, const char* value) {
    return Json({{"name", option_name}, {"value", value}});
  };
  return {{"options",
           Json::array({option("timeout", "1"), option("attempts", "2"), option("ndots", "1")})}};
}

Json redis_template(const Resolved& resolved, const Facts& facts, const std::string& config) {
  PodParts parts{.component = kRedis, .user = kUser, .group = kUser};
  parts.grace_seconds = resolved.redis.grace_seconds;
  parts.annotations = secrets_annotation(facts, kConsumed);
  parts.containers.push_back(redis_container(resolved));
  parts.volumes =
      Json::array({config_volume("config", config),
                   credentials_volume(resolved, "password", kConsumed), memory_dir("run", "1Mi")});
  if (has_sentinel(resolved)) {
    parts.containers.push_back(sentinel_container(resolved));
    parts.volumes.push_back(config_volume("state", redis_state(resolved)));
    parts.host_aliases = redis_peer_aliases(resolved, facts);
    parts.hard_host_spread = resolved.profile == crds::Profile::Production;
  }
  Json pod = pod_template(resolved, resolved.redis.pod, std::move(parts));
  if (has_sentinel(resolved) && !pod["spec"].contains("dnsConfig")) {
    pod["spec"]["dnsConfig"] = quick_dns();
  }
  return pod;
}

// Those in the template. By ordinal, as it has been recorded since the first version.
std::map<std::int64_t, std::string> pod_addresses(const Resolved& resolved, const Facts& facts) {
  std::map<std::int64_t, std::string> addresses;
  for (std::int64_t ordinal = 0; ordinal < resolved.redis.size; ++ordinal) {
    const auto address = facts.redis_addresses.find(redis_pod(resolved, ordinal));
    if (address != facts.redis_addresses.end()) addresses[ordinal] = address->second;
  }
  return addresses;
}

}  // namespace

Objects redis(const Resolved& resolved, const Facts& facts) {
  Objects all = redis_services(resolved, facts);
  if (has_sentinel(resolved)) all.push_back(state(resolved, facts));
  all.push_back(redis_config(resolved));

  StatefulParts parts{.component = kRedis, .name = redis_name(resolved)};
  parts.service = redis_peers(resolved);
  parts.replicas = resolved.redis.replicas;
  parts.storage = &resolved.redis.storage;
  parts.on_delete = true;
  parts.inputs = Json::array({resolved.redis.decided, secrets_annotation(facts, kConsumed)});
  if (has_sentinel(resolved)) parts.inputs.push_back(pod_addresses(resolved, facts));
  parts.pod_template = redis_template(resolved, facts, all.back().name());
  if (has_sentinel(resolved)) parts.gates.insert(Gate::RedisAddresses);
  all.push_back(stateful_set(resolved, facts, std::move(parts)));

  Objects budget = disruption(resolved, kRedis, redis_name(resolved), resolved.redis.size);
  std::move(budget.begin(), budget.end(), std::back_inserter(all));
  return all;
}

}  // namespace reconcilers::desired
