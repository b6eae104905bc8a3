"""Tasks a second through one worker, many small chunks, with each `tuning`: ./dev bench tasks."""
import contextlib
import io
import sys

from drills import TUNINGS, exact, running, uploaded

SLOTS = 4
RUNS = 3


def rates(stores, tuning):
    """Of each run: its chunks by the time from its first task to its end."""
    found = []
    # What the application logged is of no interest here.
    with contextlib.redirect_stdout(io.StringIO()), \
            running(stores, "bench_" + tuning.lower(), sentinel=False, CHUNK_SIZE_AIM="16",
                    CELERYD_CONCURRENCY=str(SLOTS), **TUNINGS[tuning]) as app:
        for _ in range(RUNS):
            project = uploaded(60)
            run = project.start()
            assert project.ended(run, 300) == "completed" and exact(project, run)
            chunks, seconds = app.stores.query("""
                SELECT chunks, extract(epoch FROM time_completed - time_started) FROM runs
                WHERE run_id = '{}'""".format(run.rsplit("/", 1)[1]), app.database).split("|")
            found.append(int(chunks) / float(seconds))
            print("{}: {} chunks in {:.1f} s, {:.1f} a second".format(
                tuning, chunks, float(seconds), found[-1]), file=sys.__stdout__, flush=True)
    return found


def test_tasks_a_second(stores):
    print()
    best = {tuning: max(rates(stores, tuning)) for tuning in TUNINGS}
    print("{} slots, best of {}: Operator {:.1f}, Upstream {:.1f} tasks a second: {:.1f} times"
          .format(SLOTS, RUNS, best["Operator"], best["Upstream"],
                  best["Operator"] / best["Upstream"]))
