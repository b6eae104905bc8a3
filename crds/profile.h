// What each profile gives where the spec says nothing: one table, plain values.
#pragma once

#include <cstdint>
#include <string>

#include "crds/json.h"
#include "crds/resolved.h"

namespace crds {

struct Sizes {
  const char *cpu_request, *memory_request, *cpu_limit, *memory_limit;
  Json resources() const;  // {"requests": {...}, "limits": {...}}
};

struct ProfileDefaults {
  Sizes api, nginx, workers, high_memory, database, redis, sentinel, object_store, jobs;
  std::int64_t api_replicas, redis_replicas;
  bool persistent;
  const char *database_storage, *redis_storage, *object_store_storage;
  Topology topology;
  std::int64_t max_connections;
  const char *nginx_temp_storage, *app_temp_storage;
  std::int64_t workers_grace, high_memory_grace, api_grace, database_grace, redis_grace,
      object_store_grace;
  DeletionPolicy deletion_policy;
  bool updates_on_request;
};

const ProfileDefaults &defaults_of(Profile profile);
// The profile that a spec names; Production where it names none, or none that exists.
Profile profile_of(const Json &spec);

}  // namespace crds
