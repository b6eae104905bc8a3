"""No generated value is ever seen outside of the Secret that holds it."""
import base64
import json
import os
import subprocess
import urllib.parse

import yaml

from conftest import ROOT
from support.waiting import until

NAMES = {"database-user"}  # of a login role: no secret, and the same everywhere


def values_of(secret):
    decoded = {key: base64.b64decode(value).decode() for key, value in secret["data"].items()
               if key not in NAMES}
    assert len(decoded) >= 12 and all(len(value) >= 32 for value in decoded.values())
    return decoded


def forms(value):
    """As it stands in texts, in Secrets and in URLs, and the halves of it."""
    half = len(value) // 2
    return {value, base64.b64encode(value.encode()).decode(), urllib.parse.quote(value),
            value[:half], value[half:]}


def seen(values, text):
    return sorted(key for key, value in values.items() if any(form in text for form in forms(value)))


def texts(api, operator, resources, namespace):
    """Everything that people who may not read Secrets can read, by where it is."""
    found = {"log": open(operator.log).read(), "metrics": operator.read_metrics(),
             "events": json.dumps(api.list("Event", namespace)), "resource": json.dumps(resources.get())}
    for kind in ("ConfigMap", "ServiceAccount", "Service", "NetworkPolicy", "StatefulSet",
                 "Deployment", "ReplicaSet", "Job", "Pod", "PersistentVolumeClaim"):
        found[kind] = json.dumps(api.list(kind, namespace))
    return found


def search(values, found):
    assert not {where: seen(values, text) for where, text in found.items() if seen(values, text)}


def edit_secret(api, namespace, **data):
    encoded = {key: value and base64.b64encode(value.encode()).decode() for key, value in data.items()}
    api.merge("Secret", namespace, "demo-credentials", {"data": encoded})


def test_no_generated_value_is_in_a_log_event_status_metric_or_object(
        operator, api, resources, namespace, failing, settled):
    operator.stop()
    operator.start("--log-level=debug", "--metrics-per-resource")
    with failing("migration"):
        resources.create(profile="Production")
        resources.wait_condition("MigrationsApplied", "False", "JobFailed")
    resources.wait_ready(timeout=150)
    secret = api.get("Secret", namespace, "demo-credentials")
    values = values_of(secret)
    assert seen(values, json.dumps(secret)) == sorted(values), "what is there is found"
    found = texts(api, operator, resources, namespace)
    assert "demo-credentials" in found["log"] and 'name="demo"' in found["metrics"]
    assert "MigrationFailed" in found["events"]
    search(values, found)

    # What goes wrong with the Secret itself is told without them, too.
    edit_secret(api, namespace, **{"redis-password": "FOREIGN0" + values["redis-password"][8:]})
    until(lambda: "redis-password" in json.dumps(resources.get()["status"]), 30, "the edit is reported")
    edit_secret(api, namespace, **{"redis-password": None})
    resources.wait_condition("Stalled", "True", "CredentialsIncomplete")
    search(values, texts(api, operator, resources, namespace))
    edit_secret(api, namespace, **{"redis-password": values["redis-password"]})
    resources.wait_condition("Stalled", "False")
    api.delete("Secret", namespace, "demo-credentials")
    resources.wait_condition("Stalled", "True", "CredentialsLost")
    search(values, texts(api, operator, resources, namespace))
    api.create("Secret", namespace, {
        "apiVersion": "v1", "kind": "Secret", "data": secret["data"],
        "metadata": {"name": "demo-credentials", "labels": secret["metadata"]["labels"]}})
    resources.wait_condition("Stalled", "False")
    settled()
    search(values, texts(api, operator, resources, namespace))
    operator.stop()
    search(values, {"log": open(operator.log).read()})


def test_render_prints_given_values_in_the_secret_alone(tmp_path):
    values = {key: key.replace("-", "") * 5 for key in values_of_render()}
    given = tmp_path / "credentials.yaml"
    given.write_text(yaml.safe_dump(values))
    documents = [d for d in yaml.safe_load_all(rendered("--credentials", str(given))) if d]
    secrets = [d for d in documents if d["kind"] == "Secret"]
    assert seen(values, json.dumps(secrets)) == sorted(values), "they are found there"
    assert not seen(values, json.dumps([d for d in documents if d["kind"] != "Secret"]))
    assert not seen(values, rendered("--credentials", str(given), "--effective"))


def values_of_render():
    documents = yaml.safe_load_all(rendered())
    secret, = [d for d in documents if d and d["kind"] == "Secret"]
    keys = set(secret["data"]) - NAMES
    assert all(secret["data"][key] == "<generated>" for key in keys), "none is invented"
    return sorted(keys)


def rendered(*arguments):
    command = [os.environ["OPERATOR"], "render", "-f", str(ROOT / "manifests/samples/production.yaml")]
    return subprocess.run([*command, *arguments], check=True, text=True, capture_output=True,
                          timeout=60).stdout
