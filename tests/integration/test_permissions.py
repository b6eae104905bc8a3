"""Last: over all that the other tests made it do, the operator needed each permission and missed none."""
import os
import pathlib

import yaml

from conftest import ROOT
from support.audit import Audit, describe


def rules():
    documents = yaml.safe_load_all((ROOT / "manifests/install.yaml").read_text())
    for document in documents:
        if document and document["kind"] in ("ClusterRole", "Role"):
            for rule in document["rules"]:
                for group in rule["apiGroups"]:
                    for resource in rule["resources"]:
                        for verb in rule["verbs"]:
                            yield group, resource, verb


def asked_for():
    """By the operator, of the clusters of all processes that shared the tests."""
    return [event for log in pathlib.Path(os.environ.get("AUDIT_LOGS", "no folder")).glob("*.log")
            for event in Audit(log).since(0)]


def test_no_request_was_forbidden_and_each_rule_was_needed():
    events = asked_for()
    assert len(events) > 1000, "this test speaks of a whole run: ./dev test integration"
    # What a quota, an admission rule or a namespace that is going refuses, the rules had allowed.
    forbidden = [e for e in events if e.get("responseStatus", {}).get("code") == 403
                 and e.get("annotations", {}).get("authorization.k8s.io/decision") != "allow"]
    assert not forbidden, sorted({describe(e) for e in forbidden})

    used = set()
    for event in events:
        ref = event.get("objectRef", {})
        resource = "/".join(filter(None, [ref.get("resource"), ref.get("subresource")]))
        used.add((ref.get("apiGroup", ""), resource, event["verb"]))
        if "sendInitialEvents=true" in event["requestURI"]:
            # The same list on a server that does not stream it (Kubernetes 1.33 by default).
            used.add((ref.get("apiGroup", ""), resource, "list"))
        if event["verb"] == "patch" and event.get("responseStatus", {}).get("code") == 201:
            used.add((ref.get("apiGroup", ""), resource, "create"))
    unused = set(rules()) - used
    assert not unused, "\n".join(map(str, sorted(unused)))
