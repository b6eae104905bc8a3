"""Edits of others: ours are put right with one write, theirs are kept, foreign objects are left alone."""
import pytest

from conftest import come_to_rest, house
from support.audit import describe
from support.waiting import until

# kind, object, an edit of a value that we own
EDITS = [
    ("ServiceAccount", "demo", {"automountServiceAccountToken": True}),
    ("Service", "demo-api", {"spec": {"selector": {"entityservice.io/component": "other"}}}),
    ("NetworkPolicy", None, {"spec": {"policyTypes": ["Egress"]}}),
    ("StatefulSet", "demo-redis", {"spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Delete"}}}),
    ("Deployment", "demo-worker", {"spec": {"replicas": 9}}),
    ("Deployment", "demo-api", {"spec": {"progressDeadlineSeconds": 77}}),
    ("PodDisruptionBudget", "demo-api", {"spec": {"maxUnavailable": 2}}),
]
DELETED = ["ServiceAccount", "ConfigMap", "Service", "NetworkPolicy", "StatefulSet", "Deployment",
           "PodDisruptionBudget"]


@pytest.fixture(scope="module")
def shared(session_operator, api):
    """One resource for all tests of this file that leave it as it was."""
    with house(api, "drift") as made:
        made.ready(api={"replicas": 2})
        yield made


def rest(audit, namespace, quiet=1.5):
    return come_to_rest(audit, namespace, quiet)


def child_writes(audit, mark, namespace):
    return [e for e in audit.writes(mark, namespace)
            if e["objectRef"]["resource"] not in ("entityservices", "events")]


def one_of(shared, kind, name):
    if name:
        return shared.child(kind, name)
    return shared.child(kind, shared.children(kinds=[kind])[0]["metadata"]["name"])


def spec_of(obj):
    return {k: v for k, v in obj.items() if k not in ("metadata", "status", "kind", "apiVersion")}


@pytest.mark.parametrize("kind,name,edit", EDITS, ids=[f"{k}-{n or 'any'}" for k, n, _ in EDITS])
def test_an_edited_leaf_is_put_right_with_one_write(shared, operator, audit, kind, name, edit):
    before = one_of(shared, kind, name)
    mark = rest(audit, shared.namespace)
    shared.api.merge(kind, shared.namespace, before["metadata"]["name"], edit)
    until(lambda: child_writes(audit, mark, shared.namespace), 20, "the operator writes")
    rest(audit, shared.namespace)
    after = one_of(shared, kind, before["metadata"]["name"])
    assert spec_of(after) == spec_of(before)
    assert len(child_writes(audit, mark, shared.namespace)) == 1, \
        [describe(e) for e in child_writes(audit, mark, shared.namespace)]
    shared.wait_ready()


@pytest.mark.parametrize("kind,name,edit", EDITS, ids=[f"{k}-{n or 'any'}" for k, n, _ in EDITS])
def test_a_leaf_taken_by_another_manager_comes_back_with_one_write(shared, operator, audit, kind, name, edit):
    before = one_of(shared, kind, name)
    mark = rest(audit, shared.namespace)
    shared.api.apply({"apiVersion": before["apiVersion"], "kind": kind,
                      "metadata": {"name": before["metadata"]["name"], "namespace": shared.namespace},
                      **edit}, manager="somebody")
    until(lambda: child_writes(audit, mark, shared.namespace), 20, "the operator writes")
    rest(audit, shared.namespace)
    assert spec_of(one_of(shared, kind, before["metadata"]["name"])) == spec_of(before)
    assert len(child_writes(audit, mark, shared.namespace)) == 1
    shared.wait_ready()


@pytest.mark.parametrize("kind", DELETED)
def test_a_deleted_object_is_made_again_with_one_write(shared, operator, audit, kind):
    before = shared.children(kinds=[kind])[0]
    name = before["metadata"]["name"]
    mark = rest(audit, shared.namespace)
    shared.api.delete(kind, shared.namespace, name)

    def again():
        now = shared.child(kind, name)
        return now and now["metadata"]["uid"] != before["metadata"]["uid"]
    until(again, 30, f"{kind} {name} is there again")
    shared.wait_ready()
    rest(audit, shared.namespace)
    writes = child_writes(audit, mark, shared.namespace)
    made = [e for e in writes if e["objectRef"].get("name") == name and e["responseStatus"]["code"] < 300]
    assert len(made) == 1, [describe(e) for e in writes]


