"""What `entityservice-operator render` prints for a sample."""
import base64
import json
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPERATOR = os.environ.get("OPERATOR", str(ROOT / "build/bin/entityservice-operator"))

CREDENTIALS = {
    key: f"{number:02d}" + key.replace("-", "")[:30].ljust(30, "x")
    for number, key in enumerate([
        "postgres-password", "database-password", "redis-password",
        "objectstore-root-access-key", "objectstore-root-secret-key",
        "objectstore-app-access-key", "objectstore-app-secret-key",
        "objectstore-upload-access-key", "objectstore-upload-secret-key",
        "objectstore-download-access-key", "objectstore-download-secret-key", "hash-key"])
}
CREDENTIALS["database-user"] = "anonlink_a"

REDIS_ADDRESSES = ["10.96.0.11", "10.96.0.12", "10.96.0.13"]


class Objects:
    def __init__(self, documents):
        self.documents = documents

    def find(self, kind, ending=""):
        """The only object of the kind whose name ends so."""
        found = [document for document in self.documents
                 if document["kind"] == kind and document["metadata"]["name"].endswith(ending)]
        assert len(found) == 1, f"{len(found)} objects {kind} *{ending}"
        return found[0]

    def get(self, kind, name):
        for document in self.documents:
            if (document["kind"], document["metadata"]["name"]) == (kind, name):
                return document
        raise KeyError(f"{kind} {name} is not rendered")

    def job(self, part):
        found = [document for document in self.documents
                 if document["kind"] == "Job" and part in document["metadata"]["name"]]
        assert len(found) == 1, f"{len(found)} Jobs *{part}*"
        return found[0]

    def config(self, name):
        return self.get("ConfigMap", name)["data"]

    def secret(self, name):
        document = self.get("Secret", name)
        return {key: base64.b64decode(value).decode() for key, value in document["data"].items()}


def render(sample, folder, *arguments, change=None):
    """`change` edits the sample's document first: the spec is the user's, the objects are not."""
    with open(ROOT / "manifests/samples" / f"{sample}.yaml", encoding="utf-8") as file:
        documents = list(yaml.safe_load_all(file))
    resource = next(one for one in documents if one and one["kind"] == "EntityService")
    resource["metadata"].setdefault("uid", "0f5d7f6e-3c2a-4b1d-9e8f-000000000001")
    if change:
        change(resource)
    source, credentials = folder / "resource.yaml", folder / "credentials.json"
    source.write_text(yaml.safe_dump(resource))
    credentials.write_text(json.dumps(CREDENTIALS))
    printed = subprocess.run(
        [OPERATOR, "render", "-f", source, "--credentials", credentials,
         "--redis-addresses", ",".join(REDIS_ADDRESSES), *arguments],
        stdout=subprocess.PIPE, check=True, text=True).stdout
    return Objects([document for document in yaml.safe_load_all(printed) if document])
