#include "crds/owned_variables.h"

namespace crds {
namespace {

struct Owned {
  const char* name;     // "PG*": everything that begins with PG
  const char* instead;  // a field, or nullptr where there is no choice
};

// The first that matches wins, so exact names come before their family.
constexpr Owned kVariables[] = {
    {"MINIO_BUCKET", "spec.objectStore.buckets.results"},
    {"UPLOAD_OBJECT_STORE_BUCKET", "spec.objectStore.buckets.uploads"},
    {"CELERYD_CONCURRENCY", "spec.workers.celery.concurrency"},
    {"CELERYD_PREFETCH_MULTIPLIER", "spec.workers.celery.prefetchMultiplier"},
    {"CELERYD_MAX_TASKS_PER_CHILD", "spec.workers.celery.maxTasksPerChild"},
    {"CELERY_ACKS_LATE", "spec.workers.celery.acksLate"},
    {"CHUNK_SIZE_AIM", "spec.workers.chunkSizeAim"},
    {"CACHE_EXPIRY_SECONDS", "spec.workers.cacheExpirySeconds"},
    {"REDIS_USE_SENTINEL", "spec.redis.mode"},
    {"DATABASE*", nullptr},
    {"POSTGRES_*", nullptr},
    {"PG*", nullptr},
    {"REDIS_*", nullptr},
    {"MINIO_*", nullptr},
    {"UPLOAD_OBJECT_STORE_*", nullptr},
    {"DOWNLOAD_OBJECT_STORE_*", nullptr},
    {"CELERY_BROKER_URL", nullptr},
    {"CELERYD_*", nullptr},
    {"CELERY_DB_*", nullptr},
    {"FLASK_DB_*", nullptr},
    {"LOG_CFG", nullptr},
    {"TRACE_CFG", nullptr},
};

constexpr Owned kParameters[] = {
    {"max_connections", "spec.database.managed.maxConnections"},
    {"listen_addresses", nullptr},
    {"port", nullptr},
    {"data_directory", nullptr},
    {"config_file", nullptr},
    {"hba_file", nullptr},
    {"ident_file", nullptr},
    {"external_pid_file", nullptr},
    {"include*", nullptr},
    {"unix_socket_*", nullptr},
    {"password_encryption", nullptr},
    {"ssl*", nullptr},
};

bool matches(const std::string& name, const std::string& pattern) {
  if (pattern.back() != '*') return name == pattern;
  return name.rfind(pattern.substr(0, pattern.size() - 1), 0) == 0;
}

template <std::size_t size>
std::optional<std::string> instead(const Owned (&table)[size], const std::string& name) {
  for (const Owned& owned : table) {
    if (!matches(name, owned.name)) continue;
    const std::string reason = "is set by the operator; ";
    return reason + (owned.instead ? std::string("use ") + owned.instead : "remove it");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> instead_of_variable(const std::string& variable) {
  return instead(kVariables, variable);
}

std::optional<std::string> instead_of_parameter(const std::string& parameter) {
  return instead(kParameters, parameter);
}

}  // namespace crds
