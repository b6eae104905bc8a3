"""From nothing to Ready: the right objects, in the right order, at the stated cost."""
import pytest
import yaml

from conftest import ROOT, render
from support.api import CHILD_KINDS
from support.audit import describe
from support.projection import intent, matches, ordered, owned
from support.waiting import until

SAMPLES = ["minimal", "test", "production"]
# Written once more, for their retention: volumes and what has no owner.
RETAINED = ("-0", "-1", "-2", "demo-credentials", "demo-redis-state")


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_becomes_ready_as_render_prints_it(operator, api, resources, namespace, kubectl, audit, sample):
    mark = audit.mark()
    path = ROOT / f"manifests/samples/{sample}.yaml"
    kubectl("apply", "-n", namespace, "-f", str(path))
    name = yaml.safe_load(path.read_text())["metadata"]["name"]
    resources.wait_ready(name, timeout=120)

    live = {(o["kind"], o["metadata"]["name"]): o for o in api.children(namespace, name)}
    expected = render("-f", str(path), "--namespace", namespace)
    problems, met = [], set()
    for body in expected:
        key = find(live, body)
        if key is None:
            problems.append(f"{body['kind']} {body['metadata']['name']} is not there")
            continue
        met.add(key)
        if body["metadata"]["name"] == f"{name}-redis-state":
            assert live[key]["data"] == {"bootstrap": "false"}, "flipped once Redis was ready"
            body.pop("data")
        difference = matches(loosely_ordered(intent(body)), loosely_ordered(owned(live[key])))
        if difference:
            problems.append(f"{key}: {difference}")
    problems += [f"{key} is not printed" for key in set(live) - met]
    assert not problems, "\n".join(problems)

    # the cost of a create: one apply an object, few status writes, few events
    writes = audit.writes(mark, namespace)
    applies = [e for e in writes if e["objectRef"]["resource"] not in ("entityservices", "events")]
    per_object = {}
    for event in applies:
        if event["responseStatus"]["code"] < 300:
            per_object.setdefault(describe(event).split(" →")[0], []).append(event)
    twice = {k: len(v) for k, v in per_object.items() if len(v) > 1 and not k.endswith(RETAINED)}
    assert not twice, f"written more than once: {twice}"
    # beside the objects: the flip of N-redis-state, and the retention of volumes and ownerless objects
    assert len(applies) <= len(live) + 1 + 2 * (2 + len(api.list("PersistentVolumeClaim", namespace)))
    status = [e for e in writes if e["objectRef"].get("subresource") == "status"]
    assert 1 <= len(status) <= 12, [describe(e) for e in status]
    assert len(api.list("Event", namespace, None)) > 0
    ours = [e for e in api.list("Event", namespace) if e["involvedObject"]["kind"] == "EntityService"]
    assert 1 <= len(ours) <= 10, [e["reason"] for e in ours]


def find(live, body):
    """The live object of a printed one; a hash in a name may be printed as <generated>."""
    kind, name = body["kind"], body["metadata"]["name"]
    if (kind, name) in live:
        return kind, name
    found = [key for key in live if key[0] == kind and matches(name, key[1]) is None]
    return found[0] if "<generated>" in name and len(found) == 1 else None


def loosely_ordered(value):
    """`ordered`, with the items of a list of objects by their names first: a generated value must not decide."""
    value = ordered(value)

    def by_name(item):
        if isinstance(item, dict):
            return {k: by_name(v) for k, v in item.items()}
        if isinstance(item, list):
            items = [by_name(i) for i in item]
            if items and all(isinstance(i, dict) for i in items):
                items.sort(key=lambda i: str([i.get(k) for k in ("name", "hostnames", "mountPath", "port")]))
            return items
        return item
    return by_name(value)


def test_no_worker_is_made_before_the_migration_has_succeeded(operator, resources, failing):
    with failing("migration"):
        resources.create()
        condition = resources.wait_condition("MigrationsApplied", "False", "JobFailed")
        assert "demo-migrate-" in condition["message"]
        assert not resources.children(kinds=["Deployment"])
        held = {h["object"] for h in resources.get()["status"]["held"]}
        assert {"Deployment demo-worker", "Deployment demo-worker-highmemory", "Deployment demo-api"} <= held
        assert resources.condition("Ready")["status"] == "False"
    resources.wait_ready(timeout=90)

    created = {o["metadata"]["name"]: o["metadata"]["creationTimestamp"]
               for o in resources.children(kinds=["Deployment"])}
    migration, = [j for j in resources.children(kinds=["Job"]) if "-migrate-" in j["metadata"]["name"]]
    assert set(created) == {"demo-worker", "demo-worker-highmemory", "demo-api"}
    assert all(time >= migration["status"]["completionTime"] for time in created.values())
    assert not resources.get()["status"].get("held")


def test_a_database_that_never_gets_ready_stalls_and_recovers(operator, resources):
    resources.create(progressDeadlineSeconds=30, images={"postgres": "registry.example/postgres:never-ready"})
    condition = resources.wait_condition("Stalled", "True", "ProgressDeadlineExceeded", timeout=60)
    assert "demo-postgres" in condition["message"]
    database = resources.condition("DatabaseReady")
    assert database["status"] == "False" and "demo-postgres" in database["message"], database
    resources.edit(images={"postgres": "registry.example/postgres:17"})
    resources.wait_ready()
    assert resources.condition("Stalled")["status"] == "False"


def test_redis_pods_whose_image_is_not_there_are_made_anew_once_the_spec_is_right(
        operator, api, resources, namespace, audit):
    mark = audit.mark()
    resources.create(images={"redis": "registry.example/redis:image-pull"})
    condition = until(lambda: "image-pull" in resources.condition("RedisReady").get("message", "")
                      and resources.condition("RedisReady"), 60)
    assert condition["status"] == "False", condition
    first = api.get("Pod", namespace, "demo-redis-0")
    resources.edit(images={"redis": "registry.example/redis:7"})
    resources.wait_ready()
    again = api.get("Pod", namespace, "demo-redis-0")
    assert again["metadata"]["uid"] != first["metadata"]["uid"]
    assert not resources.get()["status"].get("held")
    deleted = [e for e in audit.writes(mark, namespace)
               if e["verb"] == "delete" and e["objectRef"]["resource"] == "pods"]
    assert [e["objectRef"]["name"] for e in deleted] == ["demo-redis-0"]

    resources.edit(images={"redis": "registry.example/redis:8"})
    until(lambda: resources.get()["status"].get("held"), 30, "the changed template is held")
    assert api.get("Pod", namespace, "demo-redis-0")["metadata"]["uid"] == again["metadata"]["uid"]


def test_everything_that_is_made_is_accepted_under_restricted(operator, api, resources, namespace):
    resources.ready(redis={"managed": {"replicas": 1}})
    warnings = [e for e in api.list("Event", namespace) if e["type"] == "Warning" and "PodSecurity" in e["message"]]
    assert not warnings
    pods = api.list("Pod", namespace, "entityservice.io/resource=demo")
    assert len(pods) >= 7
    assert {k for k in CHILD_KINDS} - {o["kind"] for o in resources.children()} <= {"PodDisruptionBudget"}
    until(lambda: all(p["status"].get("phase") in ("Running", "Succeeded")
                      for p in api.list("Pod", namespace, "entityservice.io/resource=demo")), 20)
