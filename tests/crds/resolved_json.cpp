#include "tests/crds/resolved_json.h"

namespace crds::testing {
namespace {

const char* name(Profile profile) {
  return profile == Profile::Minimal ? "Minimal" : profile == Profile::Test ? "Test" : "Production";
}

const char* name(Topology::Spread spread) {
  using Spread = Topology::Spread;
  return spread == Spread::None ? "None" : spread == Spread::Soft ? "Soft" : "Hard";
}

Json json(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }

Json json(const PodOptions& it) {
  return {{"labels", it.labels},
          {"annotations", it.annotations},
          {"node_selector", it.node_selector},
          {"tolerations", it.tolerations},
          {"affinity", it.affinity},
          {"topology_spread_constraints", it.topology_spread_constraints},
          {"priority_class_name", it.priority_class_name},
          {"dns_config", it.dns_config},
          {"host_aliases", it.host_aliases},
          {"security_context", it.security_context}};
}

Json json(const Storage& it) {
  return {{"enabled", it.enabled},
          {"size", it.size},
          {"class_name", json(it.class_name)},
          {"access_modes", it.access_modes},
          {"existing_claim", json(it.existing_claim)}};
}

Json json(const Images& it) {
  return {{"app", it.app},
          {"nginx", it.nginx},
          {"postgres", it.postgres},
          {"redis", it.redis},
          {"object_store", it.object_store},
          {"pull_policy", it.pull_policy},
          {"pull_secrets", it.pull_secrets}};
}

Json json(const WorkerPool& it) {
  const Json celery = {{"concurrency", it.celery.concurrency},
                       {"prefetch_multiplier", it.celery.prefetch_multiplier},
                       {"max_tasks_per_child", it.celery.max_tasks_per_child},
                       {"acks_late", it.celery.acks_late}};
  return {{"replicas", it.replicas},
          {"resources", it.resources},
          {"celery", celery},
          {"grace_seconds", it.grace_seconds},
          {"pod", json(it.pod)}};
}

Json json(const Proxy& it) {
  return {{"request_buffering", it.request_buffering},
          {"body_buffer_size", it.body_buffer_size},
          {"max_body_size", it.max_body_size},
          {"temp_storage", it.temp_storage},
          {"connect_timeout_seconds", it.connect_timeout_seconds},
          {"read_timeout_seconds", it.read_timeout_seconds},
          {"send_timeout_seconds", it.send_timeout_seconds},
          {"requests_per_second", it.requests_per_second},
          {"burst", it.burst},
          {"connections", it.connections},
          {"real_ip_from", it.real_ip_from},
          {"resources", it.resources}};
}

Json json(const Api& it) {
  const Json service = {{"type", it.service.type},
                        {"port", it.service.port},
                        {"annotations", it.service.annotations},
                        {"load_balancer_source_ranges", it.service.load_balancer_source_ranges}};
  return {{"replicas", it.replicas},
          {"resources", it.resources},
          {"grace_seconds", it.grace_seconds},
          {"temp_storage", it.temp_storage},
          {"proxy", json(it.proxy)},
          {"service", service},
          {"pod", json(it.pod)}};
}

Json json(const Database& it) {
  return {{"decided", it.decided},
          {"replicas", it.replicas},
          {"storage", json(it.storage)},
          {"resources", it.resources},
          {"max_connections", it.max_connections},
          {"parameters", it.parameters},
          {"grace_seconds", it.grace_seconds},
          {"pod", json(it.pod)}};
}

Json json(const Redis& it) {
  return {{"decided", it.decided},
          {"mode", it.mode == RedisMode::Direct ? "Direct" : "Sentinel"},
          {"size", it.size},
          {"replicas", it.replicas},
          {"storage", json(it.storage)},
          {"resources", it.resources},
          {"sentinel_resources", it.sentinel_resources},
          {"grace_seconds", it.grace_seconds},
          {"pod", json(it.pod)}};
}

Json json(const ObjectStore& it) {
  return {{"decided", it.decided},
          {"replicas", it.replicas},
          {"storage", json(it.storage)},
          {"resources", it.resources},
          {"results_bucket", it.results_bucket},
          {"uploads_bucket", it.uploads_bucket},
          {"grace_seconds", it.grace_seconds},
          {"pod", json(it.pod)}};
}

}  // namespace

Json to_json(const Resolved& it) {
  const bool retain = it.deletion_policy == DeletionPolicy::Retain;
  const Json topology = {{"host", name(it.topology.host)},
                         {"zone", name(it.topology.zone)},
                         {"max_skew", it.topology.max_skew}};
  return {{"ns", it.ns},
          {"name", it.name},
          {"uid", it.uid},
          {"generation", it.generation},
          {"profile", name(it.profile)},
          {"version", it.version},
          {"channel", it.channel},
          {"app_version", it.app_version},
          {"suspend", it.suspend},
          {"paused", it.paused},
          {"deletion_policy", retain ? "Retain" : "Delete"},
          {"tuning", it.tuning == Tuning::Operator ? "Operator" : "Upstream"},
          {"updates_on_request", it.updates_on_request},
          {"updates_approved", it.updates_approved},
          {"progress_deadline_seconds", it.progress_deadline_seconds},
          {"cluster_domain", it.cluster_domain},
          {"images", json(it.images)},
          {"config", it.config},
          {"api", json(it.api)},
          {"workers", json(it.workers)},
          {"high_memory", json(it.high_memory)},
          {"chunk_size_aim", it.chunk_size_aim},
          {"cache_expiry_seconds", it.cache_expiry_seconds},
          {"database", json(it.database)},
          {"redis", json(it.redis)},
          {"object_store", json(it.object_store)},
          {"job_resources", it.job_resources},
          {"topology", topology},
          {"network_policy", it.network_policy}};
}

}  // namespace crds::testing
