// An EntityService with every default decided: the only input of the builders that comes from the
// user. Made by `resolve` (crds/resolve.h) alone. Plain values.
//
// Quantities are canonical strings as the API server stores them ("500m", "2", "1Gi"); `Json`
// members are in the shape of the Kubernetes API and null or empty when nothing was asked for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "crds/json.h"

namespace crds {

enum class Profile { Minimal, Test, Production };
enum class DeletionPolicy { Retain, Delete };
enum class RedisMode { Direct, Sentinel };
enum class Tuning { Upstream, Operator };

struct Images {  // complete references
  std::string app, nginx, postgres, redis, object_store;
  std::string pull_policy;                // empty: the cluster's default
  std::vector<std::string> pull_secrets;  // names
  bool operator==(const Images&) const = default;
};

// What may be said of pods; the component's own wins over `spec.pod` (maps are merged by key).
struct PodOptions {
  std::map<std::string, std::string> labels, annotations, node_selector;
  Json tolerations = Json::array();
  Json affinity = nullptr;
  Json topology_spread_constraints = Json::array();  // written: replaces ours
  std::string priority_class_name;
  Json dns_config = nullptr;
  Json host_aliases = Json::array();
  Json security_context = nullptr;  // of the pod, merged over ours
  bool operator==(const PodOptions&) const = default;
};

struct Storage {
  bool enabled = false;
  std::string size;  // "8Gi"; without volume: of the temporary space in its place
  std::optional<std::string> class_name;
  std::vector<std::string> access_modes;      // default ReadWriteOnce
  std::optional<std::string> existing_claim;  // only where there is one replica
  bool operator==(const Storage&) const = default;
};

struct Celery {
  std::int64_t concurrency = 1;
  std::int64_t prefetch_multiplier = 1;
  std::int64_t max_tasks_per_child = 2048;
  bool acks_late = true;
  bool operator==(const Celery&) const = default;
};

struct WorkerPool {
  std::int64_t replicas = 0;  // 0 also when suspended
  Json resources;             // {"requests": {...}, "limits": {...}}
  Celery celery;
  std::int64_t grace_seconds = 30;
  PodOptions pod;
  bool operator==(const WorkerPool&) const = default;
};

struct Proxy {
  bool request_buffering = true;
  std::string body_buffer_size = "1m";  // nginx's units
  std::string max_body_size = "10000m";
  std::string temp_storage;  // quantity: nginx's emptyDir
  std::int64_t connect_timeout_seconds = 600, read_timeout_seconds = 1000,
               send_timeout_seconds = 1000;
  std::int64_t requests_per_second = 200, burst = 50;  // a client address; 0 rps: no limit
  std::int64_t connections = 0;                        // a client address; 0: no limit
  std::vector<std::string> real_ip_from;               // CIDRs
  Json resources;
  bool operator==(const Proxy&) const = default;
};

struct ApiService {
  std::string type = "ClusterIP";
  std::int64_t port = 80;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> load_balancer_source_ranges;
  bool operator==(const ApiService&) const = default;
};

struct Api {
  std::int64_t replicas = 1;
  Json resources;  // gunicorn
  std::int64_t grace_seconds = 30;
  std::string temp_storage;  // quantity: the application's /tmp, in workers too
  Proxy proxy;
  ApiService service;
  PodOptions pod;
  bool operator==(const Api&) const = default;
};

// `decided` of the stores: the written parts of the spec that their pods are made of. It tells what
// the admin has changed from what another version of the operator decides otherwise.
struct Database {
  Json decided;
  std::int64_t replicas = 1;  // 0 when suspended
  Storage storage;
  Json resources;
  std::int64_t max_connections = 100;
  std::map<std::string, std::string> parameters;  // postgresql.conf, not those that we own
  std::int64_t grace_seconds = 30;
  PodOptions pod;
  bool operator==(const Database&) const = default;
};

struct Redis {
  Json decided;
  RedisMode mode = RedisMode::Direct;
  std::int64_t size = 1;      // 1 or 3: how many pods exist by design
  std::int64_t replicas = 1;  // == size, or 0 when suspended
  Storage storage;
  Json resources, sentinel_resources;
  std::int64_t grace_seconds = 30;
  PodOptions pod;
  bool operator==(const Redis&) const = default;
};

struct ObjectStore {
  Json decided;
  std::int64_t replicas = 1;  // 0 when suspended
  Storage storage;
  Json resources;
  std::string results_bucket = "anonlink", uploads_bucket = "uploads";
  std::int64_t grace_seconds = 30;
  PodOptions pod;
  bool operator==(const ObjectStore&) const = default;
};

struct Topology {
  enum class Spread { None, Soft, Hard };
  Spread host = Spread::None, zone = Spread::None;
  std::int64_t max_skew = 1;
  bool operator==(const Topology&) const = default;
};

// The annotation of the resource by which an admin approves updates; status.triggers acknowledges
// it by the part after the slash.
inline constexpr const char* kApproveUpdates = "entityservice.io/approve-updates";

struct Resolved {
  std::string ns, name, uid;
  std::int64_t generation = 0;

  Profile profile = Profile::Production;
  std::string version, channel;  // as written
  std::string app_version;       // what it stands for: "1.15.1"; of a branch or commit, its name
  bool suspend = false, paused = false;
  Tuning tuning = Tuning::Upstream;  // Operator: with the resilience module
  DeletionPolicy deletion_policy = DeletionPolicy::Retain;
  bool updates_on_request = false;  // templates of database, redis and object store that change
                                    // without a change of the spec wait
  std::string updates_approved;  // the token of the annotation that lets them go on; may be empty
  std::int64_t progress_deadline_seconds = 600;
  std::string cluster_domain = "cluster.local";
  Images images;
  std::map<std::string, std::string> config;  // extra environment of the application
  Api api;
  WorkerPool workers, high_memory;
  std::int64_t chunk_size_aim = 300'000'000, cache_expiry_seconds = 2'592'000;
  Database database;
  Redis redis;
  ObjectStore object_store;
  Json job_resources;
  Topology topology;
  bool network_policy = true;
  bool operator==(const Resolved&) const = default;
};

}  // namespace crds
