#include <string>
#include <utility>
#include <vector>

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
  if (!spec.contains("ports")) spec["ports"] = ports(resolved);
  if (!spec.contains("selector")) spec["selector"] = selector(resolved, kRedis);
  return object(resolved, kRedis, "v1", "Service", name, {{"spec", std::move(spec)}});
}

// Only a Service that is made again asks for an address: the others have theirs, and to say so
// would cost a write each.
void ask_for_lost_address(const Facts& facts, const std::string& name, Json& spec) {
  const auto address = facts.redis_addresses.find(name);
  if (facts.redis_services_lost.contains(name) && address != facts.redis_addresses.end()) {
    spec["clusterIP"] = address->second;
  }
}

// A stable address for a pod, so that its name needs no DNS (hostAliases). Also while it is not
// ready: a pod that waits for its peers' Sentinels must reach them, or none would ever start.
Object pod_service(const Resolved& resolved, const Facts& facts, const std::string& pod) {
  Json labels_of_pod = selector(resolved, kRedis);
  labels_of_pod["statefulset.kubernetes.io/pod-name"] = pod;
  Json spec = {{"selector", labels_of_pod}, {"publishNotReadyAddresses", true}};
  ask_for_lost_address(facts, pod, spec);
  return service(resolved, pod, spec);
}

// Leads to no pod that is ending. The Services of the pods do so until the pod is gone, and a
// connection that is begun just then hangs.
Object sentinel_service(const Resolved& resolved, const Facts& facts) {
  Json spec = {{"ports", Json::array({service_port("sentinel", kSentinelPort)})}};
  ask_for_lost_address(facts, redis_sentinel(resolved), spec);
  return service(resolved, redis_sentinel(resolved), spec);
}

// The name of the Sentinels' headless Service stands for all: clients try each address of a name,
// in this order.
Json aliases(const Resolved& resolved, const Facts& facts, const std::vector<RedisHost>& hosts) {
  const std::string all =
      redis_name(resolved) + "." + resolved.ns + ".svc." + resolved.cluster_domain;
  Json result = Json::array();
  for (const RedisHost& it : hosts) {
    const auto address = facts.redis_addresses.find(it.service);
    if (address == facts.redis_addresses.end()) continue;
    result.push_back({{"ip", address->second}, {"hostnames", Json::array({it.host, all})}});
  }
  return result;
}

}  // namespace

Objects redis_services(const Resolved& resolved, const Facts& facts) {
  Objects services = list_of(service(resolved, redis_name(resolved), {{"clusterIP", "None"}}),
                             service(resolved, redis_peers(resolved),
                                     {{"clusterIP", "None"}, {"publishNotReadyAddresses", true}}));
  if (has_sentinel(resolved)) {
    for (int ordinal = 0; ordinal < resolved.redis.size; ++ordinal) {
      services.push_back(pod_service(resolved, facts, redis_pod(resolved, ordinal)));
    }
    services.push_back(sentinel_service(resolved, facts));
  } else {
    services.push_back(service(resolved, redis_name(resolved) + "-master", Json::object()));
  }
  return services;
}

Json redis_peer_aliases(const Resolved& resolved, const Facts& facts) {
  return aliases(resolved, facts, redis_pod_hosts(resolved));
}

Json redis_client_aliases(const Resolved& resolved, const Facts& facts) {
  return aliases(resolved, facts, redis_hosts(resolved));
}

}  // namespace reconcilers::desired
