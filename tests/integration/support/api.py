"""A plain client of the API server: one call, one request, JSON in and out."""
import http.client
import json
import ssl
import threading
import urllib.parse

import yaml

PATHS = {
    "EntityService": "apis/entityservice.io/v1alpha1/{ns}entityservices",
    "Namespace": "api/v1/namespaces",
    "Service": "api/v1/{ns}services",
    "ConfigMap": "api/v1/{ns}configmaps",
    "Secret": "api/v1/{ns}secrets",
    "ServiceAccount": "api/v1/{ns}serviceaccounts",
    "PersistentVolumeClaim": "api/v1/{ns}persistentvolumeclaims",
    "Pod": "api/v1/{ns}pods",
    "Event": "api/v1/{ns}events",
    "Deployment": "apis/apps/v1/{ns}deployments",
    "StatefulSet": "apis/apps/v1/{ns}statefulsets",
    "ReplicaSet": "apis/apps/v1/{ns}replicasets",
    "Job": "apis/batch/v1/{ns}jobs",
    "PodDisruptionBudget": "apis/policy/v1/{ns}poddisruptionbudgets",
    "NetworkPolicy": "apis/networking.k8s.io/v1/{ns}networkpolicies",
    "StorageClass": "apis/storage.k8s.io/v1/storageclasses",
    "Lease": "apis/coordination.k8s.io/v1/{ns}leases",
    "Stage": "apis/kwok.x-k8s.io/v1alpha1/stages",
    "SubjectAccessReview": "apis/authorization.k8s.io/v1/subjectaccessreviews",
}

# What the operator makes of a resource.
CHILD_KINDS = ["ServiceAccount", "Secret", "ConfigMap", "Service", "NetworkPolicy", "StatefulSet",
               "Deployment", "Job", "PodDisruptionBudget"]

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


class ApiError(Exception):
    def __init__(self, code, body):
        super().__init__(f"{code}: {body}")
        self.code = code
        self.body = body


class Api:
    """Thread-safe: a connection for each thread."""

    def __init__(self, kubeconfig):
        config = yaml.safe_load(open(kubeconfig))
        cluster = config["clusters"][0]["cluster"]
        user = config["users"][0]["user"]
        self.context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self.context.load_cert_chain(user["client-certificate"], user["client-key"])
        self.address = urllib.parse.urlparse(cluster["server"]).netloc
        self.local = threading.local()

    def request(self, method, path, body=None, content_type="application/json", user_agent="tests"):
        data = None if body is None else json.dumps(body)
        headers = {"Content-Type": content_type, "Accept": "application/json", "User-Agent": user_agent}
        for attempt in (1, 2):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = http.client.HTTPSConnection(self.address, context=self.context, timeout=30)
                self.local.connection = connection
            try:
                connection.request(method, "/" + path, data, headers)
                answer = connection.getresponse()
                text = answer.read().decode()
                break
            except (http.client.HTTPException, OSError):
                self.local.connection = None
                if attempt == 2:
                    raise
        if answer.status >= 300:
            raise ApiError(answer.status, text)
        return json.loads(text) if text.startswith("{") else text

    @staticmethod
    def path(kind, namespace=None, name=None, subresource=None, query=None):
        path = PATHS[kind].format(ns=f"namespaces/{namespace}/" if namespace else "")
        for part in (name, subresource):
            path += f"/{part}" if part else ""
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def get(self, kind, namespace, name):
        return self.request("GET", self.path(kind, namespace, name))

    def find(self, kind, namespace, name):
        try:
            return self.get(kind, namespace, name)
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, kind, namespace=None, labels=None):
        query = {"labelSelector": labels} if labels else None
        items = self.request("GET", self.path(kind, namespace, query=query))["items"]
        return [dict(item, kind=kind) for item in items]

    def create(self, kind, namespace, body, query=None):
        return self.request("POST", self.path(kind, namespace, query=query), body)

    def merge(self, kind, namespace, name, body, subresource=None, manager="tests"):
        path = self.path(kind, namespace, name, subresource, {"fieldManager": manager})
        return self.request("PATCH", path, body, MERGE)

    def apply(self, body, manager="tests", force=True):
        meta = body["metadata"]
        query = {"fieldManager": manager, "force": str(force).lower()}
        return self.request(
            "PATCH", self.path(body["kind"], meta.get("namespace"), meta["name"], query=query), body, APPLY)

    def delete(self, kind, namespace, name, propagation="Background"):
        try:
            return self.request("DELETE", self.path(kind, namespace, name),
                                {"propagationPolicy": propagation})
        except ApiError as error:
            if error.code != 404:
                raise
            return None

    def children(self, namespace, name, kinds=None):
        label = f"entityservice.io/resource={name}"
        return [item for kind in kinds or CHILD_KINDS for item in self.list(kind, namespace, label)]
