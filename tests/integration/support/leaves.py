"""Every value of an object that the operator owns, and an edit of each, as another manager would make it."""
import copy
import json

from .api import ApiError
from .projection import MANAGER, owned

# Where only some values are allowed, another one of them.
ALTERNATIVES = {
    "ClusterIP": ["NodePort", "LoadBalancer"], "TCP": ["UDP"], "IfNotPresent": ["Always", "Never"],
    "Retain": ["Delete"], "Delete": ["Retain"], "RollingUpdate": ["OnDelete", "Recreate"],
    "OnDelete": ["RollingUpdate"], "Parallel": ["OrderedReady"], "RuntimeDefault": ["Unconfined"],
    "OnRootMismatch": ["Always"], "ScheduleAnyway": ["DoNotSchedule"], "DoNotSchedule": ["ScheduleAnyway"],
    "HTTP": ["HTTPS"], "Always": ["IfNotPresent", "Never"], "Ingress": ["Egress"], "Memory": [""],
    "FallbackToLogsOnError": ["File"], "ReadWriteOnce": ["ReadOnlyMany"],
}
REMOVED = object()


def own_fields(obj):
    for entry in obj["metadata"].get("managedFields", []):
        if entry["manager"] == MANAGER and entry["operation"] == "Apply" and not entry.get("subresource"):
            return entry["fieldsV1"]
    return {}


def leaves(obj):
    """The path of each owned leaf. A step is a field's name, or a dict or a value that picks an item."""
    found = []

    def walk(fields, path, keys):
        below = [key for key in fields if key != "."]
        if not below and path:
            # What an item is found by changes by taking the item away.
            found.append(path[:-1] if keys and path[-1] in keys else path)
        for key in below:
            kind, _, rest = key.partition(":")
            step = rest if kind == "f" else json.loads(rest)
            walk(fields[key], path + (("f", step) if kind == "f" else (kind, step),),
                 [("f", k) for k in step] if kind == "k" else [])
    walk(own_fields(obj), (), [])
    unique = []
    for path in found:
        if path not in unique:
            unique.append(path)
    return unique


def text(path):
    return ".".join(str(step) for _, step in path)


def picks(kind, step, item):
    return item == step if kind == "v" else all(item.get(k) == v for k, v in step.items())


def descend(value, path):
    """(container, index) of what the path names; None when it is not there any more."""
    for number, (kind, step) in enumerate(path):
        if kind == "f":
            if not isinstance(value, dict) or step not in value:
                return None
            index = step
        else:
            index = next((i for i, item in enumerate(value) if picks(kind, step, item)), None)
            if index is None:
                return None
        if number == len(path) - 1:
            return value, index
        value = value[index]
    return None


def candidates(value):
    """Other values that might be allowed in its place, what is likeliest first."""
    if isinstance(value, bool):
        return [not value, REMOVED]
    if isinstance(value, int):
        return [value + 1, value - 1, REMOVED]
    if isinstance(value, str):
        return [*ALTERNATIVES.get(value, []), value + "x", "9" + value, REMOVED]
    if isinstance(value, list):
        return [REMOVED, value[:-1], []]
    if isinstance(value, dict) and value:
        changed = []
        for key, one in value.items():
            changed += [{**value, key: other} for other in candidates(one)[:2] if other is not REMOVED]
        return [REMOVED, *changed]
    return [REMOVED]


def edited(obj, path, value):
    """A copy of the object with another value; None when the place is gone."""
    obj = copy.deepcopy(obj)
    place = descend(obj, path)
    if place is None:
        return None
    container, index = place
    if value is REMOVED:
        del container[index]
    else:
        container[index] = value
    return obj


def put(api, obj, dry_run=False, manager="somebody"):
    meta = obj["metadata"]
    query = {"fieldManager": manager, **({"dryRun": "All"} if dry_run else {})}
    return api.request("PUT", api.path(obj["kind"], meta["namespace"], meta["name"], query=query), obj)


def try_template(api, obj):
    """As that of a Deployment: before 1.34 anything may stand in the template of a StatefulSet, whose
    pods are refused then."""
    meta, spec = obj["metadata"], copy.deepcopy(obj["spec"])
    claims = [claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])]
    spec["template"]["spec"].setdefault("volumes", []).extend({"name": name} for name in claims)
    api.request("POST", api.path("Deployment", meta["namespace"], query={"dryRun": "All"}), {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "tried"},
        "spec": {"selector": spec["selector"], "template": spec["template"]}})


def accepted(api, before, obj):
    """Whether the API server would store it, and the operator would own less or something else then."""
    try:
        stored = put(api, obj, dry_run=True)
        if obj["kind"] == "StatefulSet":
            try_template(api, obj)
        return owned(stored) != owned(before)
    except ApiError as error:
        if error.code not in (400, 403, 422):
            raise
        return False


def find_edit(api, obj, path):
    """(path, value) of an edit that the API server takes, None when it refuses all that are known."""
    container, index = descend(obj, path)
    for value in candidates(container[index]):
        changed = edited(obj, path, value)
        if accepted(api, obj, changed):
            return path, value
    return None


def combined(api, obj, edits):
    """Groups of edits that the API server takes at once; those of a group lie in different places."""
    changed = obj
    for path, value in edits:
        changed = edited(changed, path, value) or changed  # what holds it was taken away by another one
    if len(edits) <= 1 or accepted(api, obj, changed):
        return [edits]
    half = len(edits) // 2
    return combined(api, obj, edits[:half]) + combined(api, obj, edits[half:])
