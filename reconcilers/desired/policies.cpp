// Who may talk to whom: nothing, then what each component needs.
//
// A field that the API server would drop (an empty list) is never written: a policy without rules
// says "deny" by its policyTypes alone.
#include <initializer_list>
#include <utility>

#include "reconcilers/desired/components.h"
#include "reconcilers/desired/metadata.h"

namespace reconcilers::desired {
namespace {

constexpr int kProxyPort = 8851;
constexpr int kDatabasePort = 5432;
constexpr int kRedisPort = 6379;
constexpr int kSentinelPort = 26379;
constexpr int kObjectStorePort = 9000;

Json port(int number, const char* protocol = "TCP") {
  return {{"port", number}, {"protocol", protocol}};
}

Json pods(const Resolved& resolved, const std::string& component) {
  return {{"podSelector", {{"matchLabels", selector(resolved, component)}}}};
}

Json peers(const Resolved& resolved, std::initializer_list<const char*> components) {
  Json all = Json::array();
  for (const char* component : components) all.push_back(pods(resolved, component));
  return all;
}

// To any address: cluster DNS may run on the nodes. 1053 and 5353 are what DNS pods listen on
// behind their Service in some distributions, and policies see the pod's port.
Json to_dns() {
  Json ports = Json::array();
  for (const int number : {53, 1053, 5353}) {
    for (const char* protocol : {"UDP", "TCP"}) ports.push_back(port(number, protocol));
  }
  return {{"ports", ports}};
}

Json redis_ports() { return Json::array({port(kRedisPort), port(kSentinelPort)}); }

Json to_redis(const Resolved& resolved) {
  return {{"to", peers(resolved, {kRedis})}, {"ports", redis_ports()}};
}

Json to_database(const Resolved& resolved) {
  return {{"to", peers(resolved, {kDatabase})}, {"ports", Json::array({port(kDatabasePort)})}};
}

Json to_object_store(const Resolved& resolved) {
  return {{"to", peers(resolved, {kObjectStore})},
          {"ports", Json::array({port(kObjectStorePort)})}};
}

Object policy(const Resolved& resolved, const std::string& suffix, Json spec) {
  spec["policyTypes"] = Json::array({"Ingress", "Egress"});
  return object(resolved, kPolicy, "networking.k8s.io/v1", "NetworkPolicy", resolved.name + suffix,
                {{"spec", std::move(spec)}});
}

Object component_policy(const Resolved& resolved, const std::string& component,
                        const std::string& suffix, Json ingress, Json egress) {
  Json spec = pods(resolved, component);
  if (!ingress.empty()) spec["ingress"] = std::move(ingress);
  if (!egress.empty()) spec["egress"] = std::move(egress);
  return policy(resolved, suffix, std::move(spec));
}

Object default_deny(const Resolved& resolved) {
  const Json ours = {{kResourceLabel, resolved.name}};
  return policy(resolved, "-default-deny", {{"podSelector", {{"matchLabels", ours}}}});
}

}  // namespace

Objects policies(const Resolved& resolved) {
  if (!resolved.network_policy) return {};
  const Json none = Json::array();
  const Json application =
      Json::array({to_dns(), to_database(resolved), to_redis(resolved), to_object_store(resolved)});
  const Json database_clients = peers(resolved, {kApi, kWorker, kHighMemory, kMigration});
  const Json redis_clients = peers(resolved, {kApi, kWorker, kHighMemory, kRedis});
  const Json store_clients = peers(resolved, {kApi, kWorker, kHighMemory, kBuckets});
  return list_of(
      default_deny(resolved),
      component_policy(resolved, kDatabase, "-postgres",
                       Json::array({{{"from", database_clients},
                                     {"ports", Json::array({port(kDatabasePort)})}}}),
                       none),
      component_policy(resolved, kRedis, "-redis",
                       Json::array({{{"from", redis_clients}, {"ports", redis_ports()}}}),
                       Json::array({to_dns(), to_redis(resolved)})),
      component_policy(resolved, kObjectStore, "-objectstore",
                       Json::array({{{"from", store_clients},
                                     {"ports", Json::array({port(kObjectStorePort)})}}}),
                       none),
      component_policy(resolved, kMigration, "-migrate", none,
                       Json::array({to_dns(), to_database(resolved)})),
      component_policy(resolved, kBuckets, "-buckets", none,
                       Json::array({to_dns(), to_object_store(resolved)})),
      component_policy(resolved, kWorker, "-worker", none, application),
      component_policy(resolved, kHighMemory, "-worker-highmemory", none, application),
      component_policy(resolved, kApi, "-api",
                       Json::array({{{"ports", Json::array({port(kProxyPort)})}}}), application));
}

}  // namespace reconcilers::desired
