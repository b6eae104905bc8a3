"""Every leaf that the operator owns is edited by another manager, and put back by one write of its object."""
import concurrent.futures
import os

import pytest

from support import leaves
from support.api import ApiError
from support.audit import describe
from support.projection import ordered, owned
from support.waiting import until

LONG = "LONG_TESTS" in os.environ
# Put right whenever they differ; the others are made once, and what is edited of them is told.
KEPT = ["ServiceAccount", "Service", "NetworkPolicy", "PodDisruptionBudget", "Deployment", "StatefulSet"]
MADE_ONCE = ["ConfigMap", "Job"]
LABEL = "entityservice.io/resource"


def key(obj):
    return obj["kind"], obj["metadata"]["name"]


def is_identity(path):
    """What says whose the object is and what it was made from: an edit of these is tried alone,
    since without both label and owner an object is nobody's."""
    return path[0] == ("f", "metadata") and \
        ("entityservice.io/" in leaves.text(path) or path[1] == ("f", "ownerReferences"))


def find_edits(api, objects):
    """{key: [(path, value)]}, and how many leaves the API server lets nobody edit."""
    places = [(obj, path) for obj in objects for path in leaves.leaves(obj)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda place: leaves.find_edit(api, *place), places))
    edits = {}
    for (obj, _), edit in zip(places, found):
        if edit:
            edits.setdefault(key(obj), []).append(edit)
    refused = [f"{obj['kind']} {leaves.text(path)}" for (obj, path), edit in zip(places, found) if not edit]
    return edits, refused


def rounds_of(api, objects, edits):
    """[{key: [edit]}]: what of an object is edited at once. StatefulSets come apart from the others,
    because gates hold back what needs them, and so does what says whose an object is."""
    plain, stateful, identity = [], [], []
    for obj in objects:
        mine = edits.get(key(obj), [])
        groups = leaves.combined(api, obj, [e for e in mine if not is_identity(e[0])])
        target = stateful if obj["kind"] == "StatefulSet" else plain
        for number, group in enumerate(g for g in groups if g):
            target += [{} for _ in range(number + 1 - len(target))]
            target[number][key(obj)] = group
        for number, edit in enumerate(e for e in mine if is_identity(e[0])):
            identity += [{} for _ in range(number + 1 - len(identity))]
            identity[number][key(obj)] = [edit]
    return plain, stateful, identity


def edit_all(resources, group):
    """As another manager; what is edited at once of one object is one request."""
    for (kind, name), edits in group.items():
        def put(kind=kind, name=name, edits=edits):
            changed = dict(resources.api.get(kind, resources.namespace, name), kind=kind)
            for path, value in edits:
                changed = leaves.edited(changed, path, value) or changed
            try:
                return leaves.put(resources.api, changed)
            except ApiError as error:
                if error.code != 409:
                    raise
                return None  # a controller wrote it meanwhile
        until(put, 20, f"{kind} {name} is edited", interval=0.05)


def state(resources, keys):
    kinds = {kind for kind, _ in keys}
    return {key(obj): ordered(owned(obj)) for kind in kinds
            for obj in resources.api.list(kind, resources.namespace)}


def successes(audit, mark, namespace):
    """{name: writes that changed something}, the scale subresource left out."""
    counted = {}
    for event in audit.writes(mark, namespace):
        ref = event["objectRef"]
        if ref["resource"] in ("entityservices", "events") or ref.get("subresource"):
            continue
        if event["responseStatus"]["code"] < 300:
            counted.setdefault((ref["resource"], ref["name"]), []).append(describe(event))
    return counted


def put_back(resources, audit, group, before):
    """Edits, waits until all is as before, and returns how often each object was written."""
    mark = audit.mark()
    edit_all(resources, group)
    wanted = {one: before[one] for one in group}

    def differences():
        now = state(resources, group)
        return [(one, [(leaves.text(path), value) for path, value in group[one]][:3])
                for one in group if now.get(one) != wanted[one]]
    try:
        until(lambda: not differences(), 90)
    except AssertionError:
        raise AssertionError(f"not put back: {differences()}") from None
    resources.wait_ready(timeout=120)
    written = successes(audit, mark, resources.namespace)
    names = {(kind.lower() + "s" if kind != "NetworkPolicy" else "networkpolicies", name)
             for kind, name in group}
    return {one: calls for one, calls in written.items() if one in names}


def edit_and_put_back(resources, operator, audit, profile, show):
    objects = resources.children(kinds=KEPT)
    before = {key(obj): ordered(owned(obj)) for obj in objects}
    edits, refused = find_edits(resources.api, objects)
    plain, stateful, identity = rounds_of(resources.api, objects, edits)
    tried = sum(len(mine) for mine in edits.values())
    show(f"{profile}: {len(objects)} objects, {tried + len(refused)} leaves: {tried} edited in {len(plain)} + "
         f"{len(stateful)} + {len(identity)} rounds, {len(refused)} refused by the API server")
    assert tried > 300 and len(refused) < tried / 2, sorted(refused)
    problems = []
    for number, group in enumerate(plain + stateful + identity):
        if number % 4 == 3:  # so many repairs of one object would be taken for a fight
            operator.stop()
            operator.start()
        for one, calls in put_back(resources, audit, group, before).items():
            # without its label a Redis Service cannot be asked for its address: that comes with a second write
            if len(calls) > (2 if group in identity and "demo-redis-" in one[1] else 1):
                problems.append((number, one, calls))
    assert not problems, problems


def edit_and_be_told(resources, audit, profile, show):
    objects = [obj for obj in resources.children(kinds=MADE_ONCE) if obj["metadata"].get("ownerReferences")]
    edits, refused = find_edits(resources.api, objects)
    mine = {one: [e for e in found if not is_identity(e[0])] for one, found in edits.items()}
    show(f"{profile}: {len(objects)} objects that are made once: {sum(map(len, mine.values()))} edited, "
         f"{len(refused)} refused by the API server")
    assert set(mine) == {key(obj) for obj in objects} and all(mine.values())
    mark = audit.mark()
    edit_all(resources, mine)

    def all_named():
        message = resources.condition("FieldConflict").get("message", "")
        return all(f"{kind} {name} was edited" in message for kind, name in mine)
    until(all_named, 30, "all are named")
    assert not successes(audit, mark, resources.namespace)


@pytest.mark.parametrize("profile", ["Production", *(["Test", "Minimal"] if LONG else [])])
def test_every_owned_leaf_that_is_edited_is_put_back_or_told(
        operator, audit, resources, settled, profile, capsys):
    def show(line):
        with capsys.disabled():
            print("\n" + line, end="")
    resources.ready(profile=profile, timeout=120)
    settled()
    edit_and_put_back(resources, operator, audit, profile, show)
    edit_and_be_told(resources, audit, profile, show)
