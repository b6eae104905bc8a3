"""Whether all that was acknowledged is there and right, by content.

Every project answers with what it was made with. Every upload counts, and what it held is shown by
a run whose result is compared, pair by pair, with one computed here; of the projects that never had
a run, those are shown that are nearest to the fault. Every accepted run is complete and exact, or
reported as failed, or counted as hanging. Every result is fetched again.
"""
import dataclasses
import time

from ledger import Run
from rest import Api, Failed


@dataclasses.dataclass
class Judgement:
    projects: int = 0
    uploads: int = 0
    runs: int = 0
    exact: int = 0                 # runs of the load that are complete and right
    reported: int = 0              # runs in state error
    repeated: int = 0              # runs posted here, to show what uploads hold
    hanging: list = dataclasses.field(default_factory=list)   # accepted, without an end in time
    lost: list = dataclasses.field(default_factory=list)      # acknowledged and not there
    wrong: list = dataclasses.field(default_factory=list)     # there, and not what it has to be


SHOWN_AT_MOST = 3


def judge(load, patience, fault=0.0):
    """For a load that has stopped. patience: seconds that runs get to end."""
    return _Judge(load, patience, fault).judge()


class _Judge:
    def __init__(self, load, patience, fault):
        self.load, self.patience = load, patience
        self.found = Judgement(wrong=list(load.wrong))
        self.linkages = load.ledger.linkages()
        for linkage in self.linkages:
            linkage.project.api = Api(load.api.base, seconds=60)
        parts = sorted((it for it in self.linkages if it.uploads and not it.runs),
                       key=lambda it: abs(it.began - fault))
        self.left = {id(it) for it in parts[SHOWN_AT_MOST:]}  # not shown by a run

    def judge(self):
        self._complete_uploads()
        self._let_runs_end([(linkage, run) for linkage in self.linkages for run in linkage.runs])
        self._show_what_uploads_hold()
        listed = {it["project_id"] for it in self._ask(
            lambda: self.linkages[0].project.api.succeed("GET", "/projects"))}
        for linkage in self.linkages:
            self._judge_project(linkage, listed)
            for run in linkage.runs:
                self._judge_run(linkage, run)
        return self.found

    def _ask(self, action, seconds=30):
        """The answer; a service that is about to recover is asked again for a while."""
        end = time.monotonic() + seconds
        while True:
            try:
                return action()
            except Failed as failed:
                refused = failed.status is not None and failed.status < 500
                if refused or time.monotonic() > end:
                    raise
                time.sleep(1)

    def _complete_uploads(self):
        """What was begun is brought to where a run can show it."""
        for linkage in self.linkages:
            if id(linkage) in self.left or not (linkage.uploads or linkage.runs):
                continue
            for party in {0, 1} - linkage.uploads:
                try:
                    self._ask(lambda it=linkage, whose=party: it.project.upload_binary(whose))
                except Failed as failed:
                    if failed.status != 403:  # it was taken, and nobody told us
                        raise

    def _contributed(self, linkage):
        return self._ask(linkage.project.describe)["parties_contributed"]

    def _let_runs_end(self, runs):
        end = time.monotonic() + self.patience
        while time.monotonic() < end:
            # A run can only begin when both uploads are whole.
            going = [(linkage, run) for linkage, run in runs
                     if run.state not in ("completed", "error")]
            if not going:
                return
            for linkage, run in going:
                self.load.look(linkage, run)
            time.sleep(1)

    def _show_what_uploads_hold(self):
        """By new runs, where no run of the load did: the uploads outlive a run that failed."""
        shown = []
        for linkage in self.linkages:
            if linkage.uploads and id(linkage) not in self.left \
                    and not any(run.state == "completed" for run in linkage.runs) \
                    and self._contributed(linkage) == 2:
                run = Run(self._ask(linkage.project.start), time.monotonic())
                shown.append((linkage, run))
        self._let_runs_end(shown)
        for linkage, run in shown:
            self.found.repeated += 1
            if run.state == "error":
                self.found.wrong.append(f"{run.path}: the new run failed: {run.message}")
            elif run.state != "completed":
                self.found.hanging.append(f"{run.path}: the new run is {run.state}")
            elif not self._ask(lambda it=linkage, one=run: it.project.is_exact(one.path)):
                self.found.wrong.append(f"{run.path}: the new run is not exact")

    def _judge_project(self, linkage, listed):
        project = linkage.project
        self.found.projects += 1
        self.found.uploads += len(linkage.uploads)
        if project.id not in listed:
            self.found.lost.append(f"project {project.id} is not listed")
        try:
            it = self._ask(project.describe)
        except Failed as failed:
            self.found.lost.append(f"project {project.id}: {failed}")
            return
        if (it["name"], it["result_type"], it["number_parties"]) != (project.name, project.kind, 2):
            self.found.wrong.append(f"project {project.id}: {it}")
        if it["parties_contributed"] < len(linkage.uploads):
            self.found.lost.append(f"uploads {linkage.uploads} of project {project.id}: {it}")

    def _judge_run(self, linkage, run):
        self.found.runs += 1
        if run.state == "error":
            self.found.reported += 1
        elif run.state != "completed":
            # Nothing is expected where an upload that nobody acknowledged is not there.
            if len(linkage.uploads) == 2 or self._contributed(linkage) == 2:
                self.found.hanging.append(f"{run.path}: {run.state}")
        else:
            try:
                exact = self._ask(lambda: linkage.project.is_exact(run.path))
            except Failed as failed:
                self.found.lost.append(f"the result of {run.path}: {failed}")
                return
            if exact:
                self.found.exact += 1
            else:
                self.found.wrong.append(f"the result of {run.path} is not exact")
