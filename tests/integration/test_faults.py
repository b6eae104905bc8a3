"""What the API server refuses is told in the status, spares what is independent, and clears by itself."""
import pytest

from support.api import ApiError
from support.waiting import until

POLICIES = "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"


@pytest.fixture
def quota(api, namespace):
    """Makes a ResourceQuota; a second call changes it."""
    path = f"api/v1/namespaces/{namespace}/resourcequotas"

    def limit(**hard):
        body = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
                "spec": {"hard": {key: str(value) for key, value in hard.items()}}}
        api.request("PATCH", f"{path}/small?fieldManager=tests&force=true", body,
                    "application/apply-patch+yaml")
        until(lambda: api.request("GET", f"{path}/small").get("status", {}).get("hard")
              == body["spec"]["hard"], 30, "the quota counts")
    return limit


@pytest.fixture
def rule(api, namespace):
    """A ValidatingAdmissionPolicy that denies what `expression` does not hold for, here alone."""
    made = []

    def deny(resource, group, expression):
        name = f"deny-{namespace}"
        api.request("POST", POLICIES, {
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": name},
            "spec": {"failurePolicy": "Fail",
                     "matchConstraints": {"resourceRules": [{
                         "apiGroups": [group], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
                         "resources": [resource]}]},
                     "validations": [{"expression": expression, "message": "not in this house"}]}})
        made.append((POLICIES, name))
        api.request("POST", BINDINGS, {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
            "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}}})
        made.append((BINDINGS, name))
        return name

    def remove():
        while made:
            api.request("DELETE", "/".join(made.pop()))
    deny.remove = remove
    yield deny
    remove()


def denied(api, namespace, kind, body):
    """The policy is in force: the server compiles it a moment after it was made."""
    try:
        api.create(kind, namespace, body, {"dryRun": "All"})
        return False
    except ApiError as error:
        return "not in this house" in error.body


def events(api, namespace, reason):
    return [e for e in api.list("Event", namespace) if e["reason"] == reason
            and e["involvedObject"]["kind"] == "EntityService"]


def test_a_quota_of_services_is_named_and_spares_the_rest(operator, api, resources, namespace, quota):
    quota(services=2)
    resources.create()
    told = resources.wait_condition("Stalled", "True", "ApplyRefused")
    assert "Service " in told["message"] and "exceeded quota: small" in told["message"]
    assert "raise the ResourceQuota" in told["message"]
    assert resources.child("ServiceAccount", "demo"), "what is independent is there"
    until(lambda: events(api, namespace, "ApplyRefused"), 10, "an event follows the status")
    quota(services=20)
    resources.wait_ready(timeout=120)
    assert resources.condition("Stalled")["status"] == "False"
    assert len(events(api, namespace, "ApplyRefused")) == 1


def test_a_quota_of_pods_is_told_by_the_components(operator, resources, quota):
    quota(pods=0)
    resources.create()
    told = until(lambda: next((c for c in [resources.condition("DatabaseReady")]
                               if "kubectl describe" in c.get("message", "")), None), 60,
                 "the database says where the reason is")
    assert "statefulset/demo-postgres" in told["message"]
    quota(pods=50)
    resources.wait_ready(timeout=180)


def test_a_quota_of_pods_is_told_in_the_servers_words_by_workers(operator, resources, quota, settled):
    resources.ready()
    settled()
    quota(pods=3)
    resources.edit(replicas=9)
    until(lambda: "exceeded quota: small" in resources.condition("WorkersReady").get("message", ""), 60)
    quota(pods=50)
    resources.wait_ready(timeout=120)


def test_an_admission_rule_is_named_and_spares_the_rest(operator, api, resources, namespace, rule):
    name = rule("statefulsets", "apps", "object.metadata.name != 'demo-redis'")
    probe = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "demo-redis"},
             "spec": {"serviceName": "x", "selector": {"matchLabels": {"a": "b"}},
                      "template": {"metadata": {"labels": {"a": "b"}},
                                   "spec": {"containers": [{"name": "c", "image": "i:1"}]}}}}
    until(lambda: denied(api, namespace, "StatefulSet", probe), 30, "the policy is in force")
    resources.create()
    told = resources.wait_condition("Stalled", "True", "ApplyRefused")
    assert "StatefulSet demo-redis" in told["message"]
    assert name in told["message"] and "not in this house" in told["message"]
    assert "admission rule" in told["message"]
    until(lambda: resources.child("StatefulSet", "demo-postgres"), 20)
    resources.wait_condition("MigrationsApplied", "True")
    rule.remove()
    resources.wait_ready(timeout=120)
    assert resources.condition("Stalled")["status"] == "False"


def test_a_refused_deletion_policy_is_told_and_carried_out_once_it_may_be(
        operator, api, resources, namespace, rule):
    def released():
        return {claim["metadata"]["name"] for claim in api.list("PersistentVolumeClaim", namespace)
                if not claim["metadata"].get("ownerReferences")}

    resources.ready(profile="Test")
    claims = {"data-demo-objectstore-0", "data-demo-postgres-0", "data-demo-redis-0"}
    until(lambda: not released(), 30, "the claims go with the resource")
    rule("persistentvolumeclaims", "", "object.metadata.name != 'data-demo-postgres-0'")
    probe = {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
             "metadata": {"name": "data-demo-postgres-0"},
             "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    until(lambda: denied(api, namespace, "PersistentVolumeClaim", probe), 30, "the policy is in force")
    resources.edit(deletionPolicy="Retain")
    told = resources.wait_condition("Stalled", "True", "RequestRefused")
    assert "the deletionPolicy of PersistentVolumeClaim data-demo-postgres-0" in told["message"]
    assert "not in this house" in told["message"]
    assert released() == claims - {"data-demo-postgres-0"}
    rule.remove()
    until(lambda: released() == claims, 60, "what was refused is carried out")
    resources.wait_condition("Stalled", "False")
