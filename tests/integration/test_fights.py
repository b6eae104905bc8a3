"""Somebody sets a field back whenever the operator has put it right: told once, and slowed down."""
import base64
import contextlib
import http.server
import json
import os
import ssl
import threading
import time

import pytest

from conftest import house
from support.proxy import self_signed
from support.waiting import until

WEBHOOKS = "apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
AT_ONCE = 5  # repairs; after them the pauses begin, of 10, 20, 40 s


def writes_of(audit, mark, namespace, name):
    return [e for e in audit.writes(mark, namespace) if e["objectRef"].get("name") == name
            and e["objectRef"]["resource"] == "deployments"]


@contextlib.contextmanager
def stubborn(api, namespace, name, replicas):
    """As a controller that wants other replicas, and looks ten times a second."""
    ended = threading.Event()

    def insist():
        while not ended.wait(0.1):
            if api.get("Deployment", namespace, name)["spec"]["replicas"] != replicas:
                api.merge("Deployment", namespace, name, {"spec": {"replicas": replicas}},
                          manager="other-operator")
    thread = threading.Thread(target=insist, daemon=True)
    thread.start()
    try:
        yield
        assert thread.is_alive()
    finally:
        ended.set()
        thread.join(30)


@pytest.fixture(scope="module")
def shared(session_operator, api):
    with house(api, "fights") as made:
        made.ready()
        yield made


@pytest.fixture
def resources(shared, operator):
    return shared


@pytest.fixture
def namespace(shared):
    return shared.namespace


def test_a_fight_is_told_once_with_the_rival_slowed_down_and_won_when_it_ends(
        api, audit, resources, namespace, settled):
    mark = settled()
    with stubborn(api, namespace, "demo-worker", replicas=3):
        told = resources.wait_condition("FieldConflict", "True", "Contested", timeout=30)
        slow = audit.mark()
        time.sleep(12)
    assert "Deployment demo-worker (by other-operator)" in told["message"]
    assert resources.condition("Ready")["status"] == "False", "it is not as it was asked for"
    assert len(writes_of(audit, mark, namespace, "demo-worker")) > AT_ONCE
    assert len(writes_of(audit, slow, namespace, "demo-worker")) <= 1
    until(lambda: resources.child("Deployment", "demo-worker")["spec"]["replicas"] == 2, 30)
    resources.wait_ready()
    events = [e for e in api.list("Event", namespace) if e["reason"] == "Contested"]
    assert len(events) == 1, events


@pytest.fixture
def webhook(api, namespace, tmp_path):
    """A mutating webhook of Deployments of the test's namespace, which gets a function of the object
    that returns a JSON patch."""
    made = []

    def serve(change):
        certificate, key = self_signed(tmp_path, "webhook")

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                patch = json.dumps(change(review["request"]["object"])).encode()
                review["response"] = {"uid": review["request"]["uid"], "allowed": True,
                                      "patchType": "JSONPatch",
                                      "patch": base64.b64encode(patch).decode()}
                body = json.dumps(review).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open(certificate, "rb") as file:
            bundle = base64.b64encode(file.read()).decode()
        name = f"mutate-{namespace}"
        api.request("POST", WEBHOOKS, {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": name},
            "webhooks": [{
                "name": "deployments.fake.test", "sideEffects": "None", "failurePolicy": "Fail",
                "admissionReviewVersions": ["v1"], "timeoutSeconds": 10,
                "clientConfig": {"url": f"https://127.0.0.1:{server.server_port}/",
                                 "caBundle": bundle},
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "rules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
                           "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}]}]})
        made.append((server, name))

    def remove():
        while made:
            server, name = made.pop()
            api.request("DELETE", f"{WEBHOOKS}/{name}")
            server.shutdown()
    serve.remove = remove
    yield serve
    remove()


def test_what_an_admission_plugin_stores_otherwise_is_told_and_not_fought(
        operator, api, audit, resources, namespace, settled, webhook):
    def change(deployment):
        if deployment["metadata"]["name"] != "demo-worker":
            return []
        return [{"op": "replace", "path": "/spec/progressDeadlineSeconds", "value": 77}]
    webhook(change)
    time.sleep(1)  # the API server follows its own watch
    resources.edit(replicas=3)
    until(lambda: "Deployment demo-worker is not stored as it was sent"
          in resources.condition("FieldConflict").get("message", ""), 30)
    resources.wait_ready()
    mark = settled()
    time.sleep(3)
    assert not audit.writes(mark, namespace)
    webhook.remove()
    operator.stop()
    operator.start()  # nothing else tells the operator that the plugin is gone
    until(lambda: resources.child("Deployment", "demo-worker")["spec"]["progressDeadlineSeconds"]
          != 77, 30, "what was asked for is stored")
    until(lambda: not resources.condition("FieldConflict"), 30, "the conflict is over")
    resources.wait_ready()


@pytest.mark.skipif("LONG_TESTS" not in os.environ, reason="half a minute; set LONG_TESTS=1")
def test_an_admission_plugin_that_changes_its_mind_is_slowed_down_too(
        operator, api, audit, resources, namespace, settled, webhook):
    """Each write is stored with another value, and each that is stored asks for another write."""
    mark = settled()
    turns = iter(range(100, 1_000_000))

    def change(deployment):
        if deployment["metadata"]["name"] != "demo-worker":
            return []
        return [{"op": "replace", "path": "/spec/progressDeadlineSeconds", "value": next(turns)}]
    webhook(change)
    time.sleep(1)
    ended = time.monotonic() + 12
    while time.monotonic() < ended:
        # as controllers do that write the object for a reason of their own
        api.merge("Deployment", namespace, "demo-worker",
                  {"metadata": {"annotations": {"fake.test/seen": str(time.monotonic())}}})
        time.sleep(0.3)
    assert len(writes_of(audit, mark, namespace, "demo-worker")) <= AT_ONCE + 3
    told = resources.wait_condition("FieldConflict", "True", "Contested")
    assert "Deployment demo-worker" in told["message"]
