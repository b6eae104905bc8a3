#include <string>
#include <utility>

#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/redis_names.h"
#include "reconcilers/desired/stateful.h"

namespace reconcilers::desired {
namespace {

Json ports(const Resolved& resolved) {
  Json all = Json::array({service_port("redis", kRedisPort)});
  if (has_sentinel(resolved)) all.push_back(service_port("sentinel", kSentinelPort));
  return all;
}

Object service(const Resolved& resolved, const std::string& name, Json spec) {
  spec["type"] = "ClusterIP";
  spec["ports"] = ports(resolved);
  if (!spec.contains("selector")) spec["selector"] = selector(resolved, kRedis);
  return object(resolved, kRedis, "v1", "Service", name, {{"spec", std::move(spec)}});
}

// A stable address for a pod, so that its name needs no DNS (hostAliases). Also while it is not
// ready: a pod that waits for its peers' Sentinels must reach them, or none would ever start.
Object pod_service(const Resolved& resolved, const Facts& facts, int ordinal) {
  const std::string name = redis_pod(resolved, ordinal);
  Json labels_of_pod = selector(resolved, kRedis);
  labels_of_pod["statefulset.kubernetes.io/pod-name"] = name;
  Json spec = {{"selector", labels_of_pod}, {"publishNotReadyAddresses", true}};
  // Only a Service that is made again asks for an address: the others have theirs, and to say so
  // would cost a write each.
  const auto address = facts.redis_addresses.find(ordinal);
  if (facts.redis_services_lost.contains(ordinal) && address != facts.redis_addresses.end()) {
    spec["clusterIP"] = address->second;
  }
  return service(resolved, name, spec);
}

}  // namespace

Objects redis_services(const Resolved& resolved, const Facts& facts) {
  Objects services = list_of(service(resolved, redis_name(resolved), {{"clusterIP", "None"}}),
                             service(resolved, redis_peers(resolved),
                                     {{"clusterIP", "None"}, {"publishNotReadyAddresses", true}}));
  if (has_sentinel(resolved)) {
    for (int ordinal = 0; ordinal < resolved.redis.size; ++ordinal) {
      services.push_back(pod_service(resolved, facts, ordinal));
    }
  } else {
    services.push_back(service(resolved, redis_name(resolved) + "-master", Json::object()));
  }
  return services;
}

// The name of the Sentinels' Service stands for all: clients try each address of a name.
Json redis_host_aliases(const Resolved& resolved, const Facts& facts) {
  Json aliases = Json::array();
  if (!has_sentinel(resolved)) return aliases;
  const std::string set =
      redis_name(resolved) + "." + resolved.ns + ".svc." + resolved.cluster_domain;
  for (const auto& [ordinal, address] : facts.redis_addresses) {
    const std::string pod = redis_pod(resolved, ordinal) + "." + redis_domain(resolved);
    aliases.push_back({{"ip", address}, {"hostnames", Json::array({pod, set})}});
  }
  return aliases;
}

}  // namespace reconcilers::desired
