"""In step there is silence: no write, and no read but the lease, the watches and a moved Secret."""
import time

from support.audit import describe

SECONDS = 60


def test_in_step_the_operator_is_silent_under_churn(operator, api, audit, resources, namespace, settled):
    resources.ready(profile="Production", redis={"managed": {"replicas": 3}})
    settled(quiet=4)
    mark = audit.mark()
    started = audit.since(mark, user=None)
    assert started is not None
    touched = {"pods": 0, "secrets": 0}
    end = time.monotonic() + SECONDS
    pods = api.list("Pod", namespace)
    round_number = 0
    while time.monotonic() < end:
        round_number += 1
        for pod in pods:
            api.merge("Pod", namespace, pod["metadata"]["name"],
                      {"status": {"message": f"churn {round_number}"}}, subresource="status")
            touched["pods"] += 1
        if round_number % 10 == 0:
            api.merge("Secret", namespace, "demo-credentials",
                      {"metadata": {"labels": {"example.org/touched": str(round_number)}}})
            touched["secrets"] += 1
        time.sleep(0.5)

    requests = audit.requests(mark)
    assert touched["pods"] > 100 and touched["secrets"] >= 3, touched
    writes = [describe(e) for e in requests if e["verb"] not in ("get", "list", "watch")]
    assert not writes, writes
    reads = [e for e in requests if e["verb"] in ("get", "list")]
    secrets = [e for e in reads if e["objectRef"]["resource"] == "secrets" and e["verb"] == "get"]
    assert len(reads) == len(secrets), [describe(e) for e in reads]
    assert 1 <= len(secrets) <= touched["secrets"]
