"""Each folder includes only what it may know (docs/architecture.md, Layers)."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A folder without those below it that have their own line; what it may include.
KNOWS = {
    "k8s-client": ["k8s-client"],
    "crds": ["crds"],
    "reconcilers/desired": ["reconcilers/desired", "crds"],
    "reconcilers": ["reconcilers", "reconcilers/desired", "crds", "k8s-client"],
    "operator": ["operator", "reconcilers", "reconcilers/desired", "crds", "k8s-client"],
}
# Input and output, clocks, randomness, threads.
IMPURE = {"chrono", "ctime", "fstream", "iostream", "filesystem", "random", "thread", "mutex",
          "condition_variable", "atomic", "future", "cstdio", "unistd.h"}
PURE = ["crds", "reconcilers/desired"]
# Where each library that is to be isolated may be named.
ISOLATED = {
    "cpprest": ["k8s-client/rest_sink.h", "k8s-client/rest_transport.cpp"],
    "boost": ["k8s-client/rest_socket.h", "k8s-client/rest_transport.cpp",
              "operator/http_server.cpp"],
    "simdjson": ["k8s-client/json_text.cpp"],
    "yaml-cpp": ["k8s-client/kubeconfig_file.h", "operator/yaml.cpp"],
    "CLI": ["operator/options.cpp"],
    "prometheus": ["operator/metric_families.h", "operator/metrics.cpp"],
}


def folder_of(name):
    """The longest folder of the table that holds the file; None for a file of none."""
    return max((folder for folder in KNOWS if name.startswith(folder + "/")), key=len, default=None)


def sources(folder):
    return [path for path in sorted((ROOT / folder).rglob("*"))
            if path.suffix in (".h", ".cpp")
            and folder_of(str(path.relative_to(ROOT))) == folder]


def includes(text, marks='""'):
    opening, closing = marks
    return re.findall(rf"^#include {opening}([^{closing}]+){closing}", text, re.MULTILINE)


def strangers(folder, text):
    """What the text of a file of the folder includes and may not."""
    return [name for name in includes(text) if folder_of(name) not in KNOWS[folder]]


@pytest.mark.parametrize("folder", KNOWS)
def test_a_folder_includes_only_what_it_may_know(folder):
    files = sources(folder)
    assert files
    found = {str(path.relative_to(ROOT)): strangers(folder, path.read_text()) for path in files}
    assert {name: its for name, its in found.items() if its} == {}


@pytest.mark.parametrize("folder", PURE)
def test_the_pure_half_includes_no_input_output_clock_randomness_or_threads(folder):
    found = {path.name: IMPURE & set(includes(path.read_text(), "<>")) for path in sources(folder)}
    assert {name: its for name, its in found.items() if its} == {}


@pytest.mark.parametrize("library", ISOLATED)
def test_an_isolated_library_is_named_only_where_it_is_used(library):
    headers = (library + "/", library + ".h")
    named = [str(path.relative_to(ROOT)) for folder in KNOWS for path in sources(folder)
             if any(name.startswith(headers) for name in includes(path.read_text(), "<>"))]
    assert sorted(named) == ISOLATED[library]


def test_a_wrong_include_is_found():
    assert strangers("crds", '#include "k8s-client/json.h"\n') == ["k8s-client/json.h"]
    assert strangers("reconcilers/desired", '#include "reconcilers/plan.h"\n') == ["reconcilers/plan.h"]
    assert strangers("reconcilers", '#include "reconcilers/desired/desired.h"\n') == []
    assert strangers("operator", '#include "tests/crds/yaml.h"\n') == ["tests/crds/yaml.h"]


def test_a_file_of_more_than_four_hundred_lines_says_why_at_its_top():
    for folder in KNOWS:
        for path in sources(folder):
            lines = path.read_text().splitlines()
            assert len(lines) <= 400 or "400 lines" in "\n".join(lines[:12]), path
