#include <string>
#include <utility>

#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/pod.h"
#include "reconcilers/desired/stateful.h"

namespace reconcilers::desired {
namespace {

constexpr int kPort = 9000;

const std::vector<std::string> kConsumed = {"objectstore-root-access-key",
                                            "objectstore-root-secret-key"};

Object service(const Resolved& resolved, const std::string& name) {
  Json spec = {{"type", "ClusterIP"},
               {"selector", selector(resolved, kObjectStore)},
               {"ports", Json::array({service_port("s3", kPort)})}};
  return object(resolved, kObjectStore, "v1", "Service", name, {{"spec", std::move(spec)}});
}

Json variables(const std::string& secret) {
  return Json::array({
      env_from_secret("MINIO_ROOT_USER", secret, "objectstore-root-access-key"),
      env_from_secret("MINIO_ROOT_PASSWORD", secret, "objectstore-root-secret-key"),
      // One port, exposed to clients as it is: no console on it, no metrics without a token.
      env("MINIO_BROWSER", "off"),
      env("MINIO_PROMETHEUS_AUTH_TYPE", "jwt"),
      env("MINIO_UPDATE", "off"),
      env("HOME", "/tmp"),
  });
}

Json container(const Resolved& resolved) {
  return {
      {"name", "objectstore"},
      {"image", resolved.images.object_store},
      // for the image's entrypoint, which knows what its program is called
      {"args", Json::array({"server", "/data", "--console-address", ":9001"})},
      {"env", variables(resolved.name + "-credentials")},
      {"ports", Json::array({container_port("s3", kPort)})},
      {"resources",
       stateful_resources(resolved.object_store.resources, resolved.object_store.storage)},
      {"startupProbe",
       http_probe("/minio/health/live", "s3", {.period_seconds = 2, .failures = 60})},
      {"readinessProbe", http_probe("/minio/health/ready", "s3", {.period_seconds = 5})},
      {"livenessProbe", http_probe("/minio/health/live", "s3", {.failures = 6})},
      {"volumeMounts", Json::array({mount(kDataVolume, "/data"), mount("tmp", "/tmp")})},
  };
}

Json store_template(const Resolved& resolved, const Facts& facts) {
  PodParts parts{.component = kObjectStore};
  parts.grace_seconds = resolved.object_store.grace_seconds;
  parts.annotations = secrets_annotation(facts, kConsumed);
  parts.containers.push_back(container(resolved));
  parts.volumes.push_back(empty_dir("tmp", "64Mi"));
  return pod_template(resolved, resolved.object_store.pod, std::move(parts));
}

}  // namespace

Objects object_store(const Resolved& resolved, const Facts& facts) {
  const std::string name = resolved.name + "-objectstore";
  Objects all = list_of(service(resolved, name));

  StatefulParts parts{.component = kObjectStore, .name = name};
  parts.service = name;
  parts.replicas = resolved.object_store.replicas;
  parts.storage = &resolved.object_store.storage;
  parts.inputs = Json::array({resolved.object_store.decided, secrets_annotation(facts, kConsumed)});
  parts.pod_template = store_template(resolved, facts);
  all.push_back(stateful_set(resolved, facts, std::move(parts)));
  return all;
}

}  // namespace reconcilers::desired
