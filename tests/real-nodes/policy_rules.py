"""What network policies mean for the pods of one node, as an nftables table. Pure: no I/O."""
import dataclasses
import ipaddress

TABLE = "inet network-policies"
ANY = None  # every address


@dataclasses.dataclass
class Seen:
    """Lists as the API server has them."""
    pods: list
    namespaces: list
    policies: list

    def __post_init__(self):
        self.labels = {one["metadata"]["name"]: one["metadata"].get("labels") or {}
                       for one in self.namespaces}
        self.pods = [one for one in self.pods if in_network(one)]


def in_network(pod):
    """Has an address of its own, and nobody else has it by now."""
    return (not pod["spec"].get("hostNetwork") and pod["status"].get("podIP")
            and pod["status"].get("phase") not in ("Succeeded", "Failed"))


def address(pod):
    return pod["status"]["podIP"]


def selects(selector, labels):
    def holds(term):
        key, values = term["key"], term.get("values") or []
        return {"In": lambda: key in labels and labels[key] in values,
                "NotIn": lambda: key not in labels or labels[key] not in values,
                "Exists": lambda: key in labels,
                "DoesNotExist": lambda: key not in labels}[term["operator"]]()

    return (all(labels.get(key) == value
                for key, value in (selector.get("matchLabels") or {}).items())
            and all(holds(term) for term in selector.get("matchExpressions") or []))


def pod_labels(pod):
    return pod["metadata"].get("labels") or {}


def peer_pods(seen, peer, namespace):
    def in_namespace(name):
        chosen = peer.get("namespaceSelector")
        return name == namespace if chosen is None else selects(chosen, seen.labels.get(name, {}))

    return [pod for pod in seen.pods if in_namespace(pod["metadata"]["namespace"])
            and selects(peer.get("podSelector") or {}, pod_labels(pod))]


def named_port(pod, port):
    """The pod's port of that name and protocol, None when it has none."""
    containers = pod["spec"]["containers"] + [
        one for one in pod["spec"].get("initContainers") or []
        if one.get("restartPolicy") == "Always"]
    return next((it["containerPort"] for one in containers for it in one.get("ports") or []
                 if it.get("name") == port["port"]
                 and it.get("protocol", "TCP") == port.get("protocol", "TCP")), None)


def port_match(port, number=None):
    protocol = port.get("protocol", "TCP").lower()
    number = number or port.get("port")
    if number is None:
        return f"meta l4proto {protocol}"
    last = f"-{port['endPort']}" if port.get("endPort") else ""
    return f"{protocol} dport {number}{last}"


def is_named(port):
    return isinstance(port.get("port"), str)


def addresses(side, found):
    """A match of the other side's address; None when nothing can match."""
    if found is ANY:
        return ""
    return f"ip {side} {{ {', '.join(sorted(found))} }} " if found else None


def block_match(side, block):
    if ipaddress.ip_network(block["cidr"], strict=False).version != 4:
        return None  # the network has no such addresses
    but = [one for one in block.get("except") or [] if ":" not in one]
    return f"ip {side} {block['cidr']} " + (f"ip {side} != {{ {', '.join(but)} }} " if but else "")


def egress_to_named(seen, pods, port):
    """Each pod that is reached may mean another number by the name."""
    by_number = {}
    for pod in seen.pods if pods is ANY else pods:
        number = named_port(pod, port)
        if number:
            by_number.setdefault(number, set()).add(address(pod))
    return [f"{addresses('daddr', found)}{port_match(port, number)}"
            for number, found in sorted(by_number.items())]


def port_matches(seen, pod, direction, port, peer_match, pods):
    """The rules of one port; pods are those behind the peer, None when it is everybody."""
    if not is_named(port):
        return [f"{peer_match}{port_match(port)}"]
    if direction == "egress":
        return egress_to_named(seen, pods, port)
    number = named_port(pod, port)
    return [f"{peer_match}{port_match(port, number)}"] if number else []


def allowed(seen, pod, direction, rule):
    """The nftables matches of one rule of a policy that selects the pod."""
    side, other = ("saddr", "from") if direction == "ingress" else ("daddr", "to")
    matches = []
    for peer in rule.get(other) or [ANY]:
        if peer is ANY:
            pods, match = ANY, ""
        elif "ipBlock" in peer:
            pods, match = [], block_match(side, peer["ipBlock"])
        else:
            pods = peer_pods(seen, peer, pod["metadata"]["namespace"])
            match = addresses(side, {address(one) for one in pods})
        if match is None:
            continue
        if not rule.get("ports"):
            matches.append(match)
        for port in rule.get("ports") or []:
            matches += port_matches(seen, pod, direction, port, match, pods)
    return matches


def isolating(seen, pod, direction):
    """The policies that select the pod in this direction."""
    return [one for one in seen.policies
            if one["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and direction in (it.lower() for it in one["spec"]["policyTypes"])
            and selects(one["spec"].get("podSelector") or {}, pod_labels(pod))]


def chains(seen, node, direction):
    """{address of a pod that is isolated: matches that are let through}"""
    found = {}
    for pod in seen.pods:
        chosen = isolating(seen, pod, direction) if pod["spec"].get("nodeName") == node else []
        if chosen:
            found[address(pod)] = sorted({match for policy in chosen
                                          for rule in policy["spec"].get(direction) or []
                                          for match in allowed(seen, pod, direction, rule)})
    return found


def table(seen, node):
    lines = [f"add table {TABLE}", f"delete table {TABLE}", f"table {TABLE} {{"]
    for direction, side, priority in (("egress", "saddr", -5), ("ingress", "daddr", -4)):
        isolated = chains(seen, node, direction)
        for own, matches in sorted(isolated.items()):
            lines += [f"chain {direction}-{own.replace('.', '-')} {{",
                      *(f"{match.strip()} accept".strip() for match in matches),
                      "counter drop", "}"]
        lines += [f"chain {direction} {{",
                  f"type filter hook forward priority {priority}; policy accept;",
                  "ct state established,related accept"]
        if isolated:
            verdicts = ", ".join(f"{own} : goto {direction}-{own.replace('.', '-')}"
                                 for own in sorted(isolated))
            lines.append(f"ip {side} vmap {{ {verdicts} }}")
        lines.append("}")
    return "\n".join([*lines, "}", ""])
