"""The load and its oracle on the application: what they find fine, and what they find out."""
import contextlib
import time

import pytest

import oracle
import services
from application import API, Application
from load import Load
from services import Redis, eventually


@pytest.fixture(scope="module", name="app")
def the_application(stores):
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(services.folder())
        redis = stack.enter_context(Redis(path, sentinel=False))
        yield stack.enter_context(Application(path, stores, redis, "load", CHUNK_SIZE_AIM="100",
                                              CELERYD_CONCURRENCY="12"))


def loaded(app, seed, seconds=8):
    """A load that has stopped, and its judgement is still to come."""
    with Load(API.base, seed) as load:
        time.sleep(seconds)
        load.stop()
        eventually(lambda: not load.ledger.in_progress(), 60, "all runs have ended")
    return load


def test_all_is_found_where_nothing_broke(app):
    began = time.monotonic()
    with Load(API.base, "calm") as load:
        load.start_large_run(20)
        time.sleep(15)
        load.stop()
    ledger = load.ledger
    assert not ledger.failures()
    assert ledger.acknowledged_writes() >= 15
    assert ledger.longest_gap(began, time.monotonic()) < 3
    found = oracle.judge(load, 60)
    assert (found.lost, found.wrong, found.hanging, found.reported) == ([], [], [], 0)
    assert found.runs == found.exact >= 3
    assert found.projects > found.runs and found.uploads >= found.runs
    assert any(run.chunked for linkage in ledger.linkages() for run in linkage.runs)


@pytest.mark.parametrize("statement, what", [
    ("DELETE FROM projects WHERE project_id = '{0}'", "lost"),
    ("UPDATE projects SET name = 'another' WHERE project_id = '{0}'", "wrong"),
    ("UPDATE dataproviders SET uploaded = 'not_started' WHERE project_id = '{0}'", "lost"),
    ("UPDATE run_results SET groups = groups - 0 WHERE run_id = '{1}'", "wrong"),
    ("DELETE FROM run_results WHERE run_id = '{1}'", "lost"),
    ("UPDATE runs SET state = 'running' WHERE run_id = '{1}'", "hanging"),
], ids=["project", "content", "upload", "pair", "result", "run"])
def test_one_thing_that_is_gone_or_changed_is_found(app, statement, what, request):
    load = loaded(app, request.node.name)
    chosen = next(it for it in load.ledger.linkages() if it.runs and it.project.kind == "groups")
    run = chosen.runs[0]
    if what == "hanging":
        run.state = "running"  # as it was when it was last asked for
    app.stores.query(statement.format(chosen.project.id, run.path.rsplit("/", 1)[1]),
                     app.database)
    found = oracle.judge(load, 5)
    assert chosen.project.id in " ".join(getattr(found, what)), found
    # A project that is gone takes its listing and its result along.
    assert len(found.lost) + len(found.wrong) + len(found.hanging) <= 3


def test_an_upload_that_holds_something_else_is_found(app):
    load = loaded(app, "changed", seconds=6)
    chosen = next(it for it in load.ledger.linkages() if it.runs)
    app.stores.query("""
        UPDATE encodings SET encoding = decode(repeat('00', 64), 'hex') WHERE dp IN
        (SELECT id FROM dataproviders WHERE project_id = '{}')""".format(chosen.project.id),
                     app.database)
    # As if its run had failed: the uploads are then shown by another.
    chosen.runs[0].state = "error"
    found = oracle.judge(load, 60)
    assert found.repeated >= 1 and chosen.project.path in "".join(found.wrong), found
    assert len(found.wrong) == 1, found


def test_requests_that_fail_are_counted_and_what_was_acknowledged_before_is_there(app):
    with Load(API.base, "broken") as load:
        time.sleep(4)
        fault = time.monotonic()
        app.api.kill()
        time.sleep(4)
        app.api = app.start_api()
        eventually(lambda: API.request("GET", "/status")[0] == 200, 30, "the API is up")
        healed = time.monotonic()
        time.sleep(5)
        load.stop()
    ledger = load.ledger
    assert not ledger.failures(end=fault - 1) and not ledger.failures(begin=healed)
    assert len(ledger.failures(fault - 1, healed)) >= 4
    assert ledger.longest_gap(fault, healed + 5) >= 4
    assert ledger.acknowledged_writes(begin=healed) >= 5
    found = oracle.judge(load, 60)
    assert (found.lost, found.wrong, found.hanging) == ([], [], [])
    assert found.projects == len(ledger.linkages()) > 0
