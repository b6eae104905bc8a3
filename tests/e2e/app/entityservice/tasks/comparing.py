"""Comparing: chunks of the two parties' encodings in parallel, then all pairs in one file."""
import array
import io
import logging
import tempfile

import anonlink
import celery as celery_library
import tenacity
from anonlink.similarities import dice_coefficient_accelerated

from entityservice import cache, database, encodings, object_store, settings
from entityservice.async_worker import celery
from entityservice.errors import InactiveRun, TooManyPairs
from entityservice.tasks.base_task import STORE_ERRORS, TracedTask, try_again
from entityservice.tasks.runs import mark_run_complete, run_failed
from entityservice.tasks.solving import solver_task

log = logging.getLogger(__name__)


@celery.task(base=TracedTask, ignore_result=True)
def create_comparison_jobs(project_id, run_id):
    threshold, = database.row("SELECT threshold FROM runs WHERE run_id = %s", run_id)
    parties = database.rows("""
        SELECT id, encoding_count FROM dataproviders WHERE project_id = %s ORDER BY position""",
                            project_id)
    sizes = [count for _, count in parties]
    total = sum(a * b for index, a in enumerate(sizes) for b in sizes[index + 1:])
    cache.set_total_comparisons(project_id, total)
    chunks = list(anonlink.concurrency.split_to_chunks(settings.CHUNK_SIZE_AIM,
                                                       dataset_sizes=sizes))
    database.execute("""
        UPDATE runs SET state = 'running', time_started = now(), comparisons = %s, chunks = %s
        WHERE run_id = %s AND state = 'queued'""", total, len(chunks), run_id)
    dps = [dp for dp, _ in parties]
    celery_library.chord(
        compute_filter_similarity.s(chunk, dps, run_id, threshold) for chunk in chunks
    )(aggregate_comparisons.s(project_id, run_id).on_error(run_failed.s(run_id=run_id)))


@celery.task(base=TracedTask, bind=True)
def compute_filter_similarity(self, chunk, dps, run_id, threshold):
    """The number of pairs of one chunk, the size of the file that holds them, and its name."""
    try:
        return _compare(self.request.id, chunk, dps, run_id, threshold)
    except InactiveRun:
        log.info("run %s is not active, chunk skipped", run_id)
        return None
    except STORE_ERRORS as error:
        return try_again(self, error)


def _compare(task_id, chunk, dps, run_id, threshold):
    if not cache.is_run_active(run_id):
        raise InactiveRun(run_id)
    sides = [(side["datasetIndex"], *side["range"]) for side in chunk]
    scores, records = dice_coefficient_accelerated(
        [encodings.load(dps[index], begin, end) for index, begin, end in sides], threshold, k=None)
    pairs = (
        scores,
        tuple(array.array("I", [index] * len(scores)) for index, _, _ in sides),
        tuple(array.array("I", (begin + record for record in found))
              for (_, begin, _), found in zip(sides, records)),
    )
    name, size = None, 0
    if len(scores):
        # Named by the task: a second execution writes the same file.
        name = "similarity-scores/{}/{}".format(run_id, task_id)
        size = _store(name, pairs)
    cache.save_progress(run_id, (sides[0][2] - sides[0][1]) * (sides[1][2] - sides[1][1]),
                        len(scores))
    return len(scores), size, name


def _store(name, pairs):
    file = io.BytesIO()
    anonlink.serialization.dump_candidate_pairs(pairs, file)
    size = file.tell()
    file.seek(0)
    object_store.connect().put_object(settings.MINIO_BUCKET, name, file, size)
    return size


@celery.task(base=TracedTask, autoretry_for=STORE_ERRORS, retry_backoff=True, ignore_result=True)
def aggregate_comparisons(results, project_id, run_id):
    # A chunk that found the run inactive gave nothing: taking it apart is a TypeError.
    pairs = sum(number for number, _, _ in results)
    kind, = database.row("SELECT result_type FROM projects WHERE project_id = %s", project_id)
    limit = (settings.SIMILARITY_SCORES_MAX_CANDIDATE_PAIRS if kind == "similarity_scores"
             else settings.SOLVER_MAX_CANDIDATE_PAIRS)
    if pairs > limit:
        raise TooManyPairs("{} candidate pairs, more than {}".format(pairs, limit))
    name = "similarity-scores/{}.bin".format(run_id)
    chunks = [chunk for _, _, chunk in results if chunk]
    _merge(name, chunks)
    database.execute("""
        INSERT INTO similarity_scores (run_id, file, pairs) VALUES (%s, %s, %s)
        ON CONFLICT (run_id) DO UPDATE SET file = excluded.file, pairs = excluded.pairs""",
                     run_id, name, pairs)
    if kind == "similarity_scores":
        mark_run_complete.delay(run_id)
    else:
        solver_task.apply_async((name, project_id, run_id),
                                link_error=run_failed.s(run_id=run_id))
    delete_minio_objects.delay(chunks)


@tenacity.retry(wait=tenacity.wait_random_exponential(max=10), reraise=True,
                stop=tenacity.stop_after_delay(120),
                retry=tenacity.retry_if_exception_type(STORE_ERRORS))
def _merge(name, chunks):
    client = object_store.connect()
    files = [io.BytesIO(object_store.read(client, settings.MINIO_BUCKET, chunk))
             for chunk in chunks]
    with tempfile.TemporaryFile() as merged:
        if files:
            anonlink.serialization.merge_streams(files, merged)
        else:
            anonlink.serialization.dump_candidate_pairs(
                (array.array("d"), (array.array("I"),) * 2, (array.array("I"),) * 2), merged)
        size = merged.tell()
        merged.seek(0)
        client.put_object(settings.MINIO_BUCKET, name, merged, size)


@celery.task(base=TracedTask, ignore_result=True)
def delete_minio_objects(names):
    client = object_store.connect()
    for name in names:
        client.remove_object(settings.MINIO_BUCKET, name)
