import pathlib
import subprocess
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
TESTS = HERE.parents[2]
sys.path[:0] = [str(HERE), str(HERE.parents[1]), str(TESTS / "tools"), str(TESTS / "configuration")]
import namespaces  # noqa: E402
import services  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def own_network(tmp_path_factory):
    """The application fixes the ports, so each session has a loopback, and names, of its own."""
    for script in (services.STORE, services.APPLICATION):
        services.built(script)
    try:
        namespaces.enter(namespaces.NETWORK | namespaces.MOUNTS)
    except namespaces.Refused as error:
        pytest.fail(str(error), pytrace=False)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    hosts = tmp_path_factory.mktemp("names") / "hosts"
    hosts.write_text("127.0.0.1 localhost\n" + "".join(
        "{} {}\n".format(address, services.REDIS_NAME) for address in services.REDIS_ADDRESSES))
    subprocess.run(["mount", "--bind", hosts, "/etc/hosts"], check=True)


@pytest.fixture(scope="session")
def stores(own_network):
    """Postgres and the object store, for all tests."""
    with services.folder() as path, services.Stores(path) as running:
        yield running
