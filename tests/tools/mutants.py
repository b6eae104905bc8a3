"""mutants.py [WORD...]: breaks the code as tests/mutants/*.yaml says, one line at a time, and runs the
test that must find it. With words: only the breaks whose name or file has one of them.

Works on a copy in build/mutants, so that what is being edited stays as it is. The last line is
'N found, N survived'; a break that cannot be built or applied is an error and counts as survived.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import time

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLES = ROOT / "tests/mutants"
COPY = ROOT / "build/mutants"
BUILD = COPY / "build/dev"
# A break may make a test wait for ever, which is a way of finding it.
SECONDS = 120
FIELDS = {"name", "file", "line", "becomes", "program", "test"}


def load():
    return [entry for table in sorted(TABLES.glob("*.yaml"))
            for entry in yaml.safe_load(table.read_text())]


def broken(mutant, text):
    """The text of the file with the break; ValueError when the line is not there exactly once."""
    count = text.count(mutant["line"])
    if count != 1:
        raise ValueError(f"{mutant['name']}: {mutant['file']} has {count} times {mutant['line']!r}")
    return text.replace(mutant["line"], mutant["becomes"])


def defined(test):
    """True when a source of the tests defines it."""
    suite, name = test.split(".")
    pattern = re.compile(rf"^TEST(_F|_P)?\({suite},\s*{name}\)", re.MULTILINE)
    return any(pattern.search(path.read_text()) for path in (ROOT / "tests").rglob("*_test.cpp"))


def copy_sources():
    """Only what differs, with the time of now: it is built again, also where an ended run left a break."""
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                           cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        source, target = ROOT / name, COPY / name
        if not source.is_file():
            continue
        if not target.exists() or source.read_bytes() != target.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def run(arguments, log, seconds=None):
    """The exit status; None when it took too long."""
    with open(log, "ab") as output:
        try:
            return subprocess.run(arguments, cwd=COPY, stdout=output, stderr=subprocess.STDOUT,
                                  timeout=seconds, check=False).returncode
        except subprocess.TimeoutExpired:
            return None


def build(programs, log):
    return run(["cmake", "--build", BUILD, "--target", *programs], log) == 0


def test_filter(mutants):
    return "--gtest_filter=" + ":".join(f"{it['test']}:*/{it['test']}/*" for it in mutants)


def require_test(mutant):
    """Without it no test would run, and the break count as survived."""
    listed = subprocess.run(
        [BUILD / "bin" / mutant["program"], test_filter([mutant]), "--gtest_list_tests"],
        capture_output=True, text=True, check=True).stdout
    if mutant["test"].split(".")[1] not in listed:
        sys.exit(f"{mutant['name']}: {mutant['program']} has no test {mutant['test']};"
                 " name the program that it is part of")


def prepare(mutants, log):
    """The copy is built, and each named test is in its program and passes on it: else a failure would
    mean nothing."""
    copy_sources()
    programs = sorted({mutant["program"] for mutant in mutants})
    configure = ["cmake", "--preset", "dev", f"-DSOURCE_DIR={ROOT}"]
    if run(configure, log) != 0 or not build(programs, log):
        sys.exit(f"the code as it is cannot be built, see {log}")
    for mutant in mutants:
        require_test(mutant)
    for program in programs:
        its = [mutant for mutant in mutants if mutant["program"] == program]
        if run([BUILD / "bin" / program, test_filter(its)], log, SECONDS * 5) != 0:
            sys.exit(f"tests fail on the code as it is, see {log}")


def verdict(mutant, log):
    """'found', or why not."""
    target = COPY / mutant["file"]
    text = target.read_text()
    target.write_text(broken(mutant, text))
    try:
        if not build([mutant["program"]], log):
            return "cannot be built"
        status = run([BUILD / "bin" / mutant["program"], test_filter([mutant])], log, SECONDS)
        return "survived" if status == 0 else "found"
    finally:
        target.write_text(text)


def main():
    words = sys.argv[1:]
    mutants = [it for it in load() if not words
               or any(word in it["name"] or word in it["file"] for word in words)]
    if not mutants:
        sys.exit("no break has such a name or file")
    COPY.mkdir(parents=True, exist_ok=True)
    log = COPY / "log"
    log.write_bytes(b"")
    print(f"building a copy for {len(mutants)} breaks ...", file=sys.stderr, flush=True)
    prepare(mutants, log)
    found = 0
    for mutant in mutants:
        began = time.monotonic()
        outcome = verdict(mutant, log)
        found += outcome == "found"
        print(f"{outcome:16}{mutant['name']} ({mutant['file']}, {mutant['test']},"
              f" {time.monotonic() - began:.0f} s)", flush=True)
    print(f"{found} found, {len(mutants) - found} survived")
    sys.exit(found != len(mutants))


if __name__ == "__main__":
    main()
