#include "crds/parts.h"

namespace crds {
namespace {

// The API's pods need this much to hand over to others before gunicorn is asked to end.
constexpr std::int64_t kLeastGrace = 30;
constexpr std::int64_t kMaxTimeout = 86400;

void read_timeouts(Fields& parent, Proxy& proxy) {
  parent.object("timeouts", [&](Fields& fields) {
    const auto seconds = [&](const char* name, std::int64_t& value) {
      value = fields.integer(name, 1, kMaxTimeout).value_or(value);
    };
    seconds("connectSeconds", proxy.connect_timeout_seconds);
    seconds("readSeconds", proxy.read_timeout_seconds);
    seconds("sendSeconds", proxy.send_timeout_seconds);
  });
}

void read_rate_limit(Fields& parent, Proxy& proxy) {
  parent.object("rateLimit", [&](Fields& fields) {
    proxy.requests_per_second =
        fields.integer("rps", 0, 100'000).value_or(proxy.requests_per_second);
    const auto burst = fields.integer("burst", 0, 100'000);
    proxy.burst = burst.value_or(proxy.burst);
    proxy.connections = fields.integer("connections", 0, 100'000).value_or(proxy.connections);
    if (burst && proxy.requests_per_second == 0) {
      fields.refuse("burst", "means nothing while rps is 0 (no limit); remove it");
    }
  });
}

std::vector<std::string> read_cidrs(Fields& parent, const char* name) {
  auto cidrs = parent.texts(name, 64, {49});
  for (const std::string& cidr : cidrs) {
    if (!is_cidr(cidr)) {
      parent.refuse(name, "has \"" + cidr + "\", must be CIDRs like 10.0.0.0/8 or fd00::/8");
    }
  }
  return cidrs;
}

Proxy read_proxy(Fields& api, const ProfileDefaults& defaults) {
  static const Text kBuffer = {10, "[1-9][0-9]{0,8}[kKmM]?", "must be a size like 512k or 1m"};
  static const Text kBody = {10, "[1-9][0-9]{0,8}[kKmMgG]?", "must be a size like 10000m or 10g"};
  Proxy proxy;
  api.object("proxy", [&](Fields& fields) {
    proxy.request_buffering =
        fields.choice("requestBuffering", {"On", "Off"}).value_or("On") == "On";
    proxy.body_buffer_size =
        fields.text("bodyBufferSize", kBuffer).value_or(proxy.body_buffer_size);
    proxy.max_body_size = fields.text("maxBodySize", kBody).value_or(proxy.max_body_size);
    proxy.temp_storage = fields.quantity("tempStorage").value_or(defaults.nginx_temp_storage);
    if (proxy.temp_storage == "0") fields.refuse("tempStorage", "is 0; write a size like 5Gi");
    read_timeouts(fields, proxy);
    read_rate_limit(fields, proxy);
    proxy.real_ip_from = read_cidrs(fields, "realIPFrom");
    proxy.resources = read_resources(fields, "resources", defaults.nginx);
  });
  return proxy;
}

ApiService read_service(Fields& api) {
  ApiService service;
  api.object("service", [&](Fields& fields) {
    service.type =
        fields.choice("type", {"ClusterIP", "NodePort", "LoadBalancer"}).value_or(service.type);
    service.port = fields.integer("port", 1, 65535).value_or(service.port);
    service.annotations = read_annotations(fields);
    service.load_balancer_source_ranges = read_cidrs(fields, "loadBalancerSourceRanges");
    if (!service.load_balancer_source_ranges.empty() && service.type != "LoadBalancer") {
      fields.refuse("loadBalancerSourceRanges", "works with type LoadBalancer only, the type is " +
                                                    service.type +
                                                    "; write that type or remove it");
    }
  });
  return service;
}

}  // namespace

Api read_api(Fields& spec, const Context& context) {
  const ProfileDefaults& defaults = context.defaults;
  Api api;
  api.temp_storage = defaults.app_temp_storage;
  spec.object("api", [&](Fields& fields) {
    api.replicas = context.replicas(
        fields.integer("replicas", 1, kMaxReplicas).value_or(defaults.api_replicas));
    api.resources = read_resources(fields, "resources", defaults.api);
    api.grace_seconds = read_grace(fields, defaults.api_grace, kLeastGrace);
    api.proxy = read_proxy(fields, defaults);
    api.service = read_service(fields);
    api.pod = read_pod(fields, context.pod);
  });
  return api;
}

}  // namespace crds
