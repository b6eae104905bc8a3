"""demo.py: the operator, and a service of it that links two lists of people, on a real node.

The cluster stays up.
"""
import subprocess
import sys
import time

import deployment
from linkage import Project
from people import HOSPITAL, REGISTRY, SAME, People
from rest import Api, Failed

import cluster  # of tests/control-plane, which deployment adds to the path

STATE = deployment.ROOT / "build/cluster"
SAMPLE = deployment.ROOT / "manifests/samples/minimal.yaml"
NAMESPACE = "linkage"


def say(text):
    print(text, file=sys.stderr, flush=True)


def link(address):
    """The pairs that the service finds."""
    project = Project(Api(address), People(), "groups", "a demonstration")
    say(f"two parties upload {len(HOSPITAL)} and {len(REGISTRY)} encoded records to {address}")
    project.upload_binary(0)
    project.upload_json(1)
    run = project.start()
    deadline = time.monotonic() + 120
    while (state := project.state(run)) not in ("completed", "error"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the run is still {state} after two minutes")
        time.sleep(0.5)
    if state == "error":
        raise RuntimeError("the run ended in an error: " + str(project.status(run)))
    # Each member of a group is (party, record).
    return sorted(tuple(record for _, record in sorted(group))
                  for group in project.result(run)["groups"])


def show(pairs):
    print(f"\nThe service found {len(pairs)} people in both lists, from encodings alone:\n")
    for left, right in pairs:
        one, other = (" ".join(it) for it in (HOSPITAL[left], REGISTRY[right]))
        print(f"    {one:34} = {other}")


def main():
    running = cluster.running(STATE)
    if not running:
        sys.exit("error: no cluster runs; ./dev demo --real starts it")
    say("installing the operator: kubectl apply -f manifests/install.yaml")
    deployment.install(running)
    say(f"applying {SAMPLE.relative_to(deployment.ROOT)} in namespace {NAMESPACE}")
    service = deployment.Service(running, NAMESPACE, SAMPLE)
    service.wait_ready()
    print("\nseconds after `kubectl apply`:")
    for what, seconds in service.breakdown():
        print(f"    {seconds:4.0f}  {what}")
    with service.forwarded() as address:
        pairs = link(address)
    show(pairs)
    if set(pairs) != SAME:
        sys.exit(f"error: these are the same people: {sorted(SAME)}")
    print(f"""
Cluster, operator and service stay up. To look around:
    eval "$(./dev cluster env)"
    kubectl -n {NAMESPACE} get es,pods
    kubectl -n {NAMESPACE} port-forward service/{service.name}-api 8851:80
    curl http://127.0.0.1:8851/api/v1/status
To end all of it: ./dev cluster down""")


if __name__ == "__main__":
    try:
        main()
    except (cluster.ClusterError, Failed, RuntimeError, TimeoutError) as error:
        sys.exit(f"error: {error}")
    except subprocess.CalledProcessError as error:
        sys.exit(f"error: {' '.join(map(str, error.cmd))}: {error.stderr or error.stdout}")
