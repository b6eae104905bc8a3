"""From candidate pairs to groups, and to permutations that hide who matched."""
import io
import logging
import random

import anonlink
from psycopg2.extras import Json

from entityservice import database, object_store, settings
from entityservice.async_worker import celery
from entityservice.tasks.base_task import TracedTask
from entityservice.tasks.runs import mark_run_complete, run_failed

log = logging.getLogger(__name__)


@celery.task(base=TracedTask, ignore_result=True)
def solver_task(file, project_id, run_id):
    data = object_store.read(object_store.connect(), settings.MINIO_BUCKET, file)
    pairs = anonlink.serialization.load_candidate_pairs(io.BytesIO(data))
    groups = sorted(sorted([dp, record] for dp, record in group)
                    for group in anonlink.solving.greedy_solve(pairs))
    save_and_permute.apply_async((groups, project_id, run_id),
                                 link_error=run_failed.s(run_id=run_id))


@celery.task(base=TracedTask, ignore_result=True)
def save_and_permute(groups, project_id, run_id):
    database.execute("""
        INSERT INTO run_results (run_id, groups) VALUES (%s, %s) ON CONFLICT DO NOTHING""",
                     run_id, Json(groups))
    kind, = database.row("SELECT result_type FROM projects WHERE project_id = %s", project_id)
    if kind == "permutations":
        permute_mapping_data.apply_async((project_id, run_id),
                                         link_error=run_failed.s(run_id=run_id))
    else:
        mark_run_complete.delay(run_id)


@celery.task(base=TracedTask, ignore_result=True)
def permute_mapping_data(project_id, run_id):
    parties = database.rows("""
        SELECT id, encoding_count FROM dataproviders WHERE project_id = %s ORDER BY position""",
                            project_id)
    groups, = database.row("SELECT groups FROM run_results WHERE run_id = %s", run_id)
    permutations, mask = permute(groups, [count for _, count in parties])
    with database.transaction() as cursor:
        cursor.execute("""
            INSERT INTO permutation_masks (run_id, mask) VALUES (%s, %s) ON CONFLICT DO NOTHING""",
                       (run_id, Json(mask)))
        # Mask and permutations belong together: another execution's are all kept, or none.
        if cursor.rowcount:
            for (dp, _), permutation in zip(parties, permutations):
                cursor.execute("INSERT INTO permutations VALUES (%s, %s, %s)",
                               (run_id, dp, Json(permutation)))
    mark_run_complete.delay(run_id)


def permute(groups, sizes, source=None):
    """For each party the new position of each record; for each position whether it is a match."""
    source = source or random.SystemRandom()
    positions = list(range(max(sizes)))
    source.shuffle(positions)
    matched, free = positions[:len(groups)], positions[len(groups):]
    permutations = [[None] * size for size in sizes]
    for position, group in zip(matched, groups):
        for party, record in group:
            permutations[party][record] = position
    for permutation in permutations:
        rest = source.sample(free, len(free))
        for record, position in enumerate(permutation):
            if position is None:
                permutation[record] = rest.pop()
    mask = [0] * len(positions)
    for position in matched:
        mask[position] = 1
    return permutations, mask
