"""Resources that only fail take nothing from the others: these need as many passes and requests as ever."""
import json
import re
import socket
from statistics import median

import pytest

from conftest import Resources
from support.waiting import until

WEBHOOKS = "apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
HEALTHY = ["one", "two"]


@pytest.fixture
def made(api):
    """Makes namespaces, which go with the test."""
    names = []

    def make(name):
        api.create("Namespace", None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        until(lambda: api.find("ServiceAccount", name, "default"), 30)
        names.append(name)
        return name
    yield make
    for name in names:
        api.delete("Namespace", None, name)


@pytest.fixture
def hanging_webhook(api):
    """The server asks about every ConfigMap of the namespace, and is never answered."""
    names, silent = [], socket.create_server(("127.0.0.1", 0), backlog=64)

    def hang(namespace):
        api.request("POST", WEBHOOKS, {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": f"hang-{namespace}"},
            "webhooks": [{
                "name": "hang.example.org", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "failurePolicy": "Fail", "timeoutSeconds": 3,
                "clientConfig": {"url": f"https://127.0.0.1:{silent.getsockname()[1]}/"},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"],
                           "operations": ["CREATE", "UPDATE"]}]}]})
        names.append(f"hang-{namespace}")
    yield hang
    for name in names:
        api.request("DELETE", f"{WEBHOOKS}/{name}")
    silent.close()


@pytest.fixture
def ending(api, made):
    """A namespace that is being deleted and cannot end, because of an object with a finalizer."""
    held = []

    def end(name):
        api.create("ConfigMap", name, {"apiVersion": "v1", "kind": "ConfigMap",
                                       "metadata": {"name": "held", "finalizers": ["example.org/held"]}})
        held.append(name)
        api.delete("Namespace", None, name)
    yield end
    for name in held:
        api.merge("ConfigMap", name, "held", {"metadata": {"finalizers": None}})


def passes(log, offset):
    """Passes by key, from the lines that the operator logs at level debug."""
    counts = {}
    with open(log, "rb") as file:
        file.seek(offset)
        for line in file.read().decode().splitlines():
            if line.startswith("{") and "pass took" in line:
                key = json.loads(line)["key"]
                counts[key] = counts.get(key, 0) + 1
    return counts


def size(path):
    with open(path, "rb") as file:
        return file.seek(0, 2)


def failing_resources(operator):
    return int(re.search(r"^entityservice_failing_resources (\d+)$", operator.read_metrics(), re.M).group(1))


def needed(operator, api, audit, namespace):
    """What it takes to make the healthy ones ready and to edit each once."""
    mark, offset = audit.mark(), size(operator.log)
    resources = Resources(api, namespace)
    for name in HEALTHY:
        resources.create(name)
    for name in HEALTHY:
        resources.wait_ready(name, timeout=120)
    edit = audit.mark()
    for name in HEALTHY:
        resources.edit(name, replicas=3)
        until(lambda: resources.child("Deployment", f"{name}-worker")["spec"]["replicas"] == 3, 20)
    for name in HEALTHY:
        resources.wait_ready(name)

    def objects(since):
        return len([e for e in audit.writes(since, namespace)
                    if e["objectRef"]["resource"] not in ("entityservices", "events")])
    return {"objects": objects(mark), "edits": objects(edit),
            "requests": len(audit.requests(mark, namespace)),
            "passes": sum(n for key, n in passes(operator.log, offset).items()
                          if key.startswith(namespace + "/"))}


def test_poisoned_resources_cost_the_others_no_request_and_no_pass(
        operator, api, audit, namespace, made, hanging_webhook, ending):
    operator.stop()
    operator.start("--log-level=debug")

    def thrice(where):
        return [needed(operator, api, audit, made(f"{namespace}-{where}-{n}")) for n in range(3)]
    alone = thrice("alone")

    hung, refused, gone = (made(f"{namespace}-{why}") for why in ("hung", "refused", "gone"))
    hanging = ["p1", "p2", "p3", "p4", "p5"]  # more than there are workers
    poisoned = {f"{refused}/p", *(f"{hung}/{name}" for name in hanging)}
    hanging_webhook(hung)
    api.request("POST", f"api/v1/namespaces/{refused}/resourcequotas", {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
        "spec": {"hard": {"services": "1", "secrets": "0"}}})
    offset = size(operator.log)
    for name in hanging:
        Resources(api, hung).create(name)
    for where in (refused, gone):
        Resources(api, where).create("p")
    until(lambda: api.find("Service", gone, "p-api"), 30)
    ending(gone)
    until(lambda: (poisoned <= passes(operator.log, offset).keys()
                   and failing_resources(operator) >= len(poisoned)), 120, "each of them has failed once")
    beside = thrice("beside")

    print({"alone": alone, "beside": beside, "poisoned": passes(operator.log, offset)})
    assert {(one["objects"], one["edits"]) for one in alone + beside} == {
        (alone[0]["objects"], len(HEALTHY))}
    # Status and its passes follow pods, whose times are not the same twice.
    for what in ("passes", "requests"):
        usual, found = (median(one[what] for one in measured) for measured in (alone, beside))
        assert found <= 1.3 * usual + 5, what
