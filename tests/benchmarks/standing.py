"""Many resources in step: what it costs to find them so, to keep them, and to be told nothing new."""
import json
import statistics
import subprocess
import time

import counting
import machine
import ratios

ROUNDS = 10
METADATA = ("application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json")
# What the operator streams at its start: path, Accept, label selector.
LISTS = ("apis/apps/v1/deployments", "apis/apps/v1/statefulsets", "apis/batch/v1/jobs",
         "api/v1/services", "api/v1/configmaps", "api/v1/serviceaccounts",
         "apis/policy/v1/poddisruptionbudgets", "apis/networking.k8s.io/v1/networkpolicies",
         "api/v1/persistentvolumeclaims", "api/v1/pods")


def populate(plane, contender, namespace, number, tell):
    """Lets the contender make them, with pods; memory of the process that did."""
    with contender.start(plane) as running:
        running.wait_ready()
        with plane.play(contender, namespace, "--pods") as player:
            player.wait_line("watching")
            plane.make(contender, namespace, number)
            tell(f"{number} resources are asked for")
            counting.wait_ready(plane, contender, namespace, 3600, number)
            running.wait_idle()
        tell(f"{number} resources are Ready")
        return running.memory()


def lists(contender):
    plain = [["/" + path, "application/json", contender.label] for path in LISTS]
    return plain + [["/api/v1/secrets", METADATA, contender.label],
                    ["/api/v1/namespaces", METADATA, ""],
                    [f"/{contender.collection}/{contender.plural}", "application/json", ""]]


def drain(plane, contender):
    """Streaming the same lists into nothing."""
    file = plane.folder / "lists.json"
    file.write_text(json.dumps(lists(contender)))
    server = plane.server_cpu()
    began = time.monotonic()
    tool = plane.tool("drain", "--requests", file)
    line = tool.wait_line("drained", 300)
    tool.end()
    return {"seconds": line["t"] - began, "bytes": line["drained"],
            "server_cpu_s": plane.server_cpu() - server, "load": machine.load()}


def cold_start(plane, contender, quiet=2.0):
    """From exec until it has nothing more to do."""
    mark, server = plane.audit.mark(), plane.server_cpu()
    with contender.start(plane) as running:
        synced = running.wait_ready()
        idle = running.wait_idle(quiet)
        result = {"synced_s": synced - running.began, "seconds": idle - running.began,
                  "cpu_s": running.cpu(), "server_cpu_s": plane.server_cpu() - server,
                  "memory": running.memory(), "load": machine.load(),
                  "requests": dict(counting.count(plane, contender, mark))}
    return result


def cold_starts(plane, contender, number, tell):
    measures = {"drain": drain, "drain again": drain, "contender": cold_start}
    return ratios.blocks(lambda who: measures[who](plane, contender), list(measures), number, tell)


def compare(found):
    kept = ratios.discard_odd(found, lambda block: block["drain"]["seconds"])

    def ratio(who):
        return ratios.median_interval([block[who]["seconds"] / block["drain"]["seconds"]
                                       for block in kept])

    def middle(who, name):
        return statistics.median(block[who][name] for block in kept)
    return {"blocks": len(found), "kept": len(kept), "time": ratio("contender"),
            "control": ratio("drain again"), "drain_s": middle("drain", "seconds"),
            "seconds": middle("contender", "seconds"), "synced_s": middle("contender", "synced_s"),
            "cpu_s": middle("contender", "cpu_s"), "megabytes": middle("drain", "bytes") / 1e6,
            "writes": max(block["contender"]["requests"].get(kind, 0) for block in kept
                          for kind in ("write", "status", "event")),
            "requests": kept[0]["contender"]["requests"],
            "pss": middle_memory(kept, "pss"), "peak": middle_memory(kept, "peak"),
            "load": middle("contender", "load")}


def middle_memory(found, name):
    return statistics.median(block["contender"]["memory"][name] for block in found)


def no_op_storm(plane, contender, namespace, rounds):
    """A label that means nothing changes on every resource: processor time and requests of each."""
    with contender.start(plane) as running:
        running.wait_ready()
        running.wait_idle()
        mark, used, number = plane.audit.mark(), running.cpu(), 0
        for value in range(rounds):
            number += counting.touch(plane, contender, namespace, str(value + time.time()))
        running.wait_idle()
        requests = dict(counting.count(plane, contender, mark))
        return {"passes": number, "cpu_us": (running.cpu() - used) / number * 1e6,
                "requests": requests, "load": machine.load(), "memory": running.memory()}


def passes(plane, rounds=ROUNDS):
    """Passes alone, within one process."""
    program = plane_program("pass_bench")
    told = subprocess.run([program, "--kubeconfig", plane.cluster.kubeconfig, "--rounds",
                           str(rounds)], check=True, capture_output=True, text=True).stdout
    result = {}
    for line in told.splitlines():
        result.update(json.loads(line))
    return result


def plane_program(name):
    import contender
    return contender.ROOT / "build/bin" / name


def api_server_restart(plane, contender, namespace):
    """How soon after the API server is back a wrong field is put right, and with how many writes."""
    with contender.start(plane) as running:
        running.wait_ready()
        running.wait_idle()
        name = counting.services(plane, contender, namespace)[0]
        plane.cluster.stop_program("kube-apiserver")
        plane.cluster.start_program("kube-apiserver")  # returns when it is ready
        mark, ready = plane.audit.mark(), time.monotonic()
        selector = plane.api.get("Service", namespace, name)["spec"]["selector"]
        plane.api.merge("Service", namespace, name,
                        {"spec": {"selector": {next(iter(selector)): "wrong"}}})
        while plane.api.get("Service", namespace, name)["spec"]["selector"] != selector:
            if time.monotonic() - ready > 120:
                raise RuntimeError("nothing was put right")
            time.sleep(0.02)
        recovered = time.monotonic() - ready
        running.wait_idle()
        return {"seconds": recovered, "memory": running.memory(), "load": machine.load(),
                "requests": dict(counting.count(plane, contender, mark))}
