import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import network  # noqa: E402


@pytest.fixture(scope="session", autouse=True)
def own_network():
    try:
        network.enter()
    except network.namespaces.Refused as error:
        pytest.fail(str(error), pytrace=False)
