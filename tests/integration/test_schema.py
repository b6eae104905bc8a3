"""Each case of tests/crds/cases.yaml gets its verdict from the schema, on a real API server."""
import pytest
import yaml

from conftest import ROOT
from support.api import Api, ApiError
from support.waiting import until

DATA = yaml.safe_load((ROOT / "tests/crds/cases.yaml").read_text())


def by_schema(cases):
    return [pytest.param(c, id=c["name"]) for c in cases if "schema" in c.get("where", ["schema", "code"])]


@pytest.fixture(scope="module")
def quiet(session_operator, api):
    """A namespace that no operator looks at."""
    session_operator.stop()
    api.create("Namespace", None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "schema"}})
    until(lambda: api.find("ServiceAccount", "schema", "default"), 30)
    yield "schema"
    api.delete("Namespace", None, "schema")
    until(lambda: not api.list("EntityService", "schema"), 60)
    session_operator.start()


def resource(spec, metadata=None, name="demo"):
    return {"apiVersion": "entityservice.io/v1alpha1", "kind": "EntityService",
            "metadata": metadata or {"name": name}, "spec": spec}


def verdict(call):
    try:
        call()
        return True, ""
    except ApiError as error:
        assert error.code in (400, 422), error
        return False, str(error)


@pytest.mark.parametrize("case", by_schema(DATA["cases"]))
def test_a_value_is_refused_or_accepted(quiet, api, case):
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    accepted, message = verdict(lambda: api.create(
        "EntityService", quiet, resource(case["spec"], case.get("metadata")), query))
    assert accepted == case["accepted"], message or "it was accepted"


@pytest.mark.parametrize("case", by_schema(DATA["transitions"]))
def test_a_change_is_refused_or_accepted(quiet, api, case):
    before = api.create("EntityService", quiet, resource(case["before"]))
    try:
        after = resource(case["after"])
        after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        path = Api.path("EntityService", quiet, "demo", query={"dryRun": "All", "fieldValidation": "Strict"})
        accepted, message = verdict(lambda: api.request("PUT", path, after))
        assert accepted == case["accepted"], message or "it was accepted"
    finally:
        api.delete("EntityService", quiet, "demo")
