// The application's environment as far as it is no secret and the same for all roles, and its
// logging. What only one pool of workers reads is in workers.cpp, so that nothing else restarts.
#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/scripts.h"

namespace reconcilers::desired {
namespace {

using Variables = std::map<std::string, std::string>;

// No file handler: the root file system is read-only. Not below INFO: at DEBUG the application
// logs the temporary credentials that it gives out.
constexpr const char* kLogging = R"(version: 1
disable_existing_loggers: false
formatters:
  plain:
    format: "%(message)s"
handlers:
  console:
    class: logging.StreamHandler
    formatter: plain
    stream: ext://sys.stdout
root:
  level: INFO
  handlers: [console]
)";

// Nothing is traced until there is somewhere to send it to.
constexpr const char* kTracing = R"(logging: false
sampler:
  type: const
  param: 0
)";

void add_database(const std::string& domain, const Resolved& resolved, Variables& variables) {
  variables["DATABASE_SERVER"] = resolved.name + "-postgres" + domain;
  variables["DATABASE"] = "anonlink";
  variables["POSTGRES_DB"] = "anonlink";  // what the migrations read
  variables["PGCONNECT_TIMEOUT"] = "10";  // a lost node does not answer at all
  variables["FLASK_DB_MIN_CONNECTIONS"] = "1";
  variables["FLASK_DB_MAX_CONNECTIONS"] = "2";
  variables["CELERY_DB_MIN_CONNECTIONS"] = "1";
  variables["CELERY_DB_MAX_CONNECTIONS"] = "3";
}

void add_redis(const std::string& domain, const Resolved& resolved, Variables& variables) {
  const bool sentinel = resolved.redis.mode == crds::RedisMode::Sentinel;
  variables["REDIS_SERVER"] = resolved.name + (sentinel ? "-redis" : "-redis-master") + domain;
  variables["REDIS_USE_SENTINEL"] = sentinel ? "true" : "false";
  variables["REDIS_SENTINEL_NAME"] = "mymaster";  // the broker's is fixed in the application
}

void add_object_store(const std::string& domain, const Resolved& resolved, Variables& variables) {
  const std::string server = resolved.name + "-objectstore" + domain + ":9000";
  variables["MINIO_SERVER"] = server;
  variables["MINIO_SECURE"] = "false";
  variables["MINIO_BUCKET"] = resolved.object_store.results_bucket;
  variables["UPLOAD_OBJECT_STORE_ENABLED"] = "true";
  variables["UPLOAD_OBJECT_STORE_SERVER"] = server;
  variables["UPLOAD_OBJECT_STORE_SECURE"] = "false";
  variables["UPLOAD_OBJECT_STORE_BUCKET"] = resolved.object_store.uploads_bucket;
  variables["DOWNLOAD_OBJECT_STORE_SERVER"] = server;
  variables["DOWNLOAD_OBJECT_STORE_SECURE"] = "false";
}

Variables environment(const Resolved& resolved) {
  const std::string domain = "." + resolved.ns + ".svc." + resolved.cluster_domain;
  Variables variables = resolved.config;
  add_database(domain, resolved, variables);
  add_redis(domain, resolved, variables);
  add_object_store(domain, resolved, variables);
  // Ours only as long as the resource says nothing: emplace keeps what is there.
  variables.emplace("CONNEXION_STRICT_VALIDATION", "true");
  variables.emplace("CONNEXION_RESPONSE_VALIDATION", "true");
  variables.emplace("MIN_ENCODING_SIZE", "8");
  variables.emplace("MAX_ENCODING_SIZE", "1024");
  variables["LOG_CFG"] = "/var/config/logging.yaml";
  variables["TRACE_CFG"] = "/var/config/tracing.yaml";
  return variables;
}

// The module that mends the application's libraries, loaded by Python itself.
HashedFiles module_files() {
  std::map<std::string, std::string> files;
  for (const char* file :
       {"sitecustomize.py", "es_resilience.py", "es_redis.py", "es_journal.py", "es_broker.py",
        "es_take.py", "es_ledger.py", "es_tasks.py", "es_store.py", "es_database.py"}) {
    files[file] = script(std::string("resilience/") + file);
  }
  return hashed_files(files);
}

std::optional<Object> resilience(const Resolved& resolved) {
  static const HashedFiles kFiles = module_files();  // the same for all, and large
  if (resolved.tuning != crds::Tuning::Operator) return std::nullopt;
  return config_of(resolved, kConfig, resolved.name + "-resilience", kFiles);
}

}  // namespace

AppConfig app_config(const Resolved& resolved, const Facts&) {
  return {.env = hashed_config(resolved, kConfig, resolved.name + "-env", environment(resolved)),
          .logging = hashed_config(resolved, kConfig, resolved.name + "-logging",
                                   {{"logging.yaml", kLogging}, {"tracing.yaml", kTracing}}),
          .resilience = resilience(resolved)};
}

}  // namespace reconcilers::desired