def test_what_others_add_is_kept_and_causes_no_write(shared, operator, audit):
    mark = rest(audit, shared.namespace)
    for obj in shared.children():
        if obj["kind"] in ("ConfigMap", "Secret", "Job"):
            continue
        shared.api.merge(obj["kind"], shared.namespace, obj["metadata"]["name"],
                         {"metadata": {"labels": {"example.org/theirs": "yes"},
                                       "annotations": {"example.org/note": "kept"}}})
    shared.api.merge("Service", shared.namespace, "demo-api", {"spec": {"sessionAffinity": "ClientIP"}})
    rest(audit, shared.namespace, quiet=4)
    assert not child_writes(audit, mark, shared.namespace)
    for obj in shared.children():
        if obj["kind"] not in ("ConfigMap", "Secret", "Job"):
            assert obj["metadata"]["labels"]["example.org/theirs"] == "yes"


def test_an_edited_job_or_immutable_config_is_reported_and_not_fought(shared, operator, audit):
    for kind, part in (("Job", "-migrate-"), ("ConfigMap", "-env-")):
        obj = next(o for o in shared.children(kinds=[kind]) if part in o["metadata"]["name"])
        mark = rest(audit, shared.namespace)
        old = obj["metadata"]["labels"]["app.kubernetes.io/managed-by"]
        shared.api.merge(kind, shared.namespace, obj["metadata"]["name"],
                         {"metadata": {"labels": {"app.kubernetes.io/managed-by": "somebody"}}})
        until(lambda: obj["metadata"]["name"] in shared.condition("FieldConflict").get("message", ""), 20)
        assert not child_writes(audit, mark, shared.namespace)
        shared.api.merge(kind, shared.namespace, obj["metadata"]["name"],
                         {"metadata": {"labels": {"app.kubernetes.io/managed-by": old}}})


def test_edited_credentials_are_reported_and_neither_fought_nor_rolled(operator, api, resources, namespace, audit):
    resources.ready()
    before = {o["metadata"]["name"]: o["spec"]["template"]
              for o in resources.children(kinds=["Deployment", "StatefulSet"])}
    mark = rest(audit, namespace)
    api.merge("Secret", namespace, "demo-credentials", {"data": {"redis-password": "ZWRpdGVk"}})
    condition = resources.wait_condition("FieldConflict", "True")
    assert "demo-credentials" in condition["message"]
    assert not child_writes(audit, mark, namespace)
    # what waits keeps its template, and is scaled all the same
    resources.edit(suspend=True)
    until(lambda: all(o["spec"]["replicas"] == 0 for o in resources.children(kinds=["Deployment", "StatefulSet"])), 30)
    assert before == {o["metadata"]["name"]: o["spec"]["template"]
                      for o in resources.children(kinds=["Deployment", "StatefulSet"])}
    assert api.get("Secret", namespace, "demo-credentials")["data"]["redis-password"] == "ZWRpdGVk"


def test_a_foreign_object_of_the_same_name_stays_and_is_reported(operator, api, resources, namespace):
    theirs = api.create("ConfigMap", namespace, {"apiVersion": "v1", "kind": "ConfigMap",
                                                 "metadata": {"name": "demo-redis-state"}, "data": {"a": "b"}})
    service = api.create("Service", namespace, {
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "demo-api"},
        "spec": {"ports": [{"port": 1}], "selector": {"their": "app"}}})
    resources.create()
    condition = resources.wait_condition("Stalled", "True", "NameConflict")
    assert "demo-api" in condition["message"] or "demo-redis-state" in condition["message"]
    rest_of = resources.children(kinds=["ServiceAccount", "NetworkPolicy"])
    assert rest_of, "what is independent goes on"
    for kind, before in (("ConfigMap", theirs), ("Service", service)):
        now = api.get(kind, namespace, before["metadata"]["name"])
        assert now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    api.delete("ConfigMap", namespace, "demo-redis-state")
    api.delete("Service", namespace, "demo-api")
    resources.wait_ready()


