"""The API server's certificate comes from a new authority while the operator works."""
import http.client
import shutil
import socket
import ssl
import threading
import time
import urllib.parse

import pytest

import cluster as control_plane
import faults
from conftest import Resources, come_to_rest, installed
from support.api import ApiError
from support.audit import Audit
from support.operator import Operator
from support.waiting import until

FILES_ARE_READ_AGAIN = 10  # seconds, at the latest


@pytest.fixture
def own(tmp_path):
    """A control plane whose authorities concern nobody else."""
    with control_plane.start(tmp_path / "cluster") as started:
        yield started


def accepted(cluster, authority):
    """True when a client that trusts this authority alone would speak to the API server."""
    at = urllib.parse.urlparse(cluster.server)
    context = ssl.create_default_context(cafile=authority)
    try:
        with socket.create_connection((at.hostname, at.port), timeout=10) as connection, \
                context.wrap_socket(connection, server_hostname=at.hostname):
            return True
    except ssl.SSLCertVerificationError:
        return False


class Edits:
    """A user who changes the number of workers all the time, and writes again what did not get through."""

    def __init__(self, resources):
        self.resources, self.last, self.count = resources, None, 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._edit, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        went_on = self.thread.is_alive()
        self.ended.set()
        self.thread.join(60)
        assert went_on and not self.thread.is_alive()

    def _edit(self):
        while not self.ended.is_set():
            wanted = 2 + self.count % 7
            while True:
                try:
                    self.resources.edit(replicas=wanted)
                    break
                except (OSError, http.client.HTTPException):  # the API server is away
                    time.sleep(0.2)
                except ApiError as error:  # or does not know yet who may do what
                    if error.code not in (403, 404, 429, 500, 503):
                        raise
                    time.sleep(0.2)
            self.last, self.count = wanted, self.count + 1
            self.ended.wait(0.3)


def replace(path, *authorities):
    """In one step, as whoever hands out files does."""
    fresh = path.with_suffix(".new")
    fresh.write_text("".join(one.read_text() for one in authorities))
    fresh.rename(path)


def test_an_operator_goes_on_over_a_change_of_the_api_servers_authority(own, tmp_path, request):
    """Its file of authorities has the old one, then both, then the new one alone. It leads without a
    lease: the only API server is away for longer than one lasts, each time that it restarts."""
    api = installed(own)
    api.create("Namespace", None, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "it"}})
    old, trusted = tmp_path / "old.crt", tmp_path / "trusted.crt"
    shutil.copy(own.pki / "ca.crt", old)
    shutil.copy(old, trusted)
    operator = Operator(own, api, str(tmp_path), ca=str(trusted))
    request.addfinalizer(lambda: operator.stop(kill=True))  # also when the test fails
    process = operator.start("--leader-elect=false").process
    resources = Resources(api, "it")
    resources.ready()

    def in_step(edits):
        def replicas():
            return resources.child("Deployment", "demo-worker")["spec"]["replicas"]
        assert edits.count > 10
        until(lambda: replicas() == edits.last, 45, f"{edits.last} workers, after {edits.count} edits")
        resources.wait_ready()
        assert process.poll() is None, operator.tail()

    def trust_both(new):
        api.context.load_verify_locations(new)
        replace(trusted, old, new)
        time.sleep(FILES_ARE_READ_AGAIN + 2)

    with Edits(resources) as edits:
        new = faults.renew_certificate(own, trust_both)
        assert accepted(own, new) and not accepted(own, old)
        until(operator.is_ready, 60, "the operator has connected anew")
        time.sleep(3)
    in_step(edits)

    with Edits(resources) as edits:
        replace(trusted, new)
        time.sleep(FILES_ARE_READ_AGAIN + 2)
        own.restart_apiserver()  # so that all connections are made anew
        until(operator.is_ready, 60, "the operator has connected anew")
        time.sleep(3)
    in_step(edits)

    assert "certificate" not in open(operator.log).read(), "it was trusted all the time"
    audit = Audit(own.audit_log)
    come_to_rest(audit, "it", quiet=6)  # what is only told may wait for 5 s
    operator.stop()
    mark = audit.mark()
    operator.start("--leader-elect=false")
    time.sleep(5)
    assert not audit.writes(mark, "it"), "the one before has left nothing to do"
