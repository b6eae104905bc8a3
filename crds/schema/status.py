"""`status`: written by the operator alone."""
from shapes import choice, flag, integer, items, mapping, obj, text

COUNT = 10**9


def count(description):
    return integer(description, 0, COUNT)


def time(description):
    return text(description, 64, format="date-time")


def condition():
    return obj("One concern.", {
        "type": text("Which.", 316),
        "status": choice("Whether it holds.", "True", "False", "Unknown"),
        "reason": text("Why, in one word.", 1024),
        "message": text("What is wrong, on which object, and what to do.", 32768),
        "observedGeneration": integer("The generation of the spec it speaks of.", 0, 2**53 - 1),
        "lastTransitionTime": time("Since when."),
    }, required=["type", "status", "reason", "message", "lastTransitionTime"])


def component():
    return obj("One component.", {
        "name": text("Name.", 63),
        "ready": count("Pods that are ready, or 1 for what is done."),
        "desired": count("Pods that are wanted."),
        "message": text("What it waits for; absent when it is in order.", 32768),
    }, required=["name"])


def held():
    return obj("One change.", {
        "object": text("Kind and name.", 512),
        "reason": text("What it waits for.", 1024),
        "since": time("Since when."),
    }, required=["object"])


def job(description, **more):
    return obj(description, {
        "hash": text("What was run against what.", 64),
        "completed": time("When it succeeded."),
        **more,
    })


def status():
    return obj("What is there.", {
        "observedGeneration": integer("The generation of the spec that was acted on.", 0, 2**53 - 1),
        "conditions": items("Ready, Reconciling and Stalled, then one for each concern.", 32,
                            condition(), key="type"),
        "version": text("The version of the application.", 64),
        "images": mapping("The images that are used.", 32, text("Image.", 512)),
        "replicas": count("Match workers that exist."),
        "readyReplicas": count("Match workers that are ready."),
        "selector": text("Selects the match workers, for autoscalers.", 512),
        "components": items("How each component does.", 32, component(), key="name"),
        "held": items("Changes that wait.", 256, held()),
        "triggers": mapping("The token of each annotation that asks for something once, when it was "
                            "done, by the annotation's name without entityservice.io/.", 16,
                            text("Token.", 253)),
        "endpoints": mapping("Where the service is reached.", 16, text("URL.", 512)),
        "migration": job("The last migration of the database.",
                         version=text("Version of the application that it belongs to.", 64)),
        "buckets": job("The last proof of the object store."),
    })
