#include <algorithm>

#include "crds/parts.h"
#include "crds/quantity.h"

namespace crds {
namespace {

constexpr std::int64_t kDefaultReplicas = 2;

Celery read_celery(Fields& pool, const Json& resources) {
  Celery celery;
  const std::string cpu = resources.at("limits").at("cpu");
  // One process for each CPU that the pod may use; the application would count the node's.
  celery.concurrency = std::max<std::int64_t>(1, Quantity::parse(cpu)->ceil());
  pool.object("celery", [&](Fields& fields) {
    celery.concurrency = fields.integer("concurrency", 1, 1024).value_or(celery.concurrency);
    celery.prefetch_multiplier =
        fields.integer("prefetchMultiplier", 1, 1024).value_or(celery.prefetch_multiplier);
    celery.max_tasks_per_child =
        fields.integer("maxTasksPerChild", 1, 1'000'000).value_or(celery.max_tasks_per_child);
    celery.acks_late = fields.flag("acksLate").value_or(celery.acks_late);
  });
  return celery;
}

WorkerPool read_pool(Fields& fields, const Context& context, const Sizes& sizes,
                     std::int64_t grace) {
  WorkerPool pool;
  pool.resources = read_resources(fields, "resources", sizes);
  pool.celery = read_celery(fields, pool.resources);
  pool.grace_seconds = read_grace(fields, grace);
  pool.pod = read_pod(fields, context.pod);
  return pool;
}

}  // namespace

void read_workers(Fields& spec, const Context& context, Resolved& resolved) {
  const ProfileDefaults& defaults = context.defaults;
  const auto replicas = spec.integer("replicas", 0, kMaxReplicas).value_or(kDefaultReplicas);
  spec.object("workers", [&](Fields& fields) {
    resolved.workers = read_pool(fields, context, defaults.workers, defaults.workers_grace);
    resolved.chunk_size_aim =
        fields.integer("chunkSizeAim", 1, 1'000'000'000'000).value_or(resolved.chunk_size_aim);
    resolved.cache_expiry_seconds = fields.integer("cacheExpirySeconds", 1, 315'360'000)
                                        .value_or(resolved.cache_expiry_seconds);
    fields.object("highMemory", [&](Fields& high) {
      resolved.high_memory =
          read_pool(high, context, defaults.high_memory, defaults.high_memory_grace);
      // Nobody else takes the queue `highmemory`: without one, runs would wait for ever.
      resolved.high_memory.replicas =
          context.replicas(high.integer("replicas", 1, kMaxReplicas).value_or(1));
    });
  });
  resolved.workers.replicas = context.replicas(replicas);
}

}  // namespace crds
