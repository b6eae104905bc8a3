"""Runs one tier of tests and counts what came of it."""
import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "control-plane"))
import processes  # noqa: E402

TAIL = 40


@dataclasses.dataclass
class Result:
    name: str
    passed: int = 0
    skipped: int = 0
    seconds: float = 0
    failures: list = dataclasses.field(default_factory=list)  # (name, text)

    def fail(self, name, text):
        self.failures.append((name, text))
        return self

    def show_failures(self):
        for name, text in self.failures:
            print(f"\nFAILED {self.name}: {name}")
            for line in text.rstrip().splitlines()[-TAIL:]:
                print(f"    {line}")
        sys.stdout.flush()


def summarise(results):
    """Prints the summary and returns the exit status."""
    print()
    for result in results:
        skipped = f", {result.skipped} skipped" if result.skipped else ""
        print(f"{result.name:14} {result.passed} passed, {len(result.failures)} failed{skipped}"
              f"  ({result.seconds:.0f} s)")
    failed = [f"{result.name}: {name}" for result in results for name, _ in result.failures]
    for name in failed:
        print(f"FAILED {name}")
    print(f"{sum(result.passed for result in results)} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


class Child:
    """A process group with a log and a limit; `status` is None after a time-out."""

    def __init__(self, what, arguments, log, seconds):
        self.what, self.seconds, self.status = what, seconds, None
        self.began = self.told = time.monotonic()
        print(f"{what} ...", file=sys.stderr, flush=True)
        with open(log, "wb") as output:
            self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=subprocess.STDOUT, start_new_session=True,
                                            preexec_fn=processes.die_with_parent)

    def is_over(self):
        self.status = self.process.poll()
        now = time.monotonic()
        if now - self.told >= 20:
            self.told = now
            print(f"{self.what} ... {now - self.began:.0f} s", file=sys.stderr, flush=True)
        return self.status is not None or now - self.began > self.seconds

    def end(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()


def run_logged(commands, seconds, at_once=1):
    """Runs [(what, arguments, log)]; yields each one's index and exit status, None if timed out.
    Ends each one's whole process group with it."""
    waiting, running = list(enumerate(commands)), []
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                index, (what, arguments, log) = waiting.pop(0)
                running.append((index, Child(what, arguments, log, seconds)))
            for entry in [it for it in running if it[1].is_over()]:
                entry[1].end()
                running.remove(entry)
                yield entry[0], entry[1].status
            time.sleep(0.05)
    finally:
        for _, child in running:
            child.end()


def read_report(result, report, prefix=""):
    """Adds a JUnit file's cases; False when there is no readable one."""
    try:
        cases = xml.parse(report).getroot().iter("testcase")
    except (FileNotFoundError, xml.ParseError):
        return False
    verdicts = {}
    for case in cases:
        name = f"{prefix}{case.get('classname')}.{case.get('name')}"
        bad = [child for child in case if child.tag in ("failure", "error")]
        if bad:
            verdicts[name] = "\n".join(child.text or child.get("message") or child.tag for child in bad)
        elif case.find("skipped") is not None or case.get("result") in ("skipped", "suppressed") \
                or case.get("status") == "notrun":
            verdicts.setdefault(name, None)
        else:
            verdicts.setdefault(name, "")
            verdicts[name] = verdicts[name] or ""
    for name, verdict in verdicts.items():
        if verdict is None:
            result.skipped += 1
        elif verdict == "":
            result.passed += 1
        else:
            result.fail(name, verdict)
    return True


def _judge(result, what, status, report, log, seconds, prefix=""):
    before = result.passed + len(result.failures)
    failures = len(result.failures)
    read_report(result, report, prefix)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-TAIL:])
    if status is None:
        result.fail(what, f"{tail}\ntimed out after {seconds} s")
    elif status < 0:
        result.fail(what, f"{tail}\nended by signal {-status}")
    elif status != 0 and len(result.failures) == failures:
        result.fail(what, f"{tail}\nexit status {status}")
    elif result.passed + len(result.failures) == before:
        result.fail(what, f"{tail}\nran no test")


def run_programs(tier, folder, logs, seconds, names=(), without=(), prefix=()):
    """The named GoogleTest programs of the folder, else every one without those that are left out;
    as many at once as there are cores and one more, since many wait for deadlines, and the largest
    first, since they tend to run longest."""
    result = Result(tier)
    _fresh(logs)
    found = sorted(pathlib.Path(folder).glob("*_test"), key=lambda it: it.stat().st_size, reverse=True)
    programs = [pathlib.Path(folder) / name for name in names] \
        or [it for it in found if it.name not in without]
    if not programs:
        return result.fail(tier, f"no *_test in {folder}")

    for program in programs:
        if not program.is_file():
            result.fail(program.name, f"there is no {program}")
    commands = [(program.name,
                 [*prefix, program, "--gtest_brief=1", f"--gtest_output=xml:{logs / program.name}.xml"],
                 logs / f"{program.name}.log") for program in programs if program.is_file()]
    for index, status in run_logged(commands, seconds, os.cpu_count() + 1):
        name, _, log = commands[index]
        _judge(result, name, status, logs / f"{name}.xml", log, seconds, f"{name} ")
    return result


def run_pytest(tier, folder, logs, seconds, only=(), at_once=1, last=()):
    """The tests of a folder, or of it only those, as pytest names them. As many processes as said
    share its files, each with session fixtures of its own; `last` are files for afterwards."""
    result = Result(tier)
    _fresh(logs)
    if not folder.is_dir():
        return result.fail(tier, f"there is no {folder}")
    if only:
        _run_pytest(result, tier, folder, logs, seconds, [folder / name for name in only])
        return result
    shared = ["-n", str(at_once), "--dist", "loadfile"] if at_once > 1 else []
    _run_pytest(result, tier, folder, logs, seconds,
                [folder, *shared, *(f"--ignore={folder / name}" for name in last)])
    for name in last:
        _run_pytest(result, name.removesuffix(".py"), folder, logs, seconds, [folder / name])
    return result


def _run_pytest(result, what, folder, logs, seconds, arguments):
    report, log = logs / f"{what}.xml", logs / f"{what}.log"
    command = [sys.executable, "-m", "pytest", "-q", "-ra", "-p", "no:cacheprovider",
               f"--junitxml={report}", f"--rootdir={folder}", *arguments]
    (_, status), = run_logged([(f"{what} tests", command, log)], seconds)
    _judge(result, what, status, report, log, seconds)


def _fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
