#include "crds/parts.h"

namespace crds {
namespace {

constexpr std::size_t kMaxEntries = 64;

template <class Value>
void keep(Json& target, const char* name, const std::optional<Value>& value) {
  if (value) target[name] = *value;
}

template <class Values>
void keep_unless_empty(Json& target, const char* name, const Values& values) {
  if (!values.empty()) target[name] = values;
}

Json read_tolerations(Fields& pod) {
  Json tolerations = Json::array();
  pod.each("tolerations", 32, [&](Fields& fields) {
    Json toleration = Json::object();
    keep(toleration, "key", fields.text("key", label_key()));
    keep(toleration, "operator", fields.choice("operator", {"Equal", "Exists"}));
    keep(toleration, "value", fields.text("value", label_value()));
    keep(toleration, "effect",
         fields.choice("effect", {"NoSchedule", "PreferNoSchedule", "NoExecute"}));
    keep(toleration, "tolerationSeconds", fields.integer("tolerationSeconds", 0, INT32_MAX));
    tolerations.push_back(toleration);
  });
  return tolerations;
}

Json read_label_selector(Fields& constraint) {
  Json selector = Json::object();
  constraint.object("labelSelector", [&](Fields& fields) {
    keep_unless_empty(selector, "matchLabels",
                      fields.map("matchLabels", kMaxEntries, label_key(), label_value()));
    Json expressions = Json::array();
    fields.each("matchExpressions", 16, [&](Fields& item) {
      Json expression = Json::object();
      for (const char* name : {"key", "operator"}) {
        if (!item.has(name)) item.refuse(name, "is missing; write it");
      }
      keep(expression, "key", item.text("key", label_key()));
      keep(expression, "operator",
           item.choice("operator", {"In", "NotIn", "Exists", "DoesNotExist"}));
      keep_unless_empty(expression, "values", item.texts("values", 32, label_value()));
      expressions.push_back(expression);
    });
    keep_unless_empty(selector, "matchExpressions", expressions);
  });
  return selector;
}

Json read_spread(Fields& pod) {
  Json constraints = Json::array();
  pod.each("topologySpreadConstraints", 16, [&](Fields& fields) {
    Json constraint = Json::object();
    for (const char* name : {"maxSkew", "topologyKey", "whenUnsatisfiable"}) {
      if (!fields.has(name)) fields.refuse(name, "is missing; write it");
    }
    keep(constraint, "maxSkew", fields.integer("maxSkew", 1, 1000));
    keep(constraint, "topologyKey", fields.text("topologyKey", label_key()));
    keep(constraint, "whenUnsatisfiable",
         fields.choice("whenUnsatisfiable", {"DoNotSchedule", "ScheduleAnyway"}));
    keep(constraint, "minDomains", fields.integer("minDomains", 1, 1000));
    keep(constraint, "nodeAffinityPolicy",
         fields.choice("nodeAffinityPolicy", {"Honor", "Ignore"}));
    keep(constraint, "nodeTaintsPolicy", fields.choice("nodeTaintsPolicy", {"Honor", "Ignore"}));
    keep_unless_empty(constraint, "matchLabelKeys",
                      fields.texts("matchLabelKeys", 16, label_key()));
    keep_unless_empty(constraint, "labelSelector", read_label_selector(fields));
    constraints.push_back(constraint);
  });
  return constraints;
}

Json read_dns_config(Fields& pod) {
  if (!pod.has("dnsConfig")) {
    pod.object("dnsConfig", [](Fields&) {});
    return nullptr;
  }
  Json config = Json::object();
  pod.object("dnsConfig", [&](Fields& fields) {
    const auto servers = fields.texts("nameservers", 3, {45});
    for (const std::string& server : servers) {
      if (!is_address(server))
        fields.refuse("nameservers", "has \"" + server + "\", must be addresses like 10.0.0.10");
    }
    keep_unless_empty(config, "nameservers", servers);
    keep_unless_empty(config, "searches", fields.texts("searches", 32, dns_name()));
    Json options = Json::array();
    fields.each("options", 32, [&](Fields& item) {
      Json option = Json::object();
      if (!item.has("name")) item.refuse("name", "is missing; write it");
      keep(option, "name", item.text("name", {63}));
      keep(option, "value", item.text("value", {63}));
      options.push_back(option);
    });
    keep_unless_empty(config, "options", options);
  });
  return config;
}

Json read_host_aliases(Fields& pod) {
  Json aliases = Json::array();
  pod.each("hostAliases", kMaxEntries, [&](Fields& fields) {
    const auto address = fields.text("ip", {45});
    if (!address || !is_address(*address)) {
      const std::string written = address ? "is \"" + *address + "\", " : "";
      fields.refuse("ip", written + "must be an address like 10.0.0.9");
    }
    if (!fields.has("hostnames")) fields.refuse("hostnames", "is missing; write it");
    aliases.push_back(
        {{"ip", address.value_or("")}, {"hostnames", fields.texts("hostnames", 32, dns_name())}});
  });
  return aliases;
}

// Only what Pod Security `restricted` lets pass.
Json read_security_context(Fields& pod) {
  Json context = Json::object();
  pod.object("securityContext", [&](Fields& fields) {
    keep(context, "runAsUser", fields.integer("runAsUser", 1, INT32_MAX));
    keep(context, "runAsGroup", fields.integer("runAsGroup", 1, INT32_MAX));
    keep(context, "fsGroup", fields.integer("fsGroup", 1, INT32_MAX));
    keep(context, "fsGroupChangePolicy",
         fields.choice("fsGroupChangePolicy", {"OnRootMismatch", "Always"}));
    Json options = Json::object();
    fields.object("seLinuxOptions",
                  [&](Fields& item) { keep(options, "level", item.text("level", {64})); });
    keep_unless_empty(context, "seLinuxOptions", options);
  });
  return context;
}

void merge(std::map<std::string, std::string>& base,
           const std::map<std::string, std::string>& over) {
  for (const auto& [key, value] : over) base[key] = value;
}

}  // namespace

PodOptions read_pod(Fields& parent, const PodOptions& base) {
  PodOptions pod = base;
  parent.object("pod", [&](Fields& fields) {
    merge(pod.labels, fields.map("labels", kMaxEntries, own_label_key(), label_value()));
    merge(pod.annotations, read_annotations(fields));
    merge(pod.node_selector, fields.map("nodeSelector", kMaxEntries, label_key(), label_value()));
    const bool tolerates = fields.has("tolerations"),
               spreads = fields.has("topologySpreadConstraints"),
               aliased = fields.has("hostAliases");
    const Json tolerations = read_tolerations(fields), spread = read_spread(fields),
               aliases = read_host_aliases(fields), dns_config = read_dns_config(fields),
               affinity = fields.any_object("affinity"), context = read_security_context(fields);
    if (tolerates) pod.tolerations = tolerations;
    if (spreads) pod.topology_spread_constraints = spread;
    if (aliased) pod.host_aliases = aliases;
    if (!dns_config.is_null()) pod.dns_config = dns_config;
    if (!affinity.is_null()) pod.affinity = affinity;
    if (const auto name = fields.text("priorityClassName", dns_name())) {
      pod.priority_class_name = *name;
    }
    if (context.empty()) return;
    if (pod.security_context.is_null()) pod.security_context = Json::object();
    pod.security_context.update(context);
  });
  return pod;
}

}  // namespace crds
