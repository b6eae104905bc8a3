import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import network  # noqa: E402
import redis_set  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def own_network():
    try:
        network.enter()
    except network.namespaces.Refused as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def redis(tmp_path):
    three = redis_set.Set(tmp_path)
    tmp_path.chmod(0o755)
    try:
        yield three.start()
    finally:
        print("\n".join(pod.logs() for pod in three.pods.values()))
        three.kill()
