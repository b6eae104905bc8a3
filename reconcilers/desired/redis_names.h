// Names within the Redis of a resource, for the files that build it.
#pragma once

#include <cstdint>
#include <string>

#include "reconcilers/desired/desired.h"

namespace reconcilers::desired {

inline constexpr int kRedisPort = 6379;
inline constexpr int kSentinelPort = 26379;

inline bool has_sentinel(const Resolved& resolved) {
  return resolved.redis.mode == crds::RedisMode::Sentinel;
}
inline std::string redis_name(const Resolved& resolved) { return resolved.name + "-redis"; }
inline std::string redis_peers(const Resolved& resolved) { return redis_name(resolved) + "-peers"; }
inline std::string redis_state(const Resolved& resolved) { return redis_name(resolved) + "-state"; }
inline std::string redis_pod(const Resolved& resolved, std::int64_t ordinal) {
  return redis_name(resolved) + "-" + std::to_string(ordinal);
}
// What the pods' names end with.
inline std::string redis_domain(const Resolved& resolved) {
  return redis_peers(resolved) + "." + resolved.ns + ".svc." + resolved.cluster_domain;
}

// redis_services.cpp
Objects redis_services(const Resolved& resolved, const Facts& facts);
// redis_config.cpp: redis.conf and the scripts
Object redis_config(const Resolved& resolved);

}  // namespace reconcilers::desired
