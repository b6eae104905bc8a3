"""./dev bench NAME…: measures operators on a control plane of its own. (`client` is a program of
its own: the API client beside watches and a bulk stream.)

  requests   requests of a create, a repair, a pass with nothing to do, and of idling
  waves      resources one after the other: the time of each wave of objects, against the floor
  burst      resources all at once: objects a second, against the floor
  standing   many resources in step: cold start, memory, passes with nothing to do, idling,
             an API server that restarts
  report     writes docs/performance.md anew from what was measured

The floor is a bare client that sends the same objects in the same waves. Ratios are of one block of
measurements; blocks are shuffled, and medians are told with their 95 % interval.
"""
import argparse
import json
import pathlib
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "control-plane"), str(HERE.parent / "tools")]

import bursts  # noqa: E402
import counting  # noqa: E402
import machine  # noqa: E402
import plane as planes  # noqa: E402
import report  # noqa: E402
import standing  # noqa: E402
from contender import Contender  # noqa: E402

ROOT = HERE.parents[1]
FOLDER = ROOT / "build/bench"
PARALLEL = (1, 2, 4, 8, 16, 32)


class Sizes:
    """How much is measured; --quick shows only that all of it works."""

    def __init__(self, quick, resources, blocks):
        self.creates = 2 if quick else 10
        self.quiet = 2 if quick else 4
        self.singles = 2 if quick else 5
        self.bursts = (4,) if quick else (50, 200)
        self.blocks = blocks or (1 if quick else 9)
        self.parallel = (1, 8) if quick else PARALLEL
        self.resources = resources or (10 if quick else 1000)
        self.idle_seconds = 10 if quick else 120
        self.rounds = 2 if quick else 10


def tell(text):
    print(f"{time.strftime('%H:%M:%S')} load {machine.load():.1f}  {text}", file=sys.stderr,
          flush=True)


def requests(plane, contender, sizes):
    result = counting.create(plane, contender, sizes.creates, sizes.quiet)
    with contender.start(plane) as running:
        running.wait_ready()
        running.wait_idle()
        result["idle"] = counting.idle(plane, contender, running, sizes.idle_seconds)
    return result


def waves(plane, contender, sizes):
    plan = bursts.record(plane, contender)
    found = bursts.against_the_floor(
        lambda who: bursts.singles(plane, contender, plan, who, sizes.singles), sizes.blocks, tell)
    return {**bursts.compare(found), "waves": bursts.compare_waves(found),
            "objects": [len(wave) for wave in plan["waves"]]}


def burst(plane, contender, sizes):
    plan = bursts.record(plane, contender)
    widths = {}
    for parallel in sizes.parallel:
        widths[parallel] = bursts.burst(plane, contender, plan, "floor", sizes.bursts[0],
                                        parallel)["per_second"]
        tell(f"the floor with {parallel} requests at once: {widths[parallel]:.0f} objects/s")
    best = max(widths, key=widths.get)
    result = {"widths": widths, "best": best}
    for number in sizes.bursts:
        blocks = sizes.blocks if number < 100 else max(1, sizes.blocks // 3)
        found = bursts.against_the_floor(
            lambda who, number=number: bursts.burst(plane, contender, plan, who, number, best),
            blocks, tell)
        ours = [block["contender"] for block in found]
        result[str(number)] = {**bursts.compare(found), "requests": ours[-1]["requests"],
                               "cpu_s": ours[-1]["cpu_s"],
                               "server_cpu_s": ours[-1]["server_cpu_s"],
                               "floor_server_cpu_s": found[-1]["floor"]["server_cpu_s"],
                               "ready_s": ours[-1]["ready_s"]}
    return result


def many(plane, contender, sizes):
    result = {"resources": sizes.resources}
    with plane.namespace(contender) as namespace:
        result["making"] = standing.populate(plane, contender, namespace, sizes.resources, tell)
        result["cold"] = standing.compare(
            standing.cold_starts(plane, contender, sizes.blocks, tell))
        tell(f"cold start: {result['cold']}")
        result["passes"] = standing.passes(plane)
        result["storm"] = standing.no_op_storm(plane, contender, namespace, sizes.rounds)
        tell(f"passes with nothing to do: {result['passes']}, {result['storm']}")
        with contender.start(plane) as running:
            running.wait_ready()
            running.wait_idle()
            result["idle"] = counting.idle(plane, contender, running, sizes.idle_seconds)
            result["memory"] = running.memory()
        result["restart"] = standing.api_server_restart(plane, contender, namespace)
        tell(f"restart: {result['restart']}")
    return result


SCENARIOS = {"requests": requests, "waves": waves, "burst": burst, "standing": many}


def measure(names, given):
    sizes = Sizes(given.quick, given.resources, given.blocks)
    results = report.Results(FOLDER / ("quick.json" if given.quick else "results.json"))
    contenders = [Contender(file) for file in [HERE / "ours.json", *given.operator]]
    with planes.Plane(FOLDER, given.keep) as plane:
        for contender in contenders:
            plane.install(contender)
            for name in names:
                tell(f"{contender.name}: {name}")
                found = SCENARIOS[name](plane, contender, sizes)
                results.add(contender.name, name, {
                    **found, "machine": machine.facts(), "kubernetes": plane.version,
                    "ended_at_load": machine.load()})
                print(json.dumps({contender.name: {name: found}}))


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="+", choices=[*SCENARIOS, "report"], metavar="SCENARIO")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    parser.add_argument("--operator", action="append", default=[], metavar="FILE",
                        help="another operator to measure beside ours; tests/benchmarks/contender.py "
                        "says what stands in it")
    parser.add_argument("--resources", type=int, help="how many are in step (1000)")
    parser.add_argument("--blocks", type=int, help="how often everything is measured (9)")
    parser.add_argument("--keep", action="store_true", help="leave the control plane running")
    given = parser.parse_args()
    names = [name for name in given.scenario if name != "report"]
    if names:
        measure(names, given)
    if "report" in given.scenario:
        report.write(ROOT / "docs/performance.md", FOLDER / "results.json")


if __name__ == "__main__":
    main()
