"""The test runner never takes a crash, a time-out or silence for success."""
import pathlib
import subprocess
import sys

import pytest

import tiers

REPORT = ('<testsuites><testsuite name="S">{}</testsuite></testsuites>')
GOOD = '<testcase name="good" status="run" result="completed" classname="S"/>'
BAD = ('<testcase name="bad" status="run" result="completed" classname="S">'
       '<failure message="1 != 2">1 != 2</failure></testcase>')
WORDLESS = ('<testcase name="wordless" status="run" result="completed" classname="S">'
            '<failure message=""/></testcase>')
SKIPPED = '<testcase name="not" status="run" result="skipped" classname="S"><skipped/></testcase>'


def program(folder, name, cases, then="exit 0"):
    """A tiny stand-in for a GoogleTest program."""
    folder.mkdir(exist_ok=True)
    report = "" if cases is None else f"echo '{REPORT.format(cases)}' >\"${{2#--gtest_output=xml:}}\""
    path = folder / f"{name}_test"
    path.write_text(f"#!/bin/bash\necho said-by-{name}\n{report}\n{then}\n")
    path.chmod(0o755)


def run(tmp_path, seconds=20, **which):
    return tiers.run_programs("unit", tmp_path / "bin", tmp_path / "logs", seconds, **which)


def last_line(capsys):
    return capsys.readouterr().out.splitlines()[-1]


def test_all_passed(tmp_path, capsys):
    program(tmp_path / "bin", "a", GOOD)
    program(tmp_path / "bin", "b", GOOD + SKIPPED)
    assert tiers.summarise([run(tmp_path)]) == 0
    assert last_line(capsys) == "2 passed, 0 failed"


@pytest.mark.parametrize("cases, then, passed, told", [
    (GOOD + BAD, "exit 1", 1, "1 != 2"),
    (GOOD + WORDLESS, "exit 1", 1, "failure"),
    (None, "kill -SEGV $$", 0, "ended by signal 11"),
    (GOOD, "kill -ABRT $$", 1, "ended by signal 6"),
    (GOOD, "exit 23", 1, "exit status 23"),
    (None, "exit 0", 0, "ran no test"),
    ("", "exit 0", 0, "ran no test"),
    (SKIPPED, "exit 0", 0, "ran no test"),
])
def test_failures(tmp_path, capsys, cases, then, passed, told):
    program(tmp_path / "bin", "a", cases, then)
    result = run(tmp_path)
    assert tiers.summarise([result]) == 1
    assert last_line(capsys) == f"{passed} passed, 1 failed"
    result.show_failures()
    assert told in capsys.readouterr().out


def test_time_out_ends_the_whole_group(tmp_path, capsys):
    program(tmp_path / "bin", "a", GOOD, "sleep 77 & sleep 77")
    result = run(tmp_path, seconds=1)
    assert tiers.summarise([result]) == 1
    assert last_line(capsys) == "1 passed, 1 failed"
    assert "timed out after 1 s" in result.failures[0][1]


def test_programs_run_side_by_side_and_each_is_judged_by_its_own_report(tmp_path, capsys):
    meet = "touch {0}; for _ in $(seq 100); do [ -e {1} ] && exit {2}; sleep 0.05; done; exit 9"
    program(tmp_path / "bin", "a", GOOD, meet.format(tmp_path / "a", tmp_path / "b", 0))
    program(tmp_path / "bin", "b", BAD, meet.format(tmp_path / "b", tmp_path / "a", 1))
    result = run(tmp_path)
    assert tiers.summarise([result]) == 1
    assert last_line(capsys) == "1 passed, 1 failed"
    assert result.failures[0][0] == "b_test S.bad"


def test_no_program_is_a_failure(tmp_path, capsys):
    assert tiers.summarise([run(tmp_path)]) == 1
    assert last_line(capsys) == "0 passed, 1 failed"


