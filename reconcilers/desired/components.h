// One builder a component; `build` (desired.cpp) calls them in apply order.
#pragma once

#include <optional>

#include "reconcilers/desired/desired.h"

namespace reconcilers::desired {

// identity.cpp, policies.cpp
Objects identity(const Resolved& resolved);
Objects policies(const Resolved& resolved);

// database.cpp: Service, ConfigMap, StatefulSet
Objects database(const Resolved& resolved, const Facts& facts);
// redis_services.cpp, redis.cpp: N-redis, N-redis-peers, per-pod Services and N-redis-sentinel, or
// N-redis-master; N-redis-state; ConfigMap; StatefulSet; PDB
Objects redis(const Resolved& resolved, const Facts& facts);
// object_store.cpp: Service, StatefulSet
Objects object_store(const Resolved& resolved, const Facts& facts);

// app_config.cpp: N-env-…, N-logging-…, with `tuning: Operator` N-resilience-…, and what a
// container of the application needs of them
struct AppConfig {
  Object env, logging;
  std::optional<Object> resilience;
};
AppConfig app_config(const Resolved& resolved, const Facts& facts);

// nginx_config.cpp: N-nginx-…, the API's proxy (part of `api`)
Object nginx_config(const Resolved& resolved);

Objects migration(const Resolved& resolved, const Facts& facts, const AppConfig& config);
Objects buckets(const Resolved& resolved, const Facts& facts);
Objects workers(const Resolved& resolved, const Facts& facts, const AppConfig& config);
Objects api(const Resolved& resolved, const Facts& facts, const AppConfig& config);

// hostAliases: the names of Redis and Sentinels without DNS, for Redis pods and for the
// application, which is led to the Sentinels that are not ending first. Empty in Direct mode.
Json redis_peer_aliases(const Resolved& resolved, const Facts& facts);
Json redis_client_aliases(const Resolved& resolved, const Facts& facts);
// PDB with maxUnavailable 1, or nothing below two replicas.
Objects disruption(const Resolved& resolved, const std::string& component, const std::string& name,
                   std::int64_t replicas);

}  // namespace reconcilers::desired
