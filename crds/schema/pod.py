"""`pod`: what may be said of the pods of one component, or of all."""
from shapes import (DNS_NAME, KEY_LENGTH, LABEL_KEY, LABEL_KEYS, USERS_KEYS, annotations, choice,
                    dns_name, integer, items, label_value, mapping, obj, rule, text, texts,
                    with_rules)

INT32 = 2**31 - 1


def address(description):
    return with_rules(text(description, 45), rule("isIP(self)", "must be an address like 10.0.0.9"))


def label_key(description):
    return text(description, KEY_LENGTH, LABEL_KEY)


def label_map(description, *rules):
    return mapping(description, 64, label_value(), *rules)


def tolerations():
    return items("Taints of nodes that the pods tolerate.", 32, obj("One toleration.", {
        "key": label_key("Key of the taint; absent: all."),
        "operator": choice("How to compare.", "Equal", "Exists"),
        "value": label_value(),
        "effect": choice("Effect of the taint; absent: all.", "NoSchedule", "PreferNoSchedule",
                         "NoExecute"),
        "tolerationSeconds": integer("How long a NoExecute taint is tolerated.", 0, INT32),
    }, rules=[
        rule("has(self.key) || (has(self.operator) && self.operator == 'Exists')",
             "must be Exists where no key is written, which tolerates every taint; write a key "
             "otherwise", fieldPath=".operator"),
        rule("!has(self.operator) || self.operator != 'Exists' || !has(self.value) || "
             "self.value == ''", "means nothing with operator Exists; remove it",
             fieldPath=".value"),
        rule("!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
             "works with effect NoExecute only; write that or remove it",
             fieldPath=".tolerationSeconds"),
    ]))


def label_selector():
    expression = obj("One requirement.", {
        "key": label_key("Label."),
        "operator": choice("How to compare.", "In", "NotIn", "Exists", "DoesNotExist"),
        "values": texts("Values for In and NotIn.", 32, label_value()),
    }, required=["key", "operator"], rules=[
        rule("(has(self.values) && size(self.values) > 0) == (self.operator in ['In', 'NotIn'])",
             "write some for In and NotIn, remove them for Exists and DoesNotExist",
             fieldPath=".values"),
    ])
    return obj("Which pods count.", {
        "matchLabels": label_map("Labels that they have.", LABEL_KEYS),
        "matchExpressions": items("Requirements that they meet.", 16, expression),
    })


def spread():
    policy = ("Honor", "Ignore")
    constraint = obj("One constraint.", {
        "maxSkew": integer("By how many pods domains may differ.", 1, 1000),
        "topologyKey": label_key("Label of nodes that names the domain."),
        "whenUnsatisfiable": choice("What to do if it cannot be met.", "DoNotSchedule",
                                    "ScheduleAnyway"),
        "minDomains": integer("How many domains there must be.", 1, 1000),
        "nodeAffinityPolicy": choice("Whether node affinity restricts the domains.", *policy),
        "nodeTaintsPolicy": choice("Whether taints restrict the domains.", *policy),
        "matchLabelKeys": texts("Labels whose values must be the pod's own.", 16,
                                label_key("Label.")),
        "labelSelector": label_selector(),
    }, required=["maxSkew", "topologyKey", "whenUnsatisfiable"], rules=[
        rule("!has(self.minDomains) || self.whenUnsatisfiable == 'DoNotSchedule'",
             "works with whenUnsatisfiable DoNotSchedule only; write that or remove it",
             fieldPath=".minDomains"),
        rule("!has(self.matchLabelKeys) || size(self.matchLabelKeys) == 0 || "
             "(has(self.labelSelector) && "
             "(has(self.labelSelector.matchLabels) && size(self.labelSelector.matchLabels) > 0 || "
             "has(self.labelSelector.matchExpressions) && "
             "size(self.labelSelector.matchExpressions) > 0))",
             "needs a selector; write labelSelector or remove it", fieldPath=".matchLabelKeys"),
        rule("!has(self.matchLabelKeys) || !has(self.labelSelector) || "
             "self.matchLabelKeys.all(k, "
             "!(has(self.labelSelector.matchLabels) && k in self.labelSelector.matchLabels) && "
             "!(has(self.labelSelector.matchExpressions) && "
             "self.labelSelector.matchExpressions.exists(it, it.key == k)))",
             "has a key that labelSelector has too; remove one", fieldPath=".matchLabelKeys"),
    ])
    return with_rules(items("Replaces the constraints that spec.topology makes.", 16, constraint),
                      rule("self.all(a, self.exists_one(b, b.topologyKey == a.topologyKey && "
                           "b.whenUnsatisfiable == a.whenUnsatisfiable))",
                           "has two for one topologyKey and whenUnsatisfiable; remove one"))


def dns_config():
    option = obj("One option.", {"name": text("Name.", 63, minLength=1),
                                 "value": text("Value.", 63)}, required=["name"])
    return obj("DNS settings, added to the cluster's.", {
        "nameservers": texts("Addresses of DNS servers.", 3, address("Address.")),
        "searches": with_rules(
            texts("Search domains.", 32, text("Domain.", 253, DNS_NAME)),
            rule("self.map(it, size(it)).sum() + size(self) - 1 <= 2048",
                 "must not be longer than 2048 characters in all")),
        "options": items("Options of the resolver.", 32, option),
    })


def host_aliases():
    return items("Entries for /etc/hosts.", 64, obj("One address.", {
        "ip": address("Address."),
        "hostnames": texts("Its names.", 32, text("Name.", 253, DNS_NAME)),
    }, required=["ip", "hostnames"]))


def security_context():
    user = "Default: the image's user."
    return obj("Security of the pod, merged over the operator's; only what Pod Security restricted "
               "lets pass.", {
                   "runAsUser": integer(user, 1, INT32),
                   "runAsGroup": integer("Default: the image's group.", 1, INT32),
                   "fsGroup": integer("Group that owns the volumes.", 1, INT32),
                   "fsGroupChangePolicy": choice("When to change the owner of files.",
                                                 "OnRootMismatch", "Always"),
                   "seLinuxOptions": obj("SELinux.", {"level": text("Level.", 64)}),
               })


def pod(whose):
    return obj(f"Settings of {whose}.", {
        "labels": label_map("Labels, beside the operator's.", LABEL_KEYS, USERS_KEYS),
        "annotations": annotations("Annotations."),
        "nodeSelector": label_map("Labels that the node must have.", LABEL_KEYS),
        "tolerations": tolerations(),
        "affinity": {"type": "object", "x-kubernetes-preserve-unknown-fields": True,
                     "description": "Affinity, as Kubernetes has it in pods."},
        "topologySpreadConstraints": spread(),
        "priorityClassName": dns_name("Priority class."),
        "dnsConfig": dns_config(),
        "hostAliases": host_aliases(),
        "securityContext": security_context(),
    })


def component_pod(whose):
    return pod(f"{whose}; they win over spec.pod, maps are merged by key")
