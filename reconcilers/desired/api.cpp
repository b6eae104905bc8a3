// The API: nginx in front of gunicorn, in one pod.
#include <algorithm>
#include <utility>

#include "reconcilers/desired/app_pod.h"
#include "reconcilers/desired/metadata.h"
#include "reconcilers/desired/pod.h"

namespace reconcilers::desired {
namespace {

constexpr int kProxyPort = 8851;
constexpr int kAppPort = 8000;
constexpr int kNginxUser = 101;

// How the grace period is spent: both containers go on while the endpoints forget the pod, nginx
// then finishes its requests and accepts none, and gunicorn, which goes on for longer, the same.
struct Shutdown {
  std::int64_t proxy_sleep, app_sleep, graceful_timeout;
};

Shutdown shutdown(std::int64_t grace_seconds) {
  const std::int64_t app_sleep = std::clamp<std::int64_t>(grace_seconds / 3, 2, 15);
  return {.proxy_sleep = std::max<std::int64_t>(app_sleep - 5, 1),
          .app_sleep = app_sleep,
          .graceful_timeout = std::max<std::int64_t>(grace_seconds - app_sleep - 5, 1)};
}

Json http_probe(const std::string& path, const char* port, int period, int timeout, int failures) {
  return {{"httpGet", {{"path", path}, {"port", port}}},
          {"periodSeconds", period},
          {"timeoutSeconds", timeout},
          {"failureThreshold", failures}};
}

Json tcp_probe(const char* port, int period, int timeout, int failures) {
  return {{"tcpSocket", {{"port", port}}},
          {"periodSeconds", period},
          {"timeoutSeconds", timeout},
          {"failureThreshold", failures}};
}

Json ports(const std::string& name, int port) {
  return Json::array({{{"name", name}, {"containerPort", port}, {"protocol", "TCP"}}});
}

Json app(const Resolved& resolved, const AppConfig& config) {
  const Shutdown times = shutdown(resolved.api.grace_seconds);
  // In exec form, so that SIGTERM reaches it; heartbeats in memory, because a slow disk under /tmp
  // would look like a hung worker.
  Json container = app_container(
      resolved, config, AppRole::Api, "app",
      {"gunicorn", "--name=entityservice-web", "--bind=0.0.0.0:8000", "--workers=4",
       "--timeout=600", "--keep-alive=300",
       "--graceful-timeout=" + std::to_string(times.graceful_timeout), "--worker-tmp-dir=/dev/shm",
       "--log-level=info", "--access-logfile=-", "entityservice:app"},
      resolved.api.resources);
  container["ports"] = ports("app", kAppPort);
  // Every HTTP path waits for the database: whether to restart must not hang on it.
  container["startupProbe"] = tcp_probe("app", 5, 5, 60);
  container["livenessProbe"] = tcp_probe("app", 20, 5, 6);
  container["readinessProbe"] = http_probe("/status", "app", 15, 10, 3);
  container["lifecycle"] = {{"preStop", {{"sleep", {{"seconds", times.app_sleep}}}}}};
  return container;
}

// nginx leaves by itself after SIGQUIT; until then the hook must last, because what the kubelet
// sends after it may cut requests short.
Json proxy_stop(const Resolved& resolved) {
  const std::string script = "sleep " +
                             std::to_string(shutdown(resolved.api.grace_seconds).proxy_sleep) +
                             "\n"
                             "kill -QUIT 1\n"
                             "while [ -e /tmp/nginx.pid ]; do sleep 1; done\n";
  return {{"preStop", {{"exec", {{"command", Json::array({"sh", "-c", script})}}}}}};
}

Json proxy(const Resolved& resolved) {
  const crds::Proxy& settings = resolved.api.proxy;
  return {{"name", "nginx"},
          {"image", resolved.images.nginx},
          {"command", Json::array({"nginx", "-c", "/etc/nginx/nginx.conf", "-g", "daemon off;"})},
          {"ports", ports("http", kProxyPort)},
          {"resources", with_ephemeral_storage(settings.resources, settings.temp_storage)},
          {"securityContext",
           [] {
             Json security = container_security();
             security["runAsUser"] = kNginxUser;
             security["runAsGroup"] = kNginxUser;
             return security;
           }()},
          {"livenessProbe", http_probe("/-/alive", "http", 20, 5, 3)},
          {"readinessProbe", http_probe("/api/v1/version", "http", 15, 10, 3)},
          {"lifecycle", proxy_stop(resolved)},
          {"volumeMounts",
           Json::array({mount("nginx-config", "/etc/nginx/nginx.conf", true, "nginx.conf"),
                        mount("nginx-tmp", "/tmp")})}};
}

Object deployment(const Resolved& resolved, const Facts& facts, const AppConfig& config,
                  const std::string& nginx_config_name) {
  PodParts parts{.component = kApi, .grace_seconds = resolved.api.grace_seconds};
  parts.containers = Json::array({proxy(resolved), app(resolved, config)});
  parts.volumes = app_volumes(resolved, config, AppRole::Api);
  parts.volumes.push_back(config_volume("nginx-config", nginx_config_name));
  parts.volumes.push_back(empty_dir("nginx-tmp", resolved.api.proxy.temp_storage));
  parts.annotations = app_secrets_annotation(facts, AppRole::Api);
  parts.annotations["kubectl.kubernetes.io/default-container"] = "app";
  parts.host_aliases = redis_client_aliases(resolved, facts);

  Json strategy = {{"type", "RollingUpdate"},
                   {"rollingUpdate", {{"maxSurge", 1}, {"maxUnavailable", 0}}}};
  Json spec = {{"replicas", resolved.api.replicas},
               {"revisionHistoryLimit", 3},
               {"progressDeadlineSeconds", resolved.progress_deadline_seconds},
               {"selector", {{"matchLabels", selector(resolved, kApi)}}},
               {"strategy", std::move(strategy)},
               {"template", pod_template(resolved, resolved.api.pod, std::move(parts))}};
  Object result = object(resolved, kApi, "apps/v1", "Deployment", resolved.name + "-api",
                         {{"spec", std::move(spec)}});
  result.gates = app_gates(resolved);
  result.gates.insert(Gate::WorkersRolled);
  return result;
}

Object service(const Resolved& resolved) {
  const crds::ApiService& settings = resolved.api.service;
  Json spec = {{"type", settings.type},
               {"selector", selector(resolved, kApi)},
               {"ports", Json::array({{{"name", "http"},
                                       {"port", settings.port},
                                       {"targetPort", "http"},
                                       {"protocol", "TCP"}}})}};
  if (settings.type == "LoadBalancer" && !settings.load_balancer_source_ranges.empty()) {
    spec["loadBalancerSourceRanges"] = settings.load_balancer_source_ranges;
  }
  Json rest = {{"spec", std::move(spec)}};
  if (!settings.annotations.empty()) rest["metadata"]["annotations"] = settings.annotations;
  return object(resolved, kApi, "v1", "Service", resolved.name + "-api", std::move(rest));
}

}  // namespace

Objects api(const Resolved& resolved, const Facts& facts, const AppConfig& config) {
  Object configuration = nginx_config(resolved);
  Object pods = deployment(resolved, facts, config, configuration.name());
  Objects objects = list_of(std::move(configuration), service(resolved), std::move(pods));
  for (Object& budget : disruption(resolved, kApi, resolved.name + "-api", resolved.api.replicas)) {
    objects.push_back(std::move(budget));
  }
  return objects;
}

}  // namespace reconcilers::desired
