"""A bounded load on the service, and a ledger of what it acknowledged.

    with Load("http://10.0.0.1/api/v1", seed=1) as load:
        ...  # break something
    figures = oracle.judge(load)

Two writers make a write each second each, as long as they are answered: projects with uploads of
both parties, as JSON and binary, and a run, while fewer than a few runs are in progress; otherwise
projects with one upload. A reader asks for the service's status and for the state of the runs, and
fetches each result as soon as there is one. No request is repeated: the one that failed is in the
ledger, and its linkage is left as it is until the end.
"""
import contextlib
import itertools
import threading
import time

from ledger import Ledger, Linkage, Request, Run
from linkage import Parties, Project
from rest import Api, Failed

WRITERS = 2
PACE_SECONDS = 1.0
RUNS_AT_ONCE = 3
HANGS_SECONDS = 60
LINKAGES_AT_MOST = 2000
KINDS = ("similarity_scores", "groups", "permutations")


class Load:
    def __init__(self, base, seed, request_seconds=10, runs_at_once=RUNS_AT_ONCE):
        self.api, self.seed, self.runs_at_once = Api(base, request_seconds), seed, runs_at_once
        self.ledger = Ledger()
        self.wrong = []            # results that were fetched and are not what they have to be
        self._stopping = threading.Event()
        self._deciding, self._beginning = threading.Lock(), set()
        self._numbers = itertools.count(1)
        self._threads = [threading.Thread(target=self._write, daemon=True)
                         for _ in range(WRITERS)]
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._finished = threading.Event()

    def __enter__(self):
        for thread in [*self._threads, self._reader]:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()
        self._finished.set()
        self._reader.join()

    def stop(self):
        """No more writes. Runs in progress are followed until the load is left."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def ask(self, kind, action):
        """The action's value; notes the request, and raises Failed if it failed."""
        began = time.monotonic()
        try:
            value = action()
        except Failed as failed:
            self.ledger.note(Request(began, time.monotonic() - began, kind, failed.status,
                                     str(failed)))
            raise
        self.ledger.note(Request(began, time.monotonic() - began, kind, 200))
        return value

    def start_large_run(self, size):
        """A run over size × size comparisons, whatever else is in progress."""
        linkage = Linkage()
        parties = Parties(f"{self.seed}-large-{next(self._numbers)}", size, common=size // 3)
        for _ in self._steps(linkage, parties, "groups", first=False):
            pass
        linkage.runs[-1].chunked = True
        return linkage, linkage.runs[-1]

    def _write(self):
        while not self._stopping.is_set():
            number = next(self._numbers)
            if number > LINKAGES_AT_MOST:
                return
            try:
                for _ in self._next(number):
                    if self._stopping.wait(PACE_SECONDS):
                        return
            except Failed:
                self._stopping.wait(PACE_SECONDS)

    def _next(self, number):
        """The steps of one linkage; only a part of one while enough runs are in progress."""
        linkage = Linkage()
        parties = Parties(f"{self.seed}-{number}", size=10 + number % 11, common=4 + number % 5)
        kind = KINDS[number % len(KINDS)]
        with self._deciding:
            whole = self._runs_under_way() < self.runs_at_once
            if whole:
                self._beginning.add(number)
        try:
            if whole:
                yield from self._steps(linkage, parties, kind, first=number % 4 == 0)
            else:
                self._create(linkage, parties, kind)
                yield
                self._upload(linkage, 1)
                yield
        finally:
            self._beginning.discard(number)

    def _runs_under_way(self):
        """A run that hangs does not keep others from being posted."""
        young = time.monotonic() - HANGS_SECONDS
        return len(self._beginning) + sum(run.accepted > young
                                          for _, run in self.ledger.in_progress())

    def _create(self, linkage, parties, kind):
        name = f"load {self.seed} {len(parties.encodings[0])}"
        linkage.project = self.ask("project", lambda: Project(self.api, parties, kind, name))
        self.ledger.add(linkage)

    def _steps(self, linkage, parties, kind, first):
        """Each step is one write. first: the run is posted before the uploads, and waits."""
        self._create(linkage, parties, kind)
        yield
        if first:
            self._post(linkage)
            yield
        for party in (0, 1):
            self._upload(linkage, party)
            yield
        if not first:
            self._post(linkage)
            yield

    def _upload(self, linkage, party):
        upload = (linkage.project.upload_json, linkage.project.upload_binary)[party]
        self.ask("upload", lambda: upload(party))
        linkage.uploads.add(party)

    def _post(self, linkage):
        path = self.ask("run", linkage.project.start)
        linkage.runs.append(Run(path, time.monotonic()))

    def _read(self):
        while not self._finished.is_set():
            with contextlib.suppress(Failed):
                self.ask("health", lambda: self.api.succeed("GET", "/status"))
            for linkage, run in self.ledger.in_progress():
                self.look(linkage, run)
            self._finished.wait(PACE_SECONDS)

    def look(self, linkage, run):
        """Asks once for the state of the run, and fetches its result when it is complete."""
        try:
            found = self.ask("status", lambda: linkage.project.status(run.path))
            if found["state"] == "completed" and not self.ask(
                    "result", lambda: linkage.project.is_exact(run.path)):
                self.wrong.append(f"{run.path}: the result is not exact")
        except Failed:
            return
        run.state, run.message = found["state"], found.get("message", "")
        if run.state in ("completed", "error"):
            run.ended = time.monotonic()
