"""What one resource consists of, in which waves it comes, and when they came."""
import json
import re

# Longer than a pass takes, shorter than one would like to wait.
DELAY = 1.0
WORKLOADS = ("StatefulSet", "Deployment", "Job")
MANAGER = "entityservice-operator"
PATHS = {"Service": "api/v1/namespaces/{}/services", "ConfigMap": "api/v1/namespaces/{}/configmaps",
         "Secret": "api/v1/namespaces/{}/secrets",
         "ServiceAccount": "api/v1/namespaces/{}/serviceaccounts",
         "StatefulSet": "apis/apps/v1/namespaces/{}/statefulsets",
         "Deployment": "apis/apps/v1/namespaces/{}/deployments",
         "Job": "apis/batch/v1/namespaces/{}/jobs",
         "PodDisruptionBudget": "apis/policy/v1/namespaces/{}/poddisruptionbudgets",
         "NetworkPolicy": "apis/networking.k8s.io/v1/namespaces/{}/networkpolicies"}


def split(lines, gap=DELAY / 2):
    """[[object, …], …] from the sights of one resource whose workloads get ready late."""
    waves, last = [], None
    for line in sorted((line for line in lines if "seen" in line), key=lambda line: line["t"]):
        if last is None or line["t"] - last > gap:
            waves.append([])
        waves[-1].append(line["seen"])
        last = line["t"]
    return waves


def chosen(live, fields):
    """`live` reduced to the paths of a managedFields entry."""
    if not fields:
        return live
    if isinstance(live, dict):
        return {path[2:]: chosen(live[path[2:]], below) for path, below in fields.items()
                if path.startswith("f:") and path[2:] in live}
    if isinstance(live, list):
        out = []
        for path, below in fields.items():
            wanted = json.loads(path[2:]) if path[1:2] == ":" else None
            for item in live:
                if item == wanted or (path.startswith("k:") and isinstance(item, dict) and all(
                        item.get(key) == value for key, value in wanted.items())):
                    out.append(chosen(item, below))
                    break
        return out
    return live


def body_of(live, namespace):
    """What was applied to get it, as the first apply of an object sends it."""
    entries = [entry for entry in live["metadata"]["managedFields"]
               if entry["manager"] == MANAGER and entry["operation"] == "Apply"]
    body = chosen(live, entries[0]["fieldsV1"]) if entries else {}
    meta = {**body.get("metadata", {}), "name": live["metadata"]["name"], "namespace": namespace,
            "resourceVersion": "1"}
    return {**body, "apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": meta}


def plan_of(api, namespace, name, uid, waves):
    """The plan of `bench_tool floor`: the same objects in the same waves. `api`: support.Api."""
    planned = []
    for wave in waves:
        planned.append([])
        for key in wave:
            kind, child = key.split("/")
            path = "/" + PATHS[kind].format(namespace) + "/" + child
            live = dict(api.request("GET", path[1:]))
            planned[-1].append({"path": path, "body": json.dumps(body_of(live, namespace)),
                                "object": key, "workload": kind in WORKLOADS})
    return {"name": name, "uid": uid, "namespace": namespace, "waves": planned}


def moved(plan, namespace):
    """The plan for another namespace."""
    return json.loads(json.dumps(plan).replace(plan["namespace"], namespace))


def without_hash(key):
    """Hashes of contents, which have the name of the resource in them, differ between resources."""
    return re.sub("-[0-9a-f]{8}$", "", key)


def durations(lines, plan, name, began):
    """Seconds of each wave of a resource: from the event that opens it to its last object seen.

    That is the last workload that became ready before: an operator may send part of a wave when
    only some of the workloads are. A wave that no workload opens begins with the end of the one
    before.
    """
    seen, ready = ({without_hash(line[what]): line["t"] for line in lines if what in line}
                   for what in ("seen", "ready"))
    taken, opened, waited = [], began, []
    for wave in plan["waves"]:
        keys = [without_hash(one["object"].replace(plan["name"], name)) for one in wave]
        last = max(seen[key] for key in keys)
        taken.append(last - max((ready[key] for key in waited if ready[key] <= last),
                                default=opened))
        opened = last
        waited += [key for key, one in zip(keys, wave) if one["workload"]]
    return taken
