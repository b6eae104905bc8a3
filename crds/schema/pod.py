"""`pod`: what may be said of the pods of one component, or of all."""
from shapes import (DNS_NAME, LABEL_KEY, LABEL_KEYS, USERS_KEYS, annotations, choice, dns_name,
                    integer, items, label_value, mapping, obj, rule, text, texts, with_rules)

INT32 = 2**31 - 1


def address(description):
    return with_rules(text(description, 45), rule("isIP(self)", "must be an address like 10.0.0.9"))


def label_key(description):
    return text(description, 316, LABEL_KEY)


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
    }))


def label_selector():
    expression = obj("One requirement.", {
        "key": label_key("Label."),
        "operator": choice("How to compare.", "In", "NotIn", "Exists", "DoesNotExist"),
        "values": texts("Values for In and NotIn.", 32, label_value()),
    }, required=["key", "operator"])
    return obj("Which pods count.", {
        "matchLabels": label_map("Labels that they have.", LABEL_KEYS),
        "matchExpressions": items("Requirements that they meet.", 16, expression),
    })


def spread():
    policy = ("Honor", "Ignore")
    return items("Replaces the constraints that spec.topology makes.", 16, obj("One constraint.", {
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
    }, required=["maxSkew", "topologyKey", "whenUnsatisfiable"]))


def dns_config():
    option = obj("One option.", {"name": text("Name.", 63), "value": text("Value.", 63)},
                 required=["name"])
    return obj("DNS settings, added to the cluster's.", {
        "nameservers": texts("Addresses of DNS servers.", 3, address("Address.")),
        "searches": texts("Search domains.", 32, text("Domain.", 253, DNS_NAME)),
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
