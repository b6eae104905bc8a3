"""Requests of one create, of passes with nothing to do, of a repair, and of doing nothing."""
import collections
import statistics
import time

import machine

READS = ("get", "list")
# Ours and Kubernetes' common ones, by the resource of the audit log.
STATUS, EVENTS, LEASES = "status", "events", "leases"


def kind_of(event):
    """What a request counts as."""
    ref = event.get("objectRef", {})
    if ref.get("resource") == LEASES:
        return "lease"
    if event["verb"] in READS + ("watch",):
        return "watch" if event["verb"] == "watch" else "read"
    if ref.get("resource") == EVENTS:
        return "event"
    return "status" if ref.get("subresource") == STATUS else "write"


def count(plane, contender, mark, namespace=None):
    events = [event for event in plane.audit.since(mark, contender.user)
              if event["stage"] != "ResponseStarted" and
              (namespace is None or event.get("objectRef", {}).get("namespace") == namespace)]
    return collections.Counter(kind_of(event) for event in events)


def is_ready(resource):
    return any(condition["type"] == "Ready" and condition["status"] == "True"
               for condition in resource.get("status", {}).get("conditions", []))


def wait_ready(plane, contender, namespace, seconds=120, number=None):
    end = time.monotonic() + seconds
    while True:
        found = plane.resources(contender, namespace)
        if len(found) == (number or len(found)) and all(is_ready(one) for one in found):
            return time.monotonic()
        if time.monotonic() > end:
            raise RuntimeError("not all resources are Ready: " + ", ".join(
                one["metadata"]["name"] for one in found if not is_ready(one))[:300])
        time.sleep(0.5 if len(found) > 20 else 0.1)


def create(plane, contender, resources, quiet):
    """Requests for each resource, from its creation until some seconds after it is ready."""
    per_resource = []
    with plane.namespace(contender) as namespace, contender.start(plane) as running:
        running.wait_ready()
        with plane.play(contender, namespace) as player:
            player.wait_line("watching")
            for number in range(resources):
                mark = plane.audit.mark()
                plane.make(contender, namespace, 1, first=number)
                wait_ready(plane, contender, namespace)
                time.sleep(quiet)
                per_resource.append(count(plane, contender, mark, namespace))
            seen = len([line for line in player.lines if "seen" in line])
        result = {"objects": seen / resources, "create": median_of(per_resource)}
        result["drift"] = drift(plane, contender, namespace)
        result["deleted"] = deleted(plane, contender, namespace)
        result["touched"] = touched(plane, contender, namespace, resources)
    return result


def median_of(counters):
    kinds = sorted({kind for one in counters for kind in one})
    return {kind: statistics.median(one[kind] for one in counters) for kind in kinds}


def services(plane, contender, namespace):
    found = plane.api.list("Service", namespace, contender.label)
    return [one["metadata"]["name"] for one in found if one["spec"].get("selector")]


def drift(plane, contender, namespace, quiet=3):
    """Requests after somebody else has changed a field of a child."""
    name = services(plane, contender, namespace)[0]
    mark = plane.audit.mark()
    selector = plane.api.get("Service", namespace, name)["spec"]["selector"]
    wrong = {"spec": {"selector": {next(iter(selector)): "wrong"}}}
    plane.api.merge("Service", namespace, name, wrong)
    time.sleep(quiet)
    if plane.api.get("Service", namespace, name)["spec"]["selector"] != selector:
        raise RuntimeError(f"{contender.name} did not repair a Service")
    return dict(count(plane, contender, mark, namespace))


def deleted(plane, contender, namespace, quiet=3):
    name = services(plane, contender, namespace)[1]
    mark = plane.audit.mark()
    plane.api.delete("Service", namespace, name)
    time.sleep(quiet)
    if not plane.api.find("Service", namespace, name):
        raise RuntimeError(f"{contender.name} did not make a Service again")
    return dict(count(plane, contender, mark, namespace))


def touch(plane, contender, namespace, value):
    """Changes a label that means nothing on every resource; how many there are."""
    names = [one["metadata"]["name"] for one in plane.resources(contender, namespace)]
    for name in names:
        plane.api.request("PATCH", f"{contender.path(namespace)}/{name}",
                          {"metadata": {"labels": {"example.org/touched": value}}},
                          "application/merge-patch+json")
    return len(names)


def touched(plane, contender, namespace, resources, quiet=3):
    mark = plane.audit.mark()
    if touch(plane, contender, namespace, "1") != resources:
        raise RuntimeError("resources are missing")
    time.sleep(quiet)
    return dict(count(plane, contender, mark, namespace))


def idle(plane, contender, running, seconds):
    """Requests and processor time a minute."""
    mark, used = plane.audit.mark(), running.cpu()
    time.sleep(seconds)
    requests = count(plane, contender, mark)
    return {"requests": {kind: number * 60 / seconds for kind, number in requests.items()},
            "cpu_s": (running.cpu() - used) * 60 / seconds, "seconds": seconds,
            "load": machine.load()}
