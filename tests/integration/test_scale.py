"""Scaling, suspending and pausing, as an admin does it."""
import json

import faults
from support.operator import Operator
from support.proxy import WritesProxy
from support.waiting import until


def workers(resources):
    return resources.child("Deployment", "demo-worker")["spec"]["replicas"]


def test_kubectl_scale_changes_the_workers(operator, resources, namespace, kubectl):
    resources.ready()
    kubectl("scale", "-n", namespace, "es/demo", "--replicas=20")
    until(lambda: resources.get()["status"].get("readyReplicas") == 20, 60, "20 workers are ready")
    assert workers(resources) == 20
    scale = kubectl("get", "-n", namespace, "--raw",
                    f"/apis/entityservice.io/v1alpha1/namespaces/{namespace}/entityservices/demo/scale").stdout
    assert '"replicas":20' in scale and "entityservice.io/component=worker" in scale


def test_an_edit_of_spec_replicas_changes_the_workers(operator, resources):
    resources.ready(replicas=2)
    resources.edit(replicas=5)
    until(lambda: workers(resources) == 5, 20)
    resources.wait_ready()
    resources.edit(replicas=1)
    until(lambda: workers(resources) == 1, 20)
    resources.wait_ready()


def test_a_second_api_replica_brings_the_disruption_budget_and_takes_it_away(operator, resources):
    resources.ready(api={"replicas": 1})
    assert not resources.child("PodDisruptionBudget", "demo-api")
    resources.edit(api={"replicas": 2})
    until(lambda: resources.child("PodDisruptionBudget", "demo-api"), 20)
    resources.wait_ready()
    resources.edit(api={"replicas": 1})
    until(lambda: not resources.child("PodDisruptionBudget", "demo-api"), 20)
    resources.wait_ready()


def test_suspend_takes_everything_to_zero_and_keeps_the_data(operator, api, resources, namespace):
    resources.ready(profile="Test")
    volumes = {v["metadata"]["uid"] for v in api.list("PersistentVolumeClaim", namespace)}
    assert len(volumes) == 3
    resources.edit(suspend=True)
    until(lambda: all(o["spec"]["replicas"] == 0
                      for o in resources.children(kinds=["Deployment", "StatefulSet"])), 30)
    resources.wait_condition("Ready", "False", "Suspended")
    resources.edit(suspend=False)
    resources.wait_ready()
    assert {v["metadata"]["uid"] for v in api.list("PersistentVolumeClaim", namespace)} == volumes
    assert workers(resources) == 2


def test_paused_writes_no_child_and_says_so(operator, audit, resources, namespace, settled):
    resources.ready()
    resources.edit(paused=True)
    resources.wait_condition("Paused", "True")
    mark = settled()
    resources.edit(replicas=7)
    until(lambda: resources.get()["status"]["observedGeneration"] == resources.get()["metadata"]["generation"], 20)
    writes = [e for e in audit.writes(mark, namespace)
              if e["objectRef"]["resource"] not in ("entityservices", "events")]
    assert not writes and workers(resources) == 2
    resources.edit(paused=False)
    until(lambda: workers(resources) == 7, 20)


def test_workers_are_scaled_also_while_a_new_template_waits(operator, resources, failing):
    """A held Deployment keeps its template; its replicas follow the spec."""
    resources.ready()
    before = resources.child("Deployment", "demo-worker")
    with failing("migration"):
        resources.edit(images={"app": "registry.example/app:2"}, replicas=4)
        until(lambda: workers(resources) == 4, 30)
        resources.wait_condition("MigrationsApplied", "False", "JobFailed")
        now = resources.child("Deployment", "demo-worker")
        assert now["spec"]["template"] == before["spec"]["template"]
        scaled, = [m for m in now["metadata"]["managedFields"] if m.get("subresource") == "scale"]
        assert scaled["manager"] == "entityservice-operator"
        held = {h["object"] for h in resources.get()["status"]["held"]}
        assert {"Deployment demo-worker", "Deployment demo-api"} <= held
    resources.wait_ready(timeout=90)
    image = resources.child("Deployment", "demo-worker")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == "registry.example/app:2"
    assert workers(resources) == 4


def test_an_autoscaler_scales_the_resource_by_the_usage_of_its_workers(
        operator, cluster, resources, namespace, kubectl):
    resources.ready(replicas=1)
    kubectl("create", "-n", namespace, "-f", "-", input=json.dumps({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "demo"},
        "spec": {"minReplicas": 1, "maxReplicas": 5,
                 "scaleTargetRef": {"apiVersion": "entityservice.io/v1alpha1",
                                    "kind": "EntityService", "name": "demo"},
                 "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {
                     "type": "Utilization", "averageUtilization": 50}}}]}}))
    selector = resources.get()["status"]["selector"]
    faults.set_usage(cluster, namespace, selector, cpu="8")
    until(lambda: resources.get()["status"].get("readyReplicas") == 5, 60, "five workers are ready")
    assert resources.get()["spec"]["replicas"] == 5
    faults.set_usage(cluster, namespace, selector, cpu="1m")
    until(lambda: resources.get()["spec"]["replicas"] == 1, 60, "the resource is scaled down")
    until(lambda: workers(resources) == 1, 20)
    resources.wait_ready()


class BeforeScale(WritesProxy):
    """Lets everything pass, but does something just before the first write to a scale subresource."""

    def __init__(self, cluster, folder, act):
        super().__init__(cluster, folder, after=0)
        self.act = act

    def admit(self, data):
        line = data.split(b"\r\n", 1)[0]
        if line.startswith(b"PATCH ") and b"/deployments/demo-worker/scale" in line and not self.reached:
            self.act()
            self.reached = True
        return True


def test_a_scale_on_its_way_never_reaches_a_successor(
        operator, cluster, api, audit, resources, namespace, failing, tmp_path):
    """Somebody replaces the Deployment between the operator's decision and its write."""
    resources.ready()
    operator.stop()
    labels = {"app": "successor"}
    foreign = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "demo-worker"}, "spec": {
        "replicas": 1, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
            "containers": [{"name": "main", "image": "registry.example/other:1"}]}}}}

    def replace():
        api.delete("Deployment", namespace, "demo-worker")
        until(lambda: not resources.child("Deployment", "demo-worker"), 10, interval=0.05)
        api.create("Deployment", namespace, foreign)

    def scales():
        return [e["responseStatus"]["code"] for e in audit.writes(mark, namespace)
                if e["objectRef"].get("subresource") == "scale"]

    mark = audit.mark()
    with failing("migration"), BeforeScale(cluster, str(tmp_path), replace) as proxy:
        other = Operator(cluster, api, str(tmp_path), server=proxy.url, ca=proxy.ca, lease="scale")
        other.start()
        try:
            resources.edit(images={"app": "registry.example/app:2"}, replicas=4)
            until(lambda: proxy.reached, 30, "the workers are scaled")
            until(scales, 10)
        finally:
            other.stop(kill=True)
    assert scales() == [409]
    successor = resources.child("Deployment", "demo-worker")
    assert successor["spec"]["replicas"] == 1 and successor["metadata"]["generation"] == 1
