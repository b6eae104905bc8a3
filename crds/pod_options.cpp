#include <set>
#include <utility>

#include "crds/parts.h"

namespace crds {
namespace {

constexpr std::size_t kMaxEntries = 64;
constexpr std::size_t kMostSearches = 2048;  // characters of all search domains, spaces included

template <class Value>
void keep(Json& target, const char* name, const std::optional<Value>& value) {
  if (value) target[name] = *value;
}

template <class Values>
void keep_unless_empty(Json& target, const char* name, const Values& values) {
  if (!values.empty()) target[name] = values;
}

// What the API server says of pods only, when the objects are made. A value that was refused
// already is not looked at again.
void check_toleration(Fields& fields, const Json& toleration) {
  const bool keyed = fields.has("key");
  const std::string comparison =
      toleration.value("operator", fields.has("operator") ? "" : "Equal");
  if (!keyed && comparison == "Equal") {
    fields.refuse("operator",
                  "is Equal, must be Exists where no key is written, which tolerates "
                  "every taint; write a key otherwise");
  }
  const std::string value = toleration.value("value", "");
  if (comparison == "Exists" && !value.empty()) {
    fields.refuse("value", "is \"" + value + "\", means nothing with operator Exists; remove it");
  }
  const std::string effect = toleration.value("effect", fields.has("effect") ? "NoExecute" : "");
  if (toleration.contains("tolerationSeconds") && effect != "NoExecute") {
    fields.refuse("tolerationSeconds",
                  "is " + toleration["tolerationSeconds"].dump() +
                      ", works with effect NoExecute only; write that or remove it");
  }
}

// Each pair of topologyKey and whenUnsatisfiable, once.
void check_spread(Fields& pod, const Json& constraints) {
  std::set<std::pair<std::string, std::string>> seen;
  for (const Json& it : constraints) {
    const std::string key = it.value("topologyKey", ""),
                      otherwise = it.value("whenUnsatisfiable", "");
    if (key.empty() || otherwise.empty() || seen.emplace(key, otherwise).second) continue;
    pod.refuse("topologySpreadConstraints",
               "has two for \"" + key + "\" with " + otherwise + "; remove one");
  }
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
    check_toleration(fields, toleration);
    tolerations.push_back(toleration);
  });
  return tolerations;
}

void check_requirement(Fields& item, const std::string& comparison) {
  const bool compares = comparison == "In" || comparison == "NotIn";
  if (comparison.empty() || compares == item.has_items("values")) return;
  item.refuse("values", compares ? "is empty; write some for " + comparison
                                 : "means nothing with " + comparison + "; remove it");
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
      check_requirement(item, expression.value("operator", ""));
      expressions.push_back(expression);
    });
    keep_unless_empty(selector, "matchExpressions", expressions);
  });
  return selector;
}

std::set<std::string> keys_of(const Json& selector) {
  std::set<std::string> keys;
  const Json labels = selector.value("matchLabels", Json::object());
  for (const auto& [key, value] : labels.items()) keys.insert(key);
  for (const Json& it : selector.value("matchExpressions", Json::array())) {
    keys.insert(it.value("key", ""));
  }
  return keys;
}

void check_constraint(Fields& fields, const Json& constraint) {
  if (constraint.contains("minDomains") &&
      constraint.value("whenUnsatisfiable", "") == "ScheduleAnyway") {
    fields.refuse("minDomains", "is " + constraint["minDomains"].dump() +
                                    ", works with whenUnsatisfiable DoNotSchedule only; write that "
                                    "or remove it");
  }
  if (!constraint.contains("matchLabelKeys")) return;
  if (!constraint.contains("labelSelector")) {
    fields.refuse("matchLabelKeys", "needs a selector; write labelSelector or remove it");
    return;
  }
  const std::set<std::string> selected = keys_of(constraint["labelSelector"]);
  for (const std::string key : constraint["matchLabelKeys"]) {
    if (!selected.contains(key)) continue;
    fields.refuse("matchLabelKeys", "has \"" + key + "\", which labelSelector has too; remove one");
  }
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
    check_constraint(fields, constraint);
    constraints.push_back(constraint);
  });
  check_spread(pod, constraints);
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
    const auto searches = fields.texts("searches", 32, dns_name());
    std::size_t characters = searches.empty() ? 0 : searches.size() - 1;
    for (const std::string& it : searches) characters += it.size();
    if (characters > kMostSearches) {
      fields.refuse("searches", "has " + std::to_string(characters) + " characters, at most " +
                                    std::to_string(kMostSearches) + " are allowed in all");
    }
    keep_unless_empty(config, "searches", searches);
    static const Text kOption = {63, "[\\s\\S]+", "must not be empty"};
    Json options = Json::array();
    fields.each("options", 32, [&](Fields& item) {
      Json option = Json::object();
      if (!item.has("name")) item.refuse("name", "is missing; write it");
      keep(option, "name", item.text("name", kOption));
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
