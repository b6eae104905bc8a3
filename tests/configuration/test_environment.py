"""The environment that each role of the application gets, against the table of all its variables."""
import pathlib
import re

import pytest
import yaml

import rendered

TABLE = yaml.safe_load((pathlib.Path(__file__).parent / "variables.yaml").read_text())
SAMPLES = {"minimal": "Minimal", "test": "Test", "production": "Production"}
CONTAINERS = {"api": ("Deployment", "demo-api", "app"),
              "worker": ("Deployment", "demo-worker", "worker"),
              "worker-highmemory": ("Deployment", "demo-worker-highmemory", "worker"),
              "migration": ("Job", "demo-migrate-", "migrate")}


def container(objects, role):
    kind, prefix, name = CONTAINERS[role]
    workload = next(o for o in objects.documents if o["kind"] == kind and
                    (o["metadata"]["name"] == prefix or
                     prefix.endswith("-") and o["metadata"]["name"].startswith(prefix)))
    return next(c for c in workload["spec"]["template"]["spec"]["containers"] if c["name"] == name)


def environment(objects, role):
    """Name → (value, where it comes from), as the kubelet would make it."""
    spec, values = container(objects, role), {}
    for source in spec.get("envFrom", []):
        for name, value in objects.config(source["configMapRef"]["name"]).items():
            values[name] = (value, "config")
    before = {}
    for variable in spec["env"]:
        name = variable["name"]
        assert name not in before, f"{name} is written twice"
        if "valueFrom" in variable:
            reference = variable["valueFrom"]["secretKeyRef"]
            assert reference["name"] == "demo-credentials"
            before[name] = objects.secret(reference["name"])[reference["key"]]
            values[name] = (before[name], "secret " + reference["key"])
        else:
            # a reference to what is not written before stays as it is
            before[name] = re.sub(r"\$\((\w+)\)", lambda m: before.get(m[1], m[0]), variable.get("value", ""))
            values[name] = (before[name], "container")
    return values


def expected(variable, profile, role, namespace):
    """(value, where it comes from), or None when the role does not get it."""
    if "unset" in variable:
        return None
    if "secret" in variable:
        key = variable["secret"]
        return (rendered.CREDENTIALS[key], "secret " + key) if role in variable["readers"] else None
    value = variable.get("value")
    if "values" in variable:
        value = variable["values"][profile]
    if isinstance(value, dict):
        value = value[role]
    value = value.format(namespace=namespace, **{k.replace("-", "_"): v for k, v in rendered.CREDENTIALS.items()})
    if variable.get("from") == "container":
        return (value, "container") if role in variable["readers"] else None
    return value, "config"


@pytest.fixture(scope="module", params=SAMPLES)
def sample(request, tmp_path_factory):
    return SAMPLES[request.param], rendered.render(request.param, tmp_path_factory.mktemp("environment"))


@pytest.mark.parametrize("role", CONTAINERS)
def test_every_variable_is_as_the_table_says(sample, role):
    profile, objects = sample
    namespace = objects.get("Deployment", "demo-api")["metadata"]["namespace"]
    wanted = {}
    for variable in TABLE:
        value = expected(variable, profile, role, namespace)
        if value is not None:
            wanted[variable["name"]] = value
    assert environment(objects, role) == wanted


def test_the_table_names_each_variable_once_and_says_why_one_is_unset():
    names = [variable["name"] for variable in TABLE]
    assert len(names) == len(set(names))
    for variable in TABLE:
        kinds = {"unset", "secret", "value", "values"} & variable.keys()
        assert len(kinds) == 1, variable
        assert "unset" not in variable or len(variable["unset"]) > 10, variable
        assert set(variable["readers"]) <= set(CONTAINERS) | {"nginx", "tests"}, variable


def test_users_may_add_variables_and_change_those_that_are_only_defaults(tmp_path):
    def change(resource):
        resource["spec"]["config"] = {"SOLVER_MAX_CANDIDATE_PAIRS": "5", "CONNEXION_STRICT_VALIDATION": "false"}
    objects = rendered.render("minimal", tmp_path, change=change)
    for role in CONTAINERS:
        values = environment(objects, role)
        assert values["SOLVER_MAX_CANDIDATE_PAIRS"] == ("5", "config")
        assert values["CONNEXION_STRICT_VALIDATION"] == ("false", "config")


def test_the_files_that_the_environment_names_are_mounted(sample):
    _, objects = sample
    for role in CONTAINERS:
        values = environment(objects, role)
        mounts = {m["mountPath"]: m["name"] for m in container(objects, role)["volumeMounts"]}
        assert mounts["/var/config"] == "config" and "/tmp" in mounts
        logging = next(o for o in objects.documents if o["metadata"]["name"].startswith("demo-logging-"))
        for name in ("LOG_CFG", "TRACE_CFG"):
            folder, file = values[name][0].rsplit("/", 1)
            assert folder == "/var/config" and file in logging["data"]


def test_the_logging_configuration_is_one_that_python_takes(sample, capsys):
    import logging.config
    _, objects = sample
    data = next(o for o in objects.documents if o["metadata"]["name"].startswith("demo-logging-"))["data"]
    config = yaml.safe_load(data["logging.yaml"])
    assert {h["class"] for h in config["handlers"].values()} == {"logging.StreamHandler"}, "the root is read-only"
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        logging.config.dictConfig(config)
        logging.getLogger("entityservice").info("hello")
        logging.getLogger("entityservice").debug("not this")
        assert capsys.readouterr().out == "hello\n"
    finally:
        root.handlers[:], root.level = before, level
    assert yaml.safe_load(data["tracing.yaml"])["sampler"] == {"type": "const", "param": 0}
