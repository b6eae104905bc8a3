"""Postgres with the rendered parameters, roles, initialisation and probes.

Debian's server stands in for the image's, and image/docker-entrypoint.sh for its entrypoint.
"""
import contextlib
import os
import pathlib
import signal
import subprocess
import tempfile

import pytest

import network
import rendered
from pod import Pod, eventually

ADDRESS, SHARED_ADDRESS, NEXT_ADDRESS = "10.96.0.21", "10.96.0.22", "10.96.0.23"
PSQL = "/usr/lib/postgresql/15/bin/psql"
PASSWORD = rendered.CREDENTIALS["database-password"]
ROOT = {"user": "postgres", "password": rendered.CREDENTIALS["postgres-password"]}


class Server:
    def __init__(self, folder, address):
        folder.chmod(0o755)
        self.folder, self.address = folder, address
        self.objects = rendered.render("production", folder, change=self._tune)
        self.pod = None

    @staticmethod
    def _tune(resource):
        resource["spec"]["database"]["managed"]["parameters"] = {
            "work_mem": "7MB", "log_line_prefix": "it's %m "}

    def start(self):
        self.pod = self.new_pod(self.address, "pods")
        return self

    def new_pod(self, address, folder):
        return Pod(self.objects, self.objects.find("StatefulSet", "-postgres"), "demo-postgres-0",
                   address, self.folder / "claims", self.folder / folder).start()

    def container(self):
        return self.pod.containers["postgres"]

    def await_ready(self):
        eventually(lambda: self.container().probe("startupProbe") and self.pod.ready(), 60, "ready")
        return self

    def query(self, sql, user="anonlink_a", password=PASSWORD, database="anonlink"):
        return subprocess.run(
            [PSQL, "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", self.address, "-U", user,
             "-d", database, "-c", sql],
            env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True, timeout=20)

    def value(self, sql, **arguments):
        result = self.query(sql, **arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()


@contextlib.contextmanager
def running(folder, address):
    one = Server(folder, address)
    try:
        yield one.start()
    finally:
        print(one.pod.logs())
        one.pod.kill()


@pytest.fixture
def server(tmp_path):
    """One that the test may harm."""
    with running(tmp_path, ADDRESS) as one:
        yield one


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with running(tmp_path_factory.mktemp("postgres"), SHARED_ADDRESS) as one:
        yield one.await_ready()


def test_the_application_finds_its_database_and_its_roles(shared):
    assert shared.pod.alive()
    shared.value("CREATE TABLE made (id int)")
    # what a login role makes belongs to the role that it becomes, so another can take over
    assert shared.value("SELECT tableowner FROM pg_tables WHERE tablename = 'made'") == "anonlink"
    assert shared.value("SELECT session_user, current_user") == "anonlink_a|anonlink"
    roles = shared.value("SELECT rolname, rolcanlogin, rolsuper, rolcreatedb, rolcreaterole"
                         " FROM pg_roles WHERE rolname LIKE 'anonlink%' ORDER BY 1")
    assert roles == "anonlink|f|f|f|f\nanonlink_a|t|f|f|f"
    assert shared.value("SELECT pg_get_userbyid(datdba) FROM pg_database"
                        " WHERE datname = current_database()") == "anonlink"
    assert shared.value("SELECT current_user", **ROOT) == "postgres"


def test_a_wrong_password_and_a_missing_one_are_refused(shared):
    refused = shared.query("SELECT 1", password="wrong")
    assert refused.returncode != 0 and "password authentication failed" in refused.stderr
    refused = shared.query("SELECT 1", user="anonlink")
    assert refused.returncode != 0 and "password authentication failed" in refused.stderr


def test_the_parameters_are_in_force(shared):
    expected = {
        "max_connections": "400", "shared_buffers": "512MB", "work_mem": "7MB",
        "log_line_prefix": "it's %m", "listen_addresses": "*", "hba_file": "/etc/postgresql/pg_hba.conf",
        "password_encryption": "scram-sha-256", "data_checksums": "on", "server_encoding": "UTF8",
        "lc_collate": "C.UTF-8", "TimeZone": "UTC"}
    assert {name: shared.value(f"SHOW {name}", **ROOT) for name in expected} == expected


def test_a_session_whose_client_is_gone_without_a_word_ends_with_its_locks(shared):
    shared.value("CREATE TABLE locked (id int)")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction'"
    with subprocess.Popen(["unshare", "--net", "sleep", "100"]) as node:
        inside = ["nsenter", "-t", str(node.pid), "-n"]
        eventually(lambda: os.readlink(f"/proc/{node.pid}/ns/net") != os.readlink("/proc/self/ns/net"),
                   5, "a network of its own")
        network.connect(node.pid, "10.96.7.1")
        with subprocess.Popen(
                [*inside, PSQL, "-X", "-q", "-h", shared.address, "-U", "anonlink_a", "-d", "anonlink"],
                env={**os.environ, "PGPASSWORD": PASSWORD}, stdin=subprocess.PIPE, text=True) as client:
            client.stdin.write("BEGIN; LOCK TABLE locked;\n")
            client.stdin.flush()
            eventually(lambda: shared.value(waiting, **ROOT) == "1", 10, "it has the lock")
            subprocess.run([*inside, "ip", "link", "set", "eth0", "down"], check=True)
            eventually(lambda: shared.value(waiting, **ROOT) == "0", 40, "the session has ended")
            client.kill()
        node.kill()
    shared.value("DROP TABLE locked")


def test_no_password_is_in_the_log_or_readable_by_the_login_role(shared):
    assert PASSWORD not in shared.container().log.read_text()
    assert shared.query("SELECT rolpassword FROM pg_authid").returncode != 0


def test_the_content_survives_a_stop_and_a_crash(server):
    server.await_ready()
    server.value("CREATE TABLE kept AS SELECT 7 AS number")
    assert server.container().stop(signal.SIGINT) < 20  # the image's STOPSIGNAL
    server.pod.kill()
    server.start().await_ready()
    assert server.value("SELECT number FROM kept") == "7"
    server.pod.kill()
    server.start().await_ready()
    assert server.value("SELECT number FROM kept") == "7"


@pytest.fixture
def successor(server):
    """Of a pod that was deleted by force, while its containers run on."""
    server.await_ready()
    other = server.new_pod(NEXT_ADDRESS, "next")
    try:
        eventually(lambda: "still in use" in other.logs(), 20, "it waits")
        yield other
    finally:
        print(other.logs())
        other.kill()


def test_a_server_waits_until_another_one_has_left_its_volume(server, successor):
    server.value("CREATE TABLE kept AS SELECT 7 AS number")
    assert not successor.ready() and server.pod.ready()
    assert server.container().stop(signal.SIGINT) < 20
    eventually(successor.ready, 30, "the successor is ready")
    server.address = NEXT_ADDRESS
    assert server.value("SELECT number FROM kept") == "7"


def test_a_server_begins_when_a_person_says_that_nobody_has_its_volume(server, successor):
    """Here nobody may: the other one is halted, and is killed before it goes on."""
    os.kill(server.container().main_pid(), signal.SIGSTOP)
    (server.folder / "claims/data-demo-postgres-0/postgres.in-use").unlink()
    eventually(lambda: "nobody else" in successor.logs(), 20, "it begins")
    successor.kill()
    server.pod.kill()


def own_volume(folder, path):
    """As the server's user; what it said, if it began within ten seconds."""
    library = rendered.ROOT / "reconcilers/desired/scripts/volume-lib.sh"
    return subprocess.run(
        ["/usr/bin/setpriv", "--reuid=999", "--regid=999", "--clear-groups", "/usr/bin/timeout", "10",
         "/bin/sh", "-euc", f"{library.read_text()}\nown_volume {folder} server; echo begun"],
        env={"PATH": path}, capture_output=True, text=True, timeout=20)


@pytest.fixture
def volume():
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o777)
        yield pathlib.Path(folder)


