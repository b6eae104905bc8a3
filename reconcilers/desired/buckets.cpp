#include <map>
#include <string>
#include <utility>
#include <vector>

#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/pod.h"
#include "reconcilers/desired/scripts.h"
#include "reconcilers/desired/stateful.h"

namespace reconcilers::desired {
namespace {

constexpr const char* kConfigPath = "/etc/buckets";
// A hung Job must fail, so that it is made again; the image may have to be pulled first.
constexpr int kDeadlineSeconds = 900;

Json allow(const std::vector<std::string>& actions, const std::vector<std::string>& resources) {
  Json arns = Json::array();
  for (const std::string& resource : resources) arns.push_back("arn:aws:s3:::" + resource);
  return {{"Effect", "Allow"}, {"Action", actions}, {"Resource", arns}};
}

// Every user may make keys for itself unless it is denied, also one that holds temporary
// credentials; such a key would outlive them.
std::string policy(Json statements) {
  statements.push_back(
      {{"Effect", "Deny"},
       {"Action", Json::array({"admin:CreateServiceAccount", "admin:UpdateServiceAccount"})}});
  return Json({{"Version", "2012-10-17"}, {"Statement", std::move(statements)}}).dump(2) + "\n";
}

// What the application was seen to ask for, and no more.
std::string app_policy(const crds::ObjectStore& store) {
  const std::string& results = store.results_bucket;
  return policy(Json::array({
      allow({"s3:GetBucketLocation", "s3:ListBucket"}, {results, store.uploads_bucket}),
      allow({"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetObject", "s3:PutObject"},
            {results + "/quarantine/*", results + "/similarity-scores/*"}),
      allow({"s3:DeleteObject", "s3:GetObject"}, {store.uploads_bucket + "/*"}),
  }));
}

Object configuration(const Resolved& resolved) {
  const crds::ObjectStore& store = resolved.object_store;
  const std::string upload =
      policy(Json::array({allow({"s3:PutObject"}, {store.uploads_bucket + "/*"})}));
  const std::string download = policy(
      Json::array({allow({"s3:GetObject"}, {store.results_bucket + "/similarity-scores/*"})}));
  return hashed_config(resolved, kBuckets, resolved.name + "-buckets-config",
                       {{"buckets.sh", std::string(script("buckets.sh"))},
                        {"entityservice-app.json", app_policy(store)},
                        {"entityservice-upload.json", upload},
                        {"entityservice-download.json", download}});
}

Json variables(const Resolved& resolved) {
  const std::string secret = resolved.name + "-credentials";
  const std::string address =
      resolved.name + "-objectstore." + resolved.ns + ".svc." + resolved.cluster_domain + ":9000";
  Json all = Json::array({env("STORE", address),
                          env("RESULTS_BUCKET", resolved.object_store.results_bucket),
                          env("UPLOADS_BUCKET", resolved.object_store.uploads_bucket),
                          env("HOME", "/tmp"), env("MC_CONFIG_DIR", "/tmp/.mc")});
  for (const auto& [variable, key] : std::map<std::string, std::string>{
           {"ROOT", "root"}, {"APP", "app"}, {"UPLOAD", "upload"}, {"DOWNLOAD", "download"}}) {
    const std::string prefix = "objectstore-" + key;
    all.push_back(env_from_secret(variable + "_ACCESS_KEY", secret, prefix + "-access-key"));
    all.push_back(env_from_secret(variable + "_SECRET_KEY", secret, prefix + "-secret-key"));
  }
  return all;
}

Object job(const Resolved& resolved, const Facts& facts, const std::string& config) {
  Json container = {{"name", "buckets"},
                    {"image", resolved.images.object_store},
                    {"command", Json::array({"sh", std::string(kConfigPath) + "/buckets.sh"})},
                    {"env", variables(resolved)},
                    {"resources", with_ephemeral_storage(resolved.job_resources, "128Mi")},
                    {"volumeMounts", Json::array({mount("config", kConfigPath, /*read_only=*/true),
                                                  mount("tmp", "/tmp")})}};
  // Script, policies and bucket names count through the name of their ConfigMap.
  const std::string hash = hash8(Json::array({resolved.images.object_store, container.at("command"),
                                              config, facts.object_store_identity})
                                     .dump());

  PodParts parts{.component = kBuckets};
  parts.containers.push_back(std::move(container));
  parts.volumes = Json::array({config_volume("config", config), empty_dir("tmp", "64Mi")});
  parts.restart_policy = "Never";
  Json spec = {{"backoffLimit", 0},
               {"activeDeadlineSeconds", kDeadlineSeconds},
               {"template", pod_template(resolved, resolved.object_store.pod, std::move(parts))}};
  Object result = object(resolved, kBuckets, "batch/v1", "Job", resolved.name + "-buckets-" + hash,
                         {{"spec", std::move(spec)}});
  result.write = Write::CreateOnce;
  result.gates = {Gate::Credentials, Gate::ObjectStoreReady};
  return result;
}

}  // namespace

// One Job for each store: without the identity of its data there is no name yet, and no store
// either.
Objects buckets(const Resolved& resolved, const Facts& facts) {
  Objects all = list_of(configuration(resolved));
  if (!facts.object_store_identity.empty()) {
    all.push_back(job(resolved, facts, all.front().name()));
  }
  return all;
}

}  // namespace reconcilers::desired
