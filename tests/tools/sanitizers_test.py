"""A report of the sanitizers is noticed, whatever became of the process that made it."""
import os
import pathlib
import re
import subprocess
import sys
import time

import pytest

import sanitizers

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from support.operator import Operator  # noqa: E402

LEAK = "#include <cstdlib>\nint main() { volatile char* gone = new char[77]; gone = nullptr; }\n"
OVERFLOW = "int main(int count, char**) { int most = 2147483647; return (most += count) == 0; }\n"
USE_AFTER_FREE = "int main() { int* one = new int(1); delete one; return *one; }\n"
CLEAN = "int main() { return 0; }\n"


def run(tmp_path, code):
    """(exit status, standard error, texts of the reports)"""
    (tmp_path / "a.cpp").write_text(code)
    subprocess.run(["g++", "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
                    tmp_path / "a.cpp", "-o", tmp_path / "a"], check=True)
    environment = sanitizers.environment(tmp_path / "reports")
    done = subprocess.run([tmp_path / "a"], env={**os.environ, **environment}, check=False,
                          stderr=subprocess.PIPE, text=True)
    texts = [text for _, text in sanitizers.reports(tmp_path / "reports")]
    return done.returncode, done.stderr, texts


@pytest.mark.parametrize("code, told", [
    (LEAK, "77 byte(s)"),
    (USE_AFTER_FREE, "heap-use-after-free"),
])
def test_wrong_use_of_memory_is_reported_in_the_folder(tmp_path, code, told):
    status, _, texts = run(tmp_path, code)
    assert status != 0 and len(texts) == 1 and told in texts[0]


def test_undefined_behaviour_ends_the_process_with_a_line_of_its_own(tmp_path):
    status, error, _ = run(tmp_path, OVERFLOW)
    assert status != 0 and sanitizers.SAYS_UNDEFINED in error and "signed integer overflow" in error


def test_clean_program_reports_nothing(tmp_path):
    assert run(tmp_path, CLEAN) == (0, "", [])


def test_reports_of_an_earlier_run_are_gone(tmp_path):
    folder = pathlib.Path(tmp_path / "reports")
    folder.mkdir()
    (folder / "report.a.1").write_text("old")
    sanitizers.environment(folder)
    assert sanitizers.reports(folder) == []


@pytest.mark.parametrize("said, kill", [
    ("a.cpp:1:2: runtime error: shift exponent 77", True),
    ("==1==ERROR: AddressSanitizer: heap-use-after-free", True),
    ("==1==ERROR: LeakSanitizer: detected memory leaks", False),
    ("a plain error: nothing of the sanitizers", True),
])
def test_operator_that_reported_fails_its_test_even_when_it_was_killed(
        tmp_path, monkeypatch, said, kill):
    program = tmp_path / "operator"
    program.write_text(f"#!/bin/bash\ntrap 'exit 0' TERM\necho '{said}'\n"
                       "while :; do sleep 0.05; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("OPERATOR", str(program))
    monkeypatch.setattr(Operator, "kubeconfig", lambda self: "none")
    operator = Operator(None, None, str(tmp_path)).start(ready=False)
    while said not in operator.tail():
        time.sleep(0.05)
    if "plain" in said:
        operator.stop(kill)
    else:
        with pytest.raises(AssertionError, match=re.escape(said)):
            operator.stop(kill)
