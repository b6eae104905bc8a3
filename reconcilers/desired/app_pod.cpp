#include "reconcilers/desired/app_pod.h"

#include <utility>

#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/pod.h"
#include "reconcilers/desired/redis_names.h"

namespace reconcilers::desired {
namespace {

struct SecretVariable {
  const char* name;
  const char* key;
  bool migration, worker, api;  // who reads it
};

// Each role gets only what it reads. The migrations read other names than the application.
constexpr SecretVariable kSecretVariables[] = {
    {"DATABASE_USER", "database-user", true, true, true},
    {"DATABASE_PASSWORD", "database-password", true, true, true},
    {"POSTGRES_USER", "database-user", true, true, true},
    {"REDIS_PASSWORD", "redis-password", false, true, true},
    {"MINIO_ACCESS_KEY", "objectstore-app-access-key", false, true, true},
    {"MINIO_SECRET_KEY", "objectstore-app-secret-key", false, true, true},
    {"UPLOAD_OBJECT_STORE_ACCESS_KEY", "objectstore-upload-access-key", false, false, true},
    {"UPLOAD_OBJECT_STORE_SECRET_KEY", "objectstore-upload-secret-key", false, false, true},
    {"DOWNLOAD_OBJECT_STORE_ACCESS_KEY", "objectstore-download-access-key", false, false, true},
    {"DOWNLOAD_OBJECT_STORE_SECRET_KEY", "objectstore-download-secret-key", false, false, true},
};

bool reads(AppRole role, const SecretVariable& variable) {
  switch (role) {
    case AppRole::Migration:
      return variable.migration;
    case AppRole::Worker:
      return variable.worker;
    case AppRole::Api:
      return variable.api;
  }
  return false;
}

// With the password left to the kubelet's expansion. Sentinels by the names that hostAliases
// resolve, those that are not ending first.
std::string broker_url(const Resolved& resolved) {
  const std::string domain = "." + resolved.ns + ".svc." + resolved.cluster_domain;
  if (resolved.redis.mode == crds::RedisMode::Direct) {
    return "redis://:$(REDIS_PASSWORD)@" + resolved.name + "-redis-master" + domain + ":6379/0";
  }
  std::string url;
  for (const RedisHost& it : redis_hosts(resolved)) {
    if (!url.empty()) url += ";";
    url += "sentinel://:$(REDIS_PASSWORD)@" + it.host + ":26379/0";
  }
  return url;
}

constexpr const char* kResilienceFolder = "/var/resilience";

// The migrations do not use Redis.
bool is_tuned(const AppConfig& config, AppRole role) {
  return config.resilience && role != AppRole::Migration;
}

// Before what the resource names: ours hands on to a sitecustomize of theirs.
Json python_path(const Resolved& resolved) {
  const auto theirs = resolved.config.find("PYTHONPATH");
  std::string folders = kResilienceFolder;
  if (theirs != resolved.config.end()) folders += ":" + theirs->second;
  return env("PYTHONPATH", folders);
}

Json environment(const Resolved& resolved, AppRole role) {
  Json variables = Json::array();
  for (const SecretVariable& variable : kSecretVariables) {
    if (!reads(role, variable)) continue;
    variables.push_back(
        env_from_secret(variable.name, resolved.name + "-credentials", variable.key));
  }
  // After REDIS_PASSWORD: only earlier variables are expanded.
  if (role != AppRole::Migration) {
    variables.push_back(env("CELERY_BROKER_URL", broker_url(resolved)));
  }
  return variables;
}

}  // namespace

Json app_container(const Resolved& resolved, const AppConfig& config, AppRole role,
                   const std::string& name, const std::vector<std::string>& command,
                   const Json& resources) {
  Json variables = environment(resolved, role);
  Json mounts = Json::array({mount("config", "/var/config", true), mount("tmp", "/tmp")});
  if (is_tuned(config, role)) {
    variables.push_back(python_path(resolved));
    mounts.push_back(mount("resilience", kResilienceFolder, true));
  }
  return {{"name", name},
          {"image", resolved.images.app},
          {"command", command},
          {"env", std::move(variables)},
          {"envFrom", Json::array({{{"configMapRef", {{"name", config.env.name()}}}}})},
          {"resources", with_ephemeral_storage(resources, resolved.api.temp_storage)},
          {"volumeMounts", std::move(mounts)}};
}

Json app_volumes(const Resolved& resolved, const AppConfig& config, AppRole role) {
  Json volumes = Json::array({config_volume("config", config.logging.name()),
                              empty_dir("tmp", resolved.api.temp_storage)});
  if (is_tuned(config, role)) {
    volumes.push_back(config_volume("resilience", config.resilience->name()));
  }
  return volumes;
}

std::map<std::string, std::string> app_secrets_annotation(const Facts& facts, AppRole role) {
  if (!facts.credentials) return {};
  std::vector<std::string> keys;
  for (const SecretVariable& variable : kSecretVariables) {
    if (reads(role, variable)) keys.emplace_back(variable.key);
  }
  return {{"entityservice.io/secrets", secret_hash(*facts.credentials, keys)}};
}

std::set<Gate> app_gates(const Resolved& resolved) {
  std::set<Gate> gates = {Gate::Credentials, Gate::Migrated, Gate::RedisReady, Gate::BucketsReady};
  if (resolved.redis.mode == crds::RedisMode::Sentinel) gates.insert(Gate::RedisAddresses);
  return gates;
}

}  // namespace reconcilers::desired
