"""Figures without a fault."""
import time

import rows
from drill import SIZES
from linkage import Parties, Project
from rest import Api
from system import eventually

CHUNK = 5  # records on a side, by the chunk size of the drills


def test_tasks_per_second_through_one_worker(system, tuning):
    system.patch({"replicas": 0})
    try:
        eventually(lambda: not system.pods("worker") and system.all_ready(), 120, "one worker")
        size = SIZES[tuning]
        project = Project(Api(system.base("node-1")), Parties("speed", size, size // 3), "groups")
        for party in (0, 1):
            project.upload_binary(party)
        run = project.start()
        eventually(lambda: project.state(run) == "completed", 300, "a complete run")
        assert project.is_exact(run)
        found = project.status(run)
    finally:
        system.patch({"replicas": 2})
    seconds = moment(found["time_completed"]) - moment(found["time_started"])
    rows.write({"drill": "tasks_per_second_through_one_worker", "tuning": tuning,
                "chunks": (size // CHUNK) ** 2, "seconds": round(seconds, 1),
                "figure": round((size // CHUNK) ** 2 / seconds, 2)})


def moment(text):
    whole, _, rest = text.partition("+")[0].partition(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(f"0.{rest or 0}")
