"""Restarts, of the operator and of the API server: silence when in step."""
import time

import pytest

import cluster as control_plane
import faults
from conftest import ROOT, come_to_rest, house, installed
from support.audit import Audit
from support.operator import Operator
from support.waiting import until

SAMPLE = str(ROOT / "manifests/samples/production.yaml")


@pytest.fixture(scope="module")
def shared(session_operator, api, kubectl):
    """One Production resource, which every test leaves as it was."""
    with house(api, "restart") as made:
        kubectl("apply", "-n", made.namespace, "-f", SAMPLE)
        yield made


@pytest.fixture
def in_step(shared, operator, audit):
    shared.wait_ready(timeout=120)
    come_to_rest(audit, shared.namespace)
    return shared


def worker(resources):
    return resources.child("Deployment", "demo-worker")["spec"]["replicas"]


def is_repaired(resources, timeout):
    before = worker(resources)
    resources.api.merge("Deployment", resources.namespace, "demo-worker", {"spec": {"replicas": 11}})
    until(lambda: worker(resources) == before, timeout, "an edit is put right")


def test_a_restart_in_step_writes_nothing_and_still_repairs(operator, audit, in_step):
    operator.stop()
    assert operator.stopping_took < 5
    mark = audit.mark()
    operator.start()
    come_to_rest(audit, in_step.namespace, quiet=3)
    assert not audit.writes(mark, in_step.namespace)
    is_repaired(in_step, 20)


def test_a_second_apply_changes_nothing(audit, in_step, kubectl):
    def versions():
        objects = in_step.children() + [in_step.get()]
        return {(o["kind"], o["metadata"]["name"]):
                (o["metadata"]["resourceVersion"], o["metadata"].get("generation")) for o in objects}
    before = versions()
    kubectl("apply", "-n", in_step.namespace, "-f", SAMPLE)
    come_to_rest(audit, in_step.namespace, quiet=3)
    assert versions() == before


def test_an_api_server_that_restarts_and_has_forgotten_the_past_costs_no_write(tmp_path, request):
    """Of its own, or others would meet it. It is away for longer than a lease lasts, so the operator
    leads without one."""
    with control_plane.start(tmp_path / "cluster") as own:
        api, audit = installed(own), Audit(own.audit_log)
        single = Operator(own, api, str(tmp_path))
        request.addfinalizer(lambda: single.stop(kill=True))  # also when the test fails
        process = single.start("--leader-elect=false").process
        with house(api, "restart") as made:
            made.ready(profile="Production")
            come_to_rest(audit, made.namespace)
            mark = audit.mark()
            faults.compact(own)
            own.restart_apiserver(expire_watches=True)
            until(single.is_ready, 60, "the operator has connected anew")
            time.sleep(3)
            assert not audit.writes(mark, made.namespace)
            assert process.poll() is None
            is_repaired(made, 40)
