// Names within the Redis of a resource, for the files that build it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "reconcilers/desired/desired.h"

namespace reconcilers::desired {

inline constexpr int kRedisPort = 6379;
inline constexpr int kSentinelPort = 26379;

inline bool has_sentinel(const Resolved& resolved) {
  return resolved.redis.mode == crds::RedisMode::Sentinel;
}
inline std::string redis_name(const Resolved& resolved) { return resolved.name + "-redis"; }
inline std::string redis_peers(const Resolved& resolved) { return redis_name(resolved) + "-peers"; }
inline std::string redis_sentinel(const Resolved& resolved) {
  return redis_name(resolved) + "-sentinel";
}
inline std::string redis_state(const Resolved& resolved) { return redis_name(resolved) + "-state"; }
inline std::string redis_pod(const Resolved& resolved, std::int64_t ordinal) {
  return redis_name(resolved) + "-" + std::to_string(ordinal);
}
// What the pods' names end with.
inline std::string redis_domain(const Resolved& resolved) {
  return redis_peers(resolved) + "." + resolved.ns + ".svc." + resolved.cluster_domain;
}

// A Service whose address hosts files of pods name, so that nobody needs DNS, and its name there.
struct RedisHost {
  std::string service;
  std::string host;
};
// Of the pods, in their order; none without Sentinel.
inline std::vector<RedisHost> redis_pod_hosts(const Resolved& resolved) {
  std::vector<RedisHost> hosts;
  const std::int64_t size = has_sentinel(resolved) ? resolved.redis.size : 0;
  for (std::int64_t ordinal = 0; ordinal < size; ++ordinal) {
    const std::string pod = redis_pod(resolved, ordinal);
    hosts.push_back({pod, pod + "." + redis_domain(resolved)});
  }
  return hosts;
}
// All: that of the Sentinels together, and then those of the pods.
inline std::vector<RedisHost> redis_hosts(const Resolved& resolved) {
  std::vector<RedisHost> hosts = redis_pod_hosts(resolved);
  const std::string all = redis_sentinel(resolved);
  if (!hosts.empty())
    hosts.insert(hosts.begin(), {all, all + "." + resolved.ns + ".svc." + resolved.cluster_domain});
  return hosts;
}

// redis_services.cpp
Objects redis_services(const Resolved& resolved, const Facts& facts);
// redis_config.cpp: redis.conf and the scripts
Object redis_config(const Resolved& resolved);

}  // namespace reconcilers::desired
