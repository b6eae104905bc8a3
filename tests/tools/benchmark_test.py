"""The arithmetic of ./dev bench; that it runs on a cluster is shown by ./dev bench --quick."""
import json
import os
import pathlib
import sys
import xml.dom.minidom

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/benchmarks"), str(ROOT / "tests/control-plane")]

import bursts  # noqa: E402
import counting  # noqa: E402
import machine  # noqa: E402
import plot  # noqa: E402
import ratios  # noqa: E402
import report  # noqa: E402
import waves  # noqa: E402


def test_the_interval_of_a_median_holds_it_and_widens_with_the_spread():
    same = ratios.median_interval([1.0] * 9)
    assert same == (1.0, 1.0, 1.0)
    middle, low, high = ratios.median_interval([0.8, 0.9, 1.0, 1.1, 1.3, 0.95, 1.05])
    assert middle == 1.0 and 0.8 <= low < 1.0 < high <= 1.3


def test_blocks_far_from_the_middle_are_left_out():
    assert ratios.discard_odd([10, 11, 9, 14, 10], lambda value: value) == [10, 11, 9, 10]


def test_each_block_measures_the_floor_twice_and_the_contender_in_changing_order():
    asked = []

    def measure(who):
        asked.append(who)
        return {"seconds": 1.0, "who": who}
    told = []
    found = bursts.against_the_floor(measure, 8, told.append)
    assert all({who: it["who"] for who, it in block.items()} == {
        "floor": "floor", "floor again": "floor", "contender": "contender"} for block in found)
    assert len({tuple(asked[i:i + 3]) for i in range(0, 24, 3)}) == 3 and len(told) == 8


def sight(what, key, time):
    return {what: key, "t": time}


def test_waves_are_told_apart_by_the_pauses_between_them():
    lines = [sight("seen", "Service/a", 0), sight("seen", "Job/b", 0.2), sight("ready", "Job/b", 0.9),
             sight("seen", "Deployment/c", 1.3)]
    assert waves.split(lines) == [["Service/a", "Job/b"], ["Deployment/c"]]


def test_a_wave_takes_from_the_event_that_opens_it_to_its_last_object():
    plan = {"name": "r-0", "waves": [
        [{"object": "Job/r-0-x-0123abcd", "workload": True}, {"object": "Service/r-0", "workload": False}],
        [{"object": "Deployment/r-0", "workload": True}]]}
    lines = [sight("seen", "Job/r-7-x-89ef4567", 10.5), sight("seen", "Service/r-7", 10.25),
             sight("ready", "Job/r-7-x-89ef4567", 12.0), sight("seen", "Deployment/r-7", 12.75)]
    assert waves.durations(lines, plan, "r-7", 10.0) == [0.5, 0.75]


def test_a_workload_that_gets_ready_after_a_wave_did_not_open_it():
    plan = {"name": "r-0", "waves": [
        [{"object": "Job/r-0-x", "workload": True}, {"object": "Job/r-0-y", "workload": True}],
        [{"object": "Deployment/r-0", "workload": True}]]}
    lines = [sight("seen", "Job/r-0-x", 1), sight("seen", "Job/r-0-y", 1),
             sight("ready", "Job/r-0-x", 2), sight("seen", "Deployment/r-0", 2.5),
             sight("ready", "Job/r-0-y", 3)]
    assert waves.durations(lines, plan, "r-0", 0) == [1, 0.5]


def test_a_body_is_what_our_manager_owns():
    live = {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "s", "uid": "u", "labels": {"ours": "1", "theirs": "2"},
                         "managedFields": [
                             {"manager": "entityservice-operator", "operation": "Apply", "fieldsV1": {
                                 "f:metadata": {"f:labels": {"f:ours": {}}},
                                 "f:spec": {"f:ports": {'k:{"port":80}': {".": {}, "f:port": {}}}}}}]},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80, "targetPort": 80}, {"port": 9}]}}
    assert waves.body_of(live, "n") == {
        "apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80}]},
        "metadata": {"name": "s", "namespace": "n", "resourceVersion": "1", "labels": {"ours": "1"}}}


@pytest.mark.parametrize("verb,ref,kind", [
    ("patch", {"resource": "services"}, "write"), ("create", {"resource": "events"}, "event"),
    ("patch", {"resource": "entityservices", "subresource": "status"}, "status"),
    ("update", {"resource": "leases"}, "lease"), ("get", {"resource": "leases"}, "lease"),
    ("watch", {"resource": "pods"}, "watch"), ("get", {"resource": "secrets"}, "read")])
def test_requests_are_told_apart(verb, ref, kind):
    assert counting.kind_of({"verb": verb, "objectRef": ref}) == kind


def test_ratios_are_of_speed_and_of_one_block():
    def block(floor, ours):
        return {"floor": {"seconds": floor, "load": 1}, "contender": {"seconds": ours},
                "floor again": {"seconds": floor}}
    found = bursts.compare([block(1.0, 1.25), block(1.1, 1.1), block(0.9, 1.8)])
    assert found["speed"][0] == 0.8 and found["control"][0] == 1.0 and found["kept"] == 3


def test_a_drawing_is_xml_and_the_document_keeps_what_people_wrote(tmp_path):
    xml.dom.minidom.parseString(plot.bars("A < B", [("one & two", 1, 0.9, 1.2)], 0.9))
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    (tmp_path / "results.json").write_text(json.dumps({}))
    report.write(document, tmp_path / "results.json")
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text


def test_the_kernel_tells_time_and_memory_of_this_process():
    before = machine.precise_cpu_seconds(os.getpid())
    sum(range(1_000_000))
    assert 0 < machine.precise_cpu_seconds(os.getpid()) - before < 5
    memory = machine.memory(os.getpid())
    assert 1 < memory["pss"] <= memory["peak"] * 1.1
