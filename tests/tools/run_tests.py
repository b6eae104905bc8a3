"""run_tests.py [TIER...]: builds what the tiers need, runs them, counts.

The last line is 'N passed, N failed'. What crashes, times out, cannot be built or runs no test at
all counts as failed: silence is never success.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import threading
import time

import sanitizers
import tiers

import cluster  # from tests/control-plane, which tiers adds to the path

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = ROOT / "tests"
BUILD = ROOT / "build" / "asan"

# What each tier needs built, and how long it may take in all.
NEEDS = {
    "unit": ["operator"],
    "stress": ["operator"],
    "tsan": ["threads"],
    "tools": ["operator", "release", "control plane"],
    "configuration": ["operator", "object store"],
    "integration": ["operator", "control plane"],
    "nodes": ["control plane", "real nodes"],
    "e2e": ["image", "control plane", "real nodes"],
    "application": ["operator", "object store", "application"],
}
# Where a tier's tests are, when not in the folder of its name.
FOLDERS = {"nodes": "real-nodes", "application": "e2e/app/tests"}
# In this order there is least to wait for what is built meanwhile.
DEFAULT = ["unit", "configuration", "integration", "tools"]
# They wait more than they compute, and each process of theirs has clusters or a network of its own.
SHARED = {"tools", "configuration", "integration"}
AT_ONCE = min(4, os.cpu_count())
# Judges what the others of its tier left behind.
LAST = {"integration": ["test_permissions.py"]}
# One runs long, the other makes network namespaces and waits for deadlines.
STRESS = ["transport_stress_test", "dead_peer_test"]
# What threads share: queue, store, watcher, transport.
CONCURRENT = ["k8s_client_test", "operator_test", *STRESS]
SECONDS = {"tools": 600, "configuration": 900, "integration": 1800, "nodes": 900, "e2e": 7200,
           "application": 5400}
SECONDS_PER_PROGRAM = 7200 if "LONG_TESTS" in os.environ else 300
SLOWER_WITH_TSAN = 4


def script(*arguments):
    def build():
        return subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True).stdout
    return build


def control_plane():
    """Of the Kubernetes version that cluster.start will take."""
    return str(cluster.binaries())


BUILDERS = {
    "control plane": control_plane,
    "object store": script(TESTS / "object-store/build.sh"),
    "operator": script(TESTS / "tools/build.sh", "asan"),
    "application": script(TESTS / "e2e/app/build.sh"),
    # What the demo runs: optimized, the compiler warns of other things.
    "release": script(TESTS / "tools/build.sh", "release"),
    "real nodes": script(TESTS / "real-nodes/build.sh"),
    "image": script(TESTS / "tools/image.sh"),
    "threads": script(TESTS / "tools/build.sh", "tsan", *CONCURRENT),
}


class Builds:
    """Builds what the tiers need, in their order. What the first does not need is built while it and
    the others run, and yields the processor to them. `output_of` is for one thread."""

    def __init__(self, chosen):
        names = dict.fromkeys(need for tier in chosen for need in NEEDS[tier])
        self._outputs, self._over = {}, {name: threading.Event() for name in names}
        threading.Thread(target=self._build_all, args=[NEEDS[chosen[0]]], daemon=True).start()

    def _build_all(self, at_once):
        for name, over in self._over.items():
            if name not in at_once:
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)  # its children, too
            try:
                self._outputs[name] = BUILDERS[name]()
            except Exception as error:  # else the others would be waited for in vain
                print(f"{name}: {error}", file=sys.stderr, flush=True)
            over.set()

    def output_of(self, name):
        """What its script printed, once it is over; None when it failed."""
        self._over[name].wait()
        return self._outputs.get(name)


def run(tier, builds, only):
    built = {need: builds.output_of(need) for need in NEEDS[tier]}
    lacking = [need for need, output in built.items() if output is None]
    if lacking:
        return tiers.Result(tier).fail(tier, f"could not be built: {', '.join(lacking)}")
    if "object store" in built:
        os.environ["OBJECT_STORE_BIN"] = built["object store"].strip()
    began = time.monotonic()
    logs = ROOT / "build" / "test-results" / tier
    reports = logs.with_name(f"{tier}-sanitizers")
    # The integration tests look for them in the same code, and wait more than they compute.
    os.environ.update(sanitizers.environment(reports, uses_after_return=tier != "unit"))
    if tier == "unit":
        result = tiers.run_programs(tier, BUILD / "bin", logs, SECONDS_PER_PROGRAM, without=STRESS)
    elif tier == "stress":
        result = tiers.run_programs(tier, BUILD / "bin", logs, SECONDS_PER_PROGRAM, names=STRESS)
    elif tier == "tsan":
        os.environ["TSAN_OPTIONS"] = f"suppressions={TESTS / 'tools/tsan.supp'}"
        # The sanitizer's shadow memory is where some kernels would put the program itself.
        result = tiers.run_programs(tier, ROOT / "build/tsan/bin", logs,
                                    SECONDS_PER_PROGRAM * SLOWER_WITH_TSAN,
                                    names=CONCURRENT, prefix=["setarch", "-R"])
    else:
        os.environ["AUDIT_LOGS"] = str(logs / "audit")
        result = tiers.run_pytest(tier, TESTS / FOLDERS.get(tier, tier), logs, SECONDS[tier], only,
                                  AT_ONCE if tier in SHARED else 1, LAST.get(tier, ()))
    for name, text in sanitizers.reports(reports):
        result.fail(name, text)
    result.seconds = time.monotonic() - began
    return result


def main():
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__)
    parser.add_argument("tier", nargs="*", help=", ".join(NEEDS))
    parser.add_argument("--all", action="store_true", help="every tier, also those that are left out else")
    parser.add_argument("--kubernetes", metavar="VERSION",
                        help="run on another Kubernetes of versions.env, such as 1.33")
    parser.add_argument("--only", nargs="*", default=[], metavar="TEST",
                        help="of the tier's tests these, as pytest names them: FILE or FILE::TEST")
    given = parser.parse_args()
    if given.only and len(given.tier) != 1:
        parser.error("--only is for one tier")
    if given.all and given.tier:
        parser.error("--all is every tier: name none, or leave it out")
    chosen = given.tier or (list(NEEDS) if given.all else DEFAULT)
    if given.kubernetes:
        os.environ["KUBERNETES"] = given.kubernetes  # every cluster that is started below
    for tier in chosen:
        if tier not in NEEDS:
            parser.error(f"no tier {tier}; there are {', '.join(NEEDS)}")
    os.environ.setdefault("OPERATOR", str(BUILD / "bin/entityservice-operator"))
    builds = Builds(chosen)
    results = []
    for tier in chosen:
        result = run(tier, builds, given.only)
        results.append(result)
        result.show_failures()
    sys.exit(tiers.summarise(results))


if __name__ == "__main__":
    main()
