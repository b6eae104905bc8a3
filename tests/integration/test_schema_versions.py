"""Objects that were written under another schema than the present one: they are read, and what the
present schema refuses of them changes nothing of what runs."""
import copy

import pytest

from conftest import ROOT
from support.api import ApiError
from support.waiting import until

import yaml

CRD = "apis/apiextensions.k8s.io/v1/customresourcedefinitions/entityservices.entityservice.io"


class Schema:
    """The definition of the resource on the API server; `probe` tells when a change is in force."""

    def __init__(self, api, namespace):
        self.api, self.namespace = api, namespace
        installed = yaml.safe_load((ROOT / "crds/entityservice.crd.yaml").read_text())
        self.present = installed["spec"]["versions"]

    def accepts(self, spec):
        path = self.api.path("EntityService", self.namespace,
                             query={"dryRun": "All", "fieldValidation": "Strict"})
        try:
            self.api.request("POST", path, resource("probe", spec))
            return True
        except ApiError as error:
            assert error.code in (400, 422), error
            return False

    def change(self, edit, probe, accepted):
        """`edit` gets the schema of spec, as it is in the repository."""
        versions = copy.deepcopy(self.present)
        edit(versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"])
        definition = self.api.request("GET", CRD)
        definition["spec"]["versions"] = versions
        self.api.request("PUT", CRD, definition)
        until(lambda: self.accepts(probe) == accepted, 30, "the changed schema is in force")

    def restore(self):
        """Twice in a row: one API server may answer by the old one for a moment."""
        self.change(lambda spec: None, {"future": True}, False)
        until(lambda: not self.accepts({"workers": {"celery": {"concurrency": 5000}}}), 30)
        until(lambda: self.accepts({"api": {"proxy": {"rateLimit": {"rps": 7}}}}), 30)


def resource(name, spec):
    return {"apiVersion": "entityservice.io/v1alpha1", "kind": "EntityService",
            "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def schema(api, operator, namespace):
    schema = Schema(api, namespace)
    yield schema
    schema.restore()


def without_rate_limit(spec):
    del spec["properties"]["api"]["properties"]["proxy"]["properties"]["rateLimit"]
    del spec["properties"]["topology"]


def with_more_processes(spec):
    spec["properties"]["workers"]["properties"]["celery"]["properties"]["concurrency"]["maximum"] = 9000


def with_a_field_of_the_future(spec):
    spec["properties"]["future"] = {"type": "boolean"}


def test_an_object_of_a_smaller_schema_is_read_and_reconciled_as_it_is(operator, schema, resources):
    operator.stop()
    schema.change(without_rate_limit, {"api": {"proxy": {"rateLimit": {"rps": 7}}}}, False)
    resources.create(replicas=3)
    before = resources.get()["spec"]
    schema.restore()

    operator.start()
    resources.wait_ready()
    assert resources.get()["spec"] == before
    resources.edit(api={"proxy": {"rateLimit": {"rps": 7}}})
    resources.wait_ready()


def test_a_stored_value_that_is_now_invalid_is_named_and_changes_nothing(operator, schema, resources,
                                                                        settled, audit, namespace):
    schema.change(with_more_processes, {"workers": {"celery": {"concurrency": 5000}}}, True)
    resources.ready()
    operator.stop()
    resources.edit(workers={"celery": {"concurrency": 5000}})
    schema.restore()
    running = {(it["kind"], it["metadata"]["name"]): it["metadata"]["uid"]
               for it in resources.children()}

    operator.start()
    condition = resources.wait_condition("ConfigurationValid", "False")
    assert "spec.workers.celery.concurrency: is 5000, must be from 1 to 1024" in condition["message"]
    assert resources.wait_condition("Stalled", "True")["reason"] == "InvalidSpec"
    assert {(it["kind"], it["metadata"]["name"]): it["metadata"]["uid"]
            for it in resources.children()} == running

    # The API server lets a stored value stand in an edit that does not touch it ...
    resources.edit(progressDeadlineSeconds=700)
    assert resources.get()["spec"]["workers"]["celery"]["concurrency"] == 5000
    with pytest.raises(ApiError, match="concurrency"):
        resources.edit(workers={"celery": {"concurrency": 5001}})
    # ... and the status is still written, for the new generation.
    resources.wait_condition("ConfigurationValid", "False")
    mark = settled()
    assert not audit.writes(mark, namespace)

    resources.edit(workers={"celery": {"concurrency": 2}})
    resources.wait_condition("ConfigurationValid", "True")
    resources.wait_ready()


def test_a_resource_newer_than_the_operator_changes_nothing(operator, schema, resources):
    schema.change(with_a_field_of_the_future, {"future": True}, True)
    resources.ready()
    resources.edit(replicas=5, future=True)
    condition = resources.wait_condition("ConfigurationValid", "False")
    assert "spec.future: is not a field of this version" in condition["message"]
    assert resources.child("Deployment", "demo-worker")["spec"]["replicas"] == 2

    resources.edit(future=None)
    resources.wait_ready()
    assert resources.child("Deployment", "demo-worker")["spec"]["replicas"] == 5
