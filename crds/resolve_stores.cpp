#include "crds/owned_variables.h"
#include "crds/parts.h"

namespace crds {
namespace {

constexpr std::int64_t kQuorum = 3;

std::map<std::string, std::string> read_parameters(Fields& managed) {
  static const Text kName = {126, "[a-z_][a-z0-9_]{0,62}(\\.[a-z0-9_]{1,62})?",
                             "must be the name of a parameter, in lower case"};
  static const Text kValue = {1024, R"([^\x00-\x1f\x7f]*)", "must have no control characters"};
  auto parameters = managed.map("parameters", 128, kName, kValue);
  for (const auto& [name, value] : parameters) {
    const auto instead = instead_of_parameter(name);
    if (instead) managed.refuse("parameters." + name, *instead);
  }
  return parameters;
}

// Sentinel needs a quorum of three that remembers what it wrote; one Redis has nobody to vote.
void check_mode(Fields& redis, RedisMode mode, std::int64_t size, bool persistent) {
  if (mode == RedisMode::Direct && size == kQuorum) {
    redis.refuse("mode",
                 "is Direct, which works with one Redis; write Sentinel or "
                 "managed.replicas: 1");
  }
  if (mode == RedisMode::Sentinel && size != kQuorum) {
    redis.refuse("mode", "is Sentinel, which needs three; write Direct or managed.replicas: 3");
  }
  if (mode == RedisMode::Sentinel && size == kQuorum && !persistent) {
    redis.refuse("managed.storage.enabled",
                 "is false (written, or by the profile), but Sentinel "
                 "needs volumes; write true or managed.replicas: 1");
  }
}

}  // namespace

Database read_database(Fields& spec, const Context& context) {
  const ProfileDefaults& defaults = context.defaults;
  Database database;
  database.replicas = context.replicas(1);
  const auto read_managed = [&](Fields& fields) {
    database.storage = read_storage(fields, defaults.persistent, defaults.database_storage);
    database.resources = read_resources(fields, "resources", defaults.database);
    database.max_connections =
        fields.integer("maxConnections", 20, 10'000).value_or(defaults.max_connections);
    database.parameters = read_parameters(fields);
    database.grace_seconds = read_grace(fields, defaults.database_grace);
    database.pod = read_pod(fields, context.pod);
  };
  spec.object("database", [&](Fields& fields) { fields.object("managed", read_managed); });
  return database;
}

Redis read_redis(Fields& spec, const Context& context) {
  const ProfileDefaults& defaults = context.defaults;
  Redis redis;
  const auto read_managed = [&](Fields& fields) {
    redis.size = fields.integer("replicas", 1, kQuorum).value_or(defaults.redis_replicas);
    if (redis.size == 2) {
      fields.refuse("replicas", "is 2, must be 1 or 3");
      redis.size = kQuorum;  // so that nothing else is said of it
    }
    redis.replicas = context.replicas(redis.size);
    redis.storage = read_storage(fields, defaults.persistent, defaults.redis_storage);
    if (redis.size != 1 && redis.storage.existing_claim) {
      fields.refuse("storage.existingClaim", "serves one Redis; write replicas: 1 or remove it");
    }
    redis.resources = read_resources(fields, "resources", defaults.redis);
    if (fields.has("sentinelResources") && redis.size == 1) {
      fields.refuse("sentinelResources", "means nothing with one Redis; remove it");
    }
    redis.sentinel_resources = read_resources(fields, "sentinelResources", defaults.sentinel);
    redis.grace_seconds = read_grace(fields, defaults.redis_grace);
    redis.pod = read_pod(fields, context.pod);
  };
  spec.object("redis", [&](Fields& fields) {
    const auto mode = fields.choice("mode", {"Sentinel", "Direct"});
    fields.object("managed", read_managed);
    redis.mode = mode.value_or(redis.size == 1 ? "Direct" : "Sentinel") == "Direct"
                     ? RedisMode::Direct
                     : RedisMode::Sentinel;
    check_mode(fields, redis.mode, redis.size, redis.storage.enabled);
  });
  return redis;
}

ObjectStore read_object_store(Fields& spec, const Context& context) {
  static const Text kBucket = {63, "[a-z0-9][a-z0-9-]{1,61}[a-z0-9]",
                               "must be 3 to 63 lower-case letters, digits and dashes"};
  const ProfileDefaults& defaults = context.defaults;
  ObjectStore store;
  store.replicas = context.replicas(1);
  const auto read_managed = [&](Fields& fields) {
    store.storage = read_storage(fields, defaults.persistent, defaults.object_store_storage);
    store.resources = read_resources(fields, "resources", defaults.object_store);
    store.grace_seconds = read_grace(fields, defaults.object_store_grace);
    store.pod = read_pod(fields, context.pod);
  };
  const auto read_buckets = [&](Fields& fields) {
    store.results_bucket = fields.text("results", kBucket).value_or(store.results_bucket);
    store.uploads_bucket = fields.text("uploads", kBucket).value_or(store.uploads_bucket);
    if (store.results_bucket == store.uploads_bucket) {
      fields.refuse("uploads", "is the bucket of the results too (" + store.uploads_bucket +
                                   "); clients must not reach that, name another");
    }
  };
  spec.object("objectStore", [&](Fields& fields) {
    fields.object("managed", read_managed);
    fields.object("buckets", read_buckets);
  });
  return store;
}

}  // namespace crds