def test_a_named_program_that_is_missing_is_a_failure_and_the_others_run(tmp_path, capsys):
    program(tmp_path / "bin", "a", GOOD)
    result = run(tmp_path, names=["gone_test", "a_test"])
    assert tiers.summarise([result]) == 1
    assert last_line(capsys) == "1 passed, 1 failed"
    assert result.failures[0][0] == "gone_test"


def test_only_what_is_left_out_by_name_does_not_run(tmp_path, capsys):
    program(tmp_path / "bin", "a", BAD, "exit 1")
    program(tmp_path / "bin", "ab", GOOD)
    assert tiers.summarise([run(tmp_path, without=["a_test"])]) == 0
    assert last_line(capsys) == "1 passed, 0 failed"


@pytest.mark.parametrize("text, line", [
    ("def test_a(): pass\n", "1 passed, 0 failed"),
    ("def test_a(): pass\ndef test_b(): assert 0\n", "1 passed, 1 failed"),
    ("import missing_module\n", "0 passed, 1 failed"),
    ("", "0 passed, 1 failed"),
    ("import os\ndef test_a(): os.abort()\n", "0 passed, 1 failed"),
    ("import pytest\n@pytest.fixture\ndef f():\n    yield\n    assert 0\ndef test_a(f): pass\n",
     "0 passed, 1 failed"),
])
def test_python(tmp_path, capsys, text, line):
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "some_test.py").write_text(text)
    result = tiers.run_pytest("tools", folder, tmp_path / "logs", 30)
    assert tiers.summarise([result]) == (0 if line.endswith(" 0 failed") else 1)
    assert last_line(capsys) == line


def test_processes_share_the_files_and_what_comes_last_sees_what_all_of_them_left(tmp_path, capsys):
    folder, meeting = tmp_path / "suite", tmp_path / "meeting"
    folder.mkdir(), meeting.mkdir()
    meet = """
import os, pathlib, time
def test_meets():
    pathlib.Path({here!r}, {name!r}).touch()
    end = time.monotonic() + 20
    while len(os.listdir({here!r})) < 2:
        assert time.monotonic() < end
"""
    for name in ("one", "two"):
        (folder / f"{name}_test.py").write_text(meet.format(here=str(meeting), name=name))
    (folder / "test_both.py").write_text(
        f"import os\ndef test_last(): assert len(os.listdir({str(meeting)!r})) == 2\n"
        "def test_bad(): assert 0\n")
    result = tiers.run_pytest("tools", folder, tmp_path / "logs", 60, at_once=2, last=["test_both.py"])
    assert tiers.summarise([result]) == 1
    assert last_line(capsys) == "3 passed, 1 failed"


def test_a_process_that_crashes_among_several_is_a_failure(tmp_path, capsys):
    folder = tmp_path / "suite"
    folder.mkdir()
    (folder / "a_test.py").write_text("import os\ndef test_a(): os.abort()\n")
    (folder / "b_test.py").write_text("def test_b(): pass\n")
    assert tiers.summarise([tiers.run_pytest("tools", folder, tmp_path / "logs", 60, at_once=2)]) == 1
    assert last_line(capsys) == "1 passed, 1 failed"


def test_missing_folder_is_a_failure(tmp_path, capsys):
    assert tiers.summarise([tiers.run_pytest("tools", tmp_path / "no", tmp_path / "l", 9)]) == 1
    assert last_line(capsys) == "0 passed, 1 failed"


@pytest.mark.parametrize("arguments, told", [
    (["unti"], "no tier unti"),
    (["--all", "unit"], "--all is every tier"),
])
def test_a_choice_that_cannot_be_meant_is_refused_before_anything_is_built(arguments, told):
    script = pathlib.Path(tiers.__file__).with_name("run_tests.py")
    refused = subprocess.run([sys.executable, "-B", script, *arguments], capture_output=True,
                             text=True, check=False)
    assert refused.returncode == 2 and told in refused.stderr
