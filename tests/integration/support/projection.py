"""The values at exactly the paths that a field manager owns: the tests' own reading of managedFields."""
import json

MANAGER = "entityservice-operator"


def owned(obj, manager=MANAGER):
    for entry in obj["metadata"].get("managedFields", []):
        if entry["manager"] == manager and entry["operation"] == "Apply" and not entry.get("subresource"):
            return without_nulls(project(obj, entry["fieldsV1"]))
    return None


def without_nulls(value):
    """Before 1.34 the API server stores `creationTimestamp: null` in a volumeClaimTemplate."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def project(value, fields):
    if not [key for key in fields if key != "."]:
        return value
    if isinstance(value, dict):
        return {key[2:]: project(value[key[2:]], sub)
                for key, sub in fields.items() if key.startswith("f:") and key[2:] in value}
    items = []
    for key, sub in fields.items():
        if key.startswith("k:"):
            wanted = json.loads(key[2:])
            for item in value:
                if all(item.get(k) == v for k, v in wanted.items()):
                    items.append({**wanted, **(project(item, sub) if sub else item)})
        elif key.startswith("v:"):
            items.append(json.loads(key[2:]))
    return items


def ordered(value):
    if isinstance(value, dict):
        return {key: ordered(item) for key, item in value.items()}
    if isinstance(value, list):
        items = [ordered(item) for item in value]
        return sorted(items, key=lambda i: json.dumps(i, sort_keys=True)) \
            if any(isinstance(i, dict) for i in items) else items
    return value


def intent(body):
    """What `owned` gives for an object that was applied as `body`."""
    body = json.loads(json.dumps(body))
    meta = body.pop("metadata")
    for key in ("name", "namespace", "uid", "resourceVersion"):
        meta.pop(key, None)
    body.pop("apiVersion"), body.pop("kind")
    return {**body, **({"metadata": meta} if meta else {})}


def matches(expected, actual, path=""):
    """None, or where they differ; a text `<generated>` in `expected` stands for any text in its place."""
    if isinstance(expected, str) and "<generated>" in expected:
        parts = expected.split("<generated>")
        fits = isinstance(actual, str) and actual.startswith(parts[0]) and actual.endswith(parts[-1])
        return None if fits else f"{path}: {actual!r} does not fit {expected!r}"
    if type(expected) is not type(actual):
        return f"{path}: {actual!r} instead of {expected!r}"
    if isinstance(expected, dict):
        if set(expected) != set(actual):
            return f"{path}: keys {sorted(set(expected) ^ set(actual))} on one side only"
        pairs = [(key, expected[key], actual[key]) for key in expected]
    elif isinstance(expected, list):
        if len(expected) != len(actual):
            return f"{path}: {len(actual)} items instead of {len(expected)}"
        pairs = list(zip(range(len(expected)), expected, actual))
    else:
        return None if expected == actual else f"{path}: {actual!r} instead of {expected!r}"
    return next(filter(None, (matches(e, a, f"{path}.{key}") for key, e, a in pairs)), None)
