"""./dev cluster up|down|env|status [--name NAME] [--state DIR]; up also takes --die-with PID."""
import argparse
import os
import pathlib
import shlex
import sys
import time

import cluster
import processes

ROOT = cluster.HERE.parent.parent


def up(state, die_with):
    found = cluster.running(state)
    if found:
        print(f"the cluster already runs: {found.server}")
        return
    began = time.monotonic()
    started = cluster.start(state, die_with)
    print(f"cluster started in {time.monotonic() - began:.1f} s: {started.server}, "
          f"kubeconfig {started.kubeconfig}")


def env(state):
    found = cluster.running(state)
    if not found:
        sys.exit("no cluster runs here; start one: ./dev cluster up")
    print(f"export KUBECONFIG={shlex.quote(str(found.kubeconfig))}")
    path = os.environ.get("PATH", "")
    if str(found.binaries) not in path.split(":"):
        path = f"{found.binaries}:{path}"
    print(f"export PATH={shlex.quote(path)}")


def status(state):
    found = cluster.running(state)
    if not found:
        sys.exit("no cluster runs here")
    print(f"server      {found.server}\nkubeconfig  {found.kubeconfig}")
    for name in cluster.programs_of(state):
        print(f"{name:24} {found.pid(name) or 'stopped'}")
    operator = pathlib.Path(state) / "operator.identity"
    if operator.exists():
        known = operator.read_text().strip()
        print(f"{'operator':24} {known.partition('-')[0] if processes.alive(known) else 'ended'}")


def main():
    parser = argparse.ArgumentParser(prog="./dev cluster", description=__doc__)
    parser.add_argument("action", choices=["up", "down", "env", "status"])
    parser.add_argument("--name", help="another cluster beside the default one")
    parser.add_argument("--state", help="its folder (default build/cluster, or build/clusters/NAME)")
    parser.add_argument("--die-with", type=int, metavar="PID", help="end with this process")
    given = parser.parse_args()
    state = given.state or ROOT / "build" / (f"clusters/{given.name}" if given.name else "cluster")
    if given.action == "up":
        up(state, given.die_with)
    elif given.action == "down":
        cluster.stop(state)
        print("nothing is left running")
    else:
        {"env": env, "status": status}[given.action](state)


if __name__ == "__main__":
    try:
        main()
    except cluster.ClusterError as error:
        sys.exit(f"error: {error}")
