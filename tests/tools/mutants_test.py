"""The table of breaks speaks of the code as it is."""
import os
import subprocess

import mutants
import pytest

ALL = mutants.load()


def test_there_are_at_least_twenty():
    assert len(ALL) >= 20
    assert len({mutant["name"] for mutant in ALL}) == len(ALL)


@pytest.mark.parametrize("mutant", ALL, ids=lambda it: it["name"])
def test_a_break_still_applies_and_its_test_exists(mutant):
    assert set(mutant) == mutants.FIELDS
    text = (mutants.ROOT / mutant["file"]).read_text()
    assert mutants.broken(mutant, text) != text
    assert "\n" not in mutant["line"] + mutant["becomes"]
    assert mutants.defined(mutant["test"]), mutant["test"]


@pytest.mark.parametrize("text, times", [("a = 1;\n", 0), ("b = 1;\nb = 1;\n", 2)])
def test_a_break_that_does_not_apply_exactly_once_is_refused(text, times):
    with pytest.raises(ValueError, match=f"{times} times"):
        mutants.broken({"name": "n", "file": "f", "line": "b = 1;", "becomes": ""}, text)


def test_a_test_that_does_not_exist_is_noticed():
    assert not mutants.defined("StoreTest.IsNotThere")


def test_a_break_that_an_ended_run_left_is_undone_and_built_again(tmp_path, monkeypatch):
    monkeypatch.setattr(mutants, "ROOT", tmp_path / "root")
    monkeypatch.setattr(mutants, "COPY", tmp_path / "copy")
    subprocess.run(["git", "init", "-q", mutants.ROOT], check=True)
    for name, copied in (("left.cpp", "broken"), ("same.cpp", "whole")):
        for folder, text in ((mutants.ROOT, "whole"), (mutants.COPY, copied)):
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(text)
            os.utime(folder / name, (1000, 1000))
    mutants.copy_sources()
    left, same = mutants.COPY / "left.cpp", mutants.COPY / "same.cpp"
    assert left.read_text() == "whole" and left.stat().st_mtime > 1000
    assert same.stat().st_mtime == 1000