# What flock does when another one has the lock, and when nobody can say: that of util-linux, and
# that of BusyBox, whose status is the same for both.
CONFLICT = "exit 1"
UNKNOWN = ["echo 'flock: 9: No locks available' >&2; exit 71",
           "echo 'flock: Function not implemented' >&2; exit 1"]


def flock(volume, *answers):
    """A stand-in that gives the answers one after the other, the last one for ever."""
    script = "n=$(cat {0}/n 2>/dev/null || echo 0); echo $((n + 1)) >{0}/n; case $n in {1} esac\n"
    cases = [f"{n}) {answer} ;;" for n, answer in enumerate(answers)]
    cases[-1] = f"*) {answers[-1]} ;;"
    (volume / "flock").write_text("#!/bin/sh\n" + script.format(volume, " ".join(cases)))
    (volume / "flock").chmod(0o755)
    return f"{volume}:/usr/bin:/bin"


def test_a_server_without_flock_begins_all_the_same(volume):
    done = own_volume(volume, "/nowhere")
    assert done.stdout == "begun\n" and "flock" in done.stderr


def test_a_server_that_may_not_write_beside_its_data_begins_all_the_same(volume):
    volume.chmod(0o555)
    done = own_volume(volume, os.environ["PATH"])
    assert done.stdout == "begun\n" and "in-use" in done.stderr


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_a_server_on_a_file_system_without_locks_begins_all_the_same(volume, unknown):
    done = own_volume(volume, flock(volume, unknown))
    assert done.stdout == "begun\n" and done.stderr.startswith("flock")


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_a_server_that_has_seen_another_one_begins_only_when_it_is_known_to_be_gone(volume, unknown):
    done = own_volume(volume, flock(volume, CONFLICT, unknown))
    assert done.stdout == "" and "still in use" in done.stderr
    (volume / "n").unlink()
    assert own_volume(volume, flock(volume, CONFLICT, unknown, "exit 0")).stdout == "begun\n"


def test_a_server_that_waits_for_its_volume_ends_when_it_is_asked_to(server, successor):
    assert successor.containers["postgres"].stop() < 5
    assert server.pod.ready()


def test_a_crash_during_the_first_initialisation_is_begun_anew(server):
    claim = server.folder / "claims" / "data-demo-postgres-0"
    eventually(lambda: (claim / "17/docker.new/PG_VERSION").exists(), 30, "a half-made database")
    assert not server.container().probe("readinessProbe")
    server.pod.kill()
    assert not (claim / "17/docker").exists()
    server.start().await_ready()
    assert server.value("SELECT current_user") == "anonlink"
    assert not (claim / "17/docker.new").exists()


def test_the_probes_tell_a_dead_server_from_a_living_one(server):
    server.await_ready()
    postmaster = server.folder / "claims/data-demo-postgres-0/17/docker/postmaster.pid"
    assert postmaster.exists()
    server.container().kill()
    assert not server.container().probe("livenessProbe")
