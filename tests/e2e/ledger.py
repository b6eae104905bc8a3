"""What the service acknowledged, and what it failed to answer, with the time of each.

An acknowledgement is an answer with success. What was asked for and not acknowledged may have
happened or not; nothing is expected of it. Times are seconds of the monotonic clock.
"""
import collections
import dataclasses
import threading
import time


@dataclasses.dataclass
class Run:
    path: str
    accepted: float
    chunked: bool = False          # so large that faults hit the middle of it
    state: str = "created"         # completed, error: as the service said last
    message: str = ""              # why it is in error
    ended: float = 0.0


@dataclasses.dataclass
class Linkage:
    """One project and all that was acknowledged of it."""
    project: object = None
    began: float = dataclasses.field(default_factory=time.monotonic)
    uploads: set = dataclasses.field(default_factory=set)  # the parties
    runs: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Request:
    when: float                    # when it was asked
    seconds: float
    kind: str                      # project, upload, run, status, result, health
    status: int                    # None: nobody answered
    reason: str = ""

    @property
    def acknowledged(self):
        return self.status is not None and 200 <= self.status < 300


WRITES = ("project", "upload", "run")


class Ledger:
    """Threads may use it together."""

    def __init__(self):
        self._lock = threading.Lock()
        self._linkages, self._requests = [], []

    def add(self, linkage):
        with self._lock:
            self._linkages.append(linkage)

    def note(self, request):
        with self._lock:
            self._requests.append(request)

    def linkages(self):
        with self._lock:
            return list(self._linkages)

    def in_progress(self):
        """(linkage, run) of what can go on: a run waits for uploads, if need be forever."""
        return [(linkage, run) for linkage in self.linkages() for run in linkage.runs
                if len(linkage.uploads) == 2 and not run.ended]

    def requests(self, begin=0.0, end=None):
        end = time.monotonic() if end is None else end
        with self._lock:
            return [it for it in self._requests if begin <= it.when < end]

    def failures(self, begin=0.0, end=None):
        return [it for it in self.requests(begin, end) if not it.acknowledged]

    def acknowledged_writes(self, begin=0.0, end=None):
        return sum(it.acknowledged and it.kind in WRITES for it in self.requests(begin, end))

    def longest_gap(self, begin, end=None):
        """The longest time without an acknowledged write that began after `begin`, in seconds."""
        end = time.monotonic() if end is None else end
        times = [it.when + it.seconds for it in self.requests(begin, end)
                 if it.acknowledged and it.kind in WRITES]
        times = [begin, *sorted(times), end]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def summary(self, begin=0.0, end=None):
        """{what: how often} of the requests in a time."""
        found = collections.Counter()
        for it in self.requests(begin, end):
            if it.acknowledged:
                found["acknowledged " + ("writes" if it.kind in WRITES else "reads")] += 1
            else:
                found[f"failed {it.status or it.reason.partition(':')[0]}"] += 1
        return dict(sorted(found.items()))
