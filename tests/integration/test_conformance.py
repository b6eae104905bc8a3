"""The API server in memory of tests/faults answers as a real one: the same program, here against one."""
import os
import pathlib
import subprocess

import cluster as control_plane
from conftest import installed

PROGRAM = pathlib.Path(os.environ.get("OPERATOR", "")).parent / "conformance_test"


def test_the_api_server_in_memory_answers_as_a_real_one(tmp_path):
    with control_plane.start(tmp_path / "cluster") as own:
        installed(own)
        # or there would be no version that it does not know any more
        own.restart_apiserver(expire_watches=True)
        run = subprocess.run([PROGRAM, "--gtest_brief=1"], capture_output=True, text=True, timeout=240,
                             env=dict(os.environ, CONFORMANCE_KUBECONFIG=own.kubeconfig))
    assert run.returncode == 0, run.stdout[:6000] + run.stderr[-2000:]
    assert "[  PASSED  ]" in run.stdout
