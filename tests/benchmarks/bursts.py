"""Many resources at once, and one after the other: against the floor, in shuffled blocks."""
import json
import statistics
import time

import counting
import machine
import ratios
import waves

FLOOR_PARALLEL = 8


def record(plane, contender):
    """The floor's plan: the objects of one resource and their waves, as the contender made them."""
    with plane.namespace(contender) as namespace, contender.start(plane) as running:
        running.wait_ready()
        with plane.play(contender, namespace, "--delay-ms", int(waves.DELAY * 1000)) as player:
            player.wait_line("watching")
            plane.make(contender, namespace, 1)
            counting.wait_ready(plane, contender, namespace)
            time.sleep(waves.DELAY)
            uid = plane.resources(contender, namespace)[0]["metadata"]["uid"]
            found = waves.split(player.lines)
        return waves.plan_of(plane.api, namespace, "r-0000", uid, found)


class FloorRun:
    """The floor in the place of a contender."""

    def __init__(self, plane, contender, plan, namespace, parallel):
        file = plane.folder / "plan.json"
        file.write_text(json.dumps(waves.moved(plan, namespace)))
        self.tool = plane.tool("floor", "--namespace", namespace, "--plan", file, "--path",
                               "/" + contender.path(namespace), "--label", contender.label,
                               "--parallel", parallel)
        self.pid = self.tool.process.pid

    def wait_ready(self):
        self.tool.wait_line("watching")

    def cpu(self):
        return machine.precise_cpu_seconds(self.pid)

    def stop(self):
        self.tool.end()


def start(plane, contender, plan, namespace, who, parallel=FLOOR_PARALLEL):
    running = contender.start(plane) if who == "contender" else \
        FloorRun(plane, contender, plan, namespace, parallel)
    running.wait_ready()
    return running


def wait_seen(player, number, seconds):
    """When the last of so many children was seen."""
    end = time.monotonic() + seconds
    while True:
        seen = [line["t"] for line in list(player.lines) if "seen" in line]
        if len(seen) >= number:
            return max(seen)
        if time.monotonic() > end:
            raise RuntimeError(f"{len(seen)} of {number} objects were seen")
        time.sleep(0.05)


def burst(plane, contender, plan, who, resources, parallel=FLOOR_PARALLEL):
    objects = resources * sum(len(wave) for wave in plan["waves"])
    with plane.namespace(contender) as namespace:
        running = start(plane, contender, plan, namespace, who, parallel)
        try:
            with plane.play(contender, namespace) as player:
                player.wait_line("watching")
                mark, server, used = plane.audit.mark(), plane.server_cpu(), running.cpu()
                began, _ = plane.make(contender, namespace, resources)
                last = wait_seen(player, objects, 30 + resources * 2)
                result = {"seconds": last - began, "per_second": objects / (last - began),
                          "server_cpu_s": plane.server_cpu() - server,
                          "cpu_s": running.cpu() - used, "load": machine.load()}
                if who == "contender":
                    result["ready_s"] = counting.wait_ready(
                        plane, contender, namespace, 300) - began
                    result["requests"] = dict(counting.count(plane, contender, mark, namespace))
        finally:
            running.stop()
    return result


def singles(plane, contender, plan, who, resources):
    """Seconds of each wave of resources that come one after the other."""
    objects = sum(len(wave) for wave in plan["waves"])
    taken = []
    with plane.namespace(contender) as namespace:
        running = start(plane, contender, plan, namespace, who)
        try:
            with plane.play(contender, namespace) as player:
                player.wait_line("watching")
                for number in range(resources):
                    before = len([line for line in player.lines if "seen" in line])
                    began, _ = plane.make(contender, namespace, 1, first=number)
                    wait_seen(player, before + objects, 60)
                    time.sleep(1.5)  # the status of this one is written, too
                    lines = [line for line in player.lines
                             if line.get("resource") == f"r-{number:04}"]
                    taken.append(waves.durations(lines, plan, f"r-{number:04}", began))
        finally:
            running.stop()
    return {"waves": [statistics.median(times) for times in zip(*taken)],
            "seconds": statistics.median(sum(times) for times in taken), "load": machine.load()}


def against_the_floor(measure, number, tell):
    """Blocks with the floor twice and the contender once. measure("floor") or ("contender")."""
    return ratios.blocks(lambda who: measure("floor" if who == "floor again" else who),
                         ["floor", "floor again", "contender"], number, tell)


def compare(found):
    """Ratios of speed: 1 is the floor's."""
    kept = ratios.discard_odd(found, lambda block: block["floor"]["seconds"])

    def ratio(who):
        return ratios.median_interval([block["floor"]["seconds"] / block[who]["seconds"]
                                       for block in kept])
    return {"blocks": len(found), "kept": len(kept), "speed": ratio("contender"),
            "control": ratio("floor again"),
            "floor_per_second": statistics.median(
                block["floor"].get("per_second", 0) for block in kept),
            "load": statistics.median(block["floor"]["load"] for block in kept)}


def compare_waves(found):
    """For each wave the ratio of its time to the floor's."""
    kept = ratios.discard_odd(found, lambda block: block["floor"]["seconds"])
    number = len(kept[0]["floor"]["waves"])
    return [{"ratio": ratios.median_interval(
                [block["contender"]["waves"][i] / block["floor"]["waves"][i] for block in kept]),
             "control": ratios.median_interval(
                [block["floor again"]["waves"][i] / block["floor"]["waves"][i] for block in kept]),
             "floor_ms": statistics.median(block["floor"]["waves"][i] for block in kept) * 1000,
             "ms": statistics.median(block["contender"]["waves"][i] for block in kept) * 1000}
            for i in range(number)]