POD = {"metadata": {"labels": {"app": "other"}}, "spec": {"containers": [{"name": "c", "image": "x/y:1"}]}}
BODIES = {
    "ServiceAccount": ("v1", {}),
    "ConfigMap": ("v1", {"data": {"a": "b"}}),
    "Service": ("v1", {"spec": {"ports": [{"port": 1}]}}),
    "Deployment": ("apps/v1", {"spec": {"replicas": 0, "selector": {"matchLabels": {"app": "other"}}, "template": POD}}),
    "StatefulSet": ("apps/v1", {"spec": {"replicas": 0, "selector": {"matchLabels": {"app": "other"}},
                                         "serviceName": "x", "template": POD}}),
    "Job": ("batch/v1", {"spec": {"suspend": True, "template": {
        "spec": {**POD["spec"], "restartPolicy": "Never"}}}}),
    "PodDisruptionBudget": ("policy/v1", {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "x"}}}}),
    "NetworkPolicy": ("networking.k8s.io/v1", {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}),
}


def other(kind, name, **metadata):
    version, rest_of = BODIES[kind]
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, **metadata}, **rest_of}


def test_objects_of_ours_that_are_no_longer_wanted_go(shared, operator, api):
    """As an operator of another version would leave them behind: owned by the resource, with its label."""
    owner = {"apiVersion": "entityservice.io/v1alpha1", "kind": "EntityService", "name": "demo",
             "uid": shared.get()["metadata"]["uid"], "controller": True}
    for kind in BODIES:
        api.create(kind, shared.namespace, other(kind, "demo-relic", ownerReferences=[owner],
                                                 labels={"entityservice.io/resource": "demo"}))
        api.create(kind, shared.namespace, other(kind, "somebodys"))
    for kind in BODIES:
        until(lambda: not api.find(kind, shared.namespace, "demo-relic"), 30, f"the {kind} is gone")
        assert api.find(kind, shared.namespace, "somebodys"), kind
        api.delete(kind, shared.namespace, "somebodys")
    shared.wait_ready()


def test_a_foreign_object_of_any_kind_stops_only_what_needs_it(shared, operator, api, resources, namespace):
    """In each kind's place stands somebody else's object; it is named, untouched, and the rest goes on once it is gone."""
    names = {o["kind"]: o["metadata"]["name"] for o in shared.children()
             if o["kind"] in BODIES and o["kind"] != "Job"}
    names["Deployment"] = "demo-worker"
    names["Service"] = "demo-redis"
    before = {kind: api.create(kind, namespace, other(kind, name)) for kind, name in names.items()}
    resources.create(api={"replicas": 2})
    first = {"ServiceAccount", "Service", "NetworkPolicy"}

    def named():
        message = resources.condition("Stalled").get("message", "")
        return all(f"{kind} {names[kind]}" in message for kind in first) or None
    until(named, 30, "the conflicts are named")
    for kind in names:
        api_version = before[kind]["metadata"]["resourceVersion"]
        if kind in first:
            assert api.get(kind, namespace, names[kind])["metadata"]["resourceVersion"] == api_version
            api.delete(kind, namespace, names[kind])
    for kind in [k for k in names if k not in first]:
        def stands():
            return f"{kind} {names[kind]}" in resources.condition("Stalled").get("message", "") or None
        until(stands, 60, f"{kind} {names[kind]} is named")
        api.delete(kind, namespace, names[kind])
    resources.wait_ready(timeout=120)


def test_a_foreign_job_in_the_place_of_the_migration_is_named_and_left_alone(operator, api, resources, namespace):
    resources.create(profile="Test", images={"postgres": "registry.example/postgres:never-ready"})

    def held_job():
        held = [h["object"] for h in resources.get().get("status", {}).get("held", [])]
        names = [o.removeprefix("Job ") for o in held if o.startswith("Job demo-migrate-")]
        claim = api.find("PersistentVolumeClaim", namespace, "data-demo-postgres-0")
        return names[0] if names and claim else None
    name = until(held_job, 30, "the migration waits for the database")
    api.create("Job", namespace, other("Job", name))
    resources.edit(images={"postgres": "registry.example/postgres:17"})
    until(lambda: f"Job {name}" in resources.condition("Stalled").get("message", ""), 60, "the Job is named")
    assert api.get("Job", namespace, name)["spec"]["suspend"]
    api.delete("Job", namespace, name)
    resources.wait_ready(timeout=120)
