"""The API server in memory of tests/faults answers as a real one: the same program, here against one."""
import os
import pathlib
import subprocess

PROGRAM = pathlib.Path(os.environ.get("OPERATOR", "")).parent / "conformance_test"


def test_the_api_server_in_memory_answers_as_a_real_one(cluster, api):
    # or there would be no version that it does not know any more
    cluster.restart_apiserver(expire_watches=True)
    environment = dict(os.environ, CONFORMANCE_KUBECONFIG=cluster.kubeconfig)
    run = subprocess.run([PROGRAM, "--gtest_brief=1"], env=environment, capture_output=True, text=True, timeout=240)
    assert run.returncode == 0, run.stdout[:6000] + run.stderr[-2000:]
    assert "[  PASSED  ]" in run.stdout
