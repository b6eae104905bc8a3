"""One drill: load, a blow while a large run is in the middle, the recovery, a row of figures."""
import subprocess
import time

import oracle
import rows
from load import Load
from system import WORKERS, eventually, node_names

STEADY_SECONDS = 8
PATIENCE_SECONDS = 120
# Comparisons on a side of the large run: long enough to be hit in the middle, by how fast it is.
SIZES = {"Upstream": 40, "Operator": 100}


class Drill:
    """`with Drill(...) as drill:` and then strike, recovered; `judge` after it."""

    def __init__(self, system, redis, name, tuning, operator="present", avoid=()):
        """avoid: nodes whose port the load does not use, because they will be lost."""
        self.system, self.redis, self.name, self.tuning = system, redis, name, tuning
        self.operator, self.row = operator, {}
        self.node = next(it for it in node_names(system.cluster) if it not in avoid)
        self.load = self.fault = self.healed = self.large = None
        self.kills = 0

    def __enter__(self):
        self.restarts = self.system.restarts(*WORKERS)
        self.unacked = self.redis.waiting_tasks()["unacked"]
        self.load = Load(self.system.base(self.node), seed=f"{self.name} {time.time()}")
        self.load.__enter__()
        self.began = time.monotonic()
        return self

    def __exit__(self, kind, error, _):
        if kind is None:
            self._go_on(STEADY_SECONDS)
        self.load.__exit__()
        if kind is not None:
            self._keep(str(error))

    def _go_on(self, seconds):
        time.sleep(seconds)

    def in_the_middle(self):
        """Waits until a large run has a part of its chunks done."""
        self._go_on(STEADY_SECONDS)
        linkage, self.large = self.load.start_large_run(SIZES[self.tuning])

        def partly_done():
            found = linkage.project.status(self.large.path)
            done = found["current_stage"].get("progress", {}).get("relative", 0)
            assert self.large.state != "completed", "the large run was too fast to be hit"
            return 0 < done < 0.6
        eventually(partly_done, 90, "a part of the large run is done")

    def strike(self, blow, *given):
        """The fault begins."""
        self.in_progress = [run for _, run in self.load.ledger.in_progress()]
        assert self.in_progress
        self.fault = time.monotonic()
        self.kills += blow(self.system, *given)
        assert self.kills

    def strike_in_a_chunk(self, blow, *given):
        """Workers are in the middle of comparing, and go on a second later."""
        with self.system.comparing():
            self.strike(blow, *given)
            self._go_on(1)

    def recovered(self, condition, seconds, what):
        """Seconds after the fault until the condition holds and the API answers."""
        value = eventually(condition, seconds, what)
        eventually(lambda: self.system.answers(self.node), seconds, "the API answers")
        self.healed = time.monotonic()
        self.row["recovered_s"] = round(self.healed - self.fault, 1)
        return value

    def whole(self, condition, seconds, what):
        """Waits until nothing is amiss any more; failures that begin later are not excused."""
        eventually(condition, seconds, what)
        eventually(lambda: self.system.answers(self.node), seconds, "the API answers")
        self.healed = time.monotonic()
        self.row["whole_s"] = round(self.healed - self.fault, 1)

    def judge(self, figures=()):
        """The judgement by content; writes the row."""
        ledger = self.load.ledger
        ended = time.monotonic()
        failures = ledger.failures()
        found = oracle.judge(self.load, PATIENCE_SECONDS, self.fault)
        during = [it for it in failures if it.when + it.seconds >= self.fault]
        self.outside = [it for it in failures if it.when + it.seconds < self.fault
                        or it.when >= self.healed]
        states = [run.state for run in self.in_progress]
        self.row = {
            "drill": self.name, "tuning": self.tuning, "operator": self.operator,
            "kills": self.kills, **self.row,
            "failed_requests": ledger.summary(self.fault, self.healed),
            "failed_from_s": round(min((it.when for it in during), default=self.fault)
                                   - self.fault, 1),
            "failed_until_s": round(max((it.when + it.seconds for it in during),
                                        default=self.fault) - self.fault, 1),
            "failed_outside": len(self.outside),
            "longest_gap_s": round(ledger.longest_gap(self.fault, ended), 1),
            "writes": ledger.acknowledged_writes(), "projects": found.projects,
            "uploads": found.uploads, "runs": found.runs, "exact": found.exact,
            "reported": found.reported, "hanging": len(found.hanging), "lost": len(found.lost),
            "wrong": len(found.wrong), "repeated": found.repeated,
            "in_progress": len(states), "in_progress_exact": states.count("completed"),
            "in_progress_reported": states.count("error"),
            "large_run": self.large.state if self.large else "",
            "errors": sorted({run.message for linkage in ledger.linkages() for run in linkage.runs
                              if run.state == "error"}),
            "worker_restarts": self._restarts(),
            "seconds": {"before": round(self.fault - self.began),
                        "after": round(ended - self.fault),
                        "judgement": round(time.monotonic() - ended)},
            "unacked_after": self.redis.waiting_tasks()["unacked"] - self.unacked,
            **dict(figures)}
        rows.write(self.row)
        if found.exact != found.runs or found.lost or self.row["worker_restarts"]:
            self._keep("\n".join([*found.hanging, *found.lost, *found.wrong, *self.row["errors"]]))
        self._check_load(ledger, ended)
        return found

    def _restarts(self):
        now = self.system.restarts(*WORKERS)
        return sum(now[one] - self.restarts[one] for one in now.keys() & self.restarts.keys())

    def _keep(self, why):
        """Logs and objects, before another test makes new ones. Where one cannot be read,
        the file says why: a container that never ran has no log."""
        folder = rows.FOLDER / f"{self.name}-{self.tuning}-{self.operator}-{time.time_ns()}"
        folder.mkdir(parents=True)
        (folder / "why").write_text(why)
        read = {"objects.yaml": ("get", "-o", "yaml", "statefulsets,pods,pvc,pv,nodes"),
                "events": ("get", "events", "--sort-by=.metadata.creationTimestamp")}
        for pod in self.system.pods(*WORKERS, "redis"):
            name = pod["metadata"]["name"]
            read[f"{name}.log"] = ("logs", "--timestamps", "--all-containers", name)
        for name, command in read.items():
            try:
                text = self.system.kubectl(*command)
            except subprocess.SubprocessError as error:
                text = str(error)
            (folder / name).write_text(text)

    def _check_load(self, ledger, ended):
        """There was a load: a write each second before and after, and the oracle saw all of it."""
        before = ledger.acknowledged_writes(self.began, self.fault)
        assert before >= 0.9 * (self.fault - self.began), (before, self.fault - self.began)
        assert ledger.acknowledged_writes(begin=self.healed, end=ended) \
            >= 0.9 * min(STEADY_SECONDS, ended - self.healed)
        assert self.row["projects"] == len(ledger.linkages()) > 0
