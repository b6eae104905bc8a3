"""What is kept in Redis beside the queues: the state and progress of runs, and the last status.

Writes go to the master. What only reads goes to a replica under Sentinel, so it may be late, and a
former master that has not been told yet counts as a replica.
"""
import pickle

import redis
from redis.sentinel import MasterNotFoundError, Sentinel
import tenacity

from entityservice import settings

STATUS = "entityservice-status"
STATUS_SECONDS = 30
PROJECT_SECONDS = 3600


def _client(read_only=False):
    if not settings.REDIS_USE_SENTINEL:
        return redis.Redis(host=settings.REDIS_SERVER, password=settings.REDIS_PASSWORD, port=6379,
                           db=0)
    sentinel = Sentinel([(settings.REDIS_SERVER, 26379)], password=settings.REDIS_PASSWORD)
    find = sentinel.slave_for if read_only else sentinel.master_for
    return find(settings.REDIS_SENTINEL_NAME)


def _run(run_id):
    return "run:" + run_id


def get_status():
    kept = _client(read_only=True).get(STATUS)
    return None if kept is None else pickle.loads(kept)


def set_status(status):
    _client().setex(STATUS, STATUS_SECONDS, pickle.dumps(status))


def _set_run_state(run_id, state):
    with _client().pipeline() as pipeline:
        pipeline.hset(_run(run_id), "state", state)
        pipeline.expire(_run(run_id), settings.CACHE_EXPIRY_SECONDS)
        pipeline.execute()


def set_run_active(run_id):
    _set_run_state(run_id, "active")


def set_run_complete(run_id):
    _set_run_state(run_id, "complete")


def set_run_deleted(run_id):
    _set_run_state(run_id, "deleted")


def is_run_active(run_id):
    return _client(read_only=True).hget(_run(run_id), "state") == b"active"


# The names are Python's own errors: redis-py's ConnectionError and TimeoutError are not among them.
@tenacity.retry(
    wait=tenacity.wait_random_exponential(max=10), stop=tenacity.stop_after_delay(120),
    reraise=True,
    retry=tenacity.retry_if_exception_type((MasterNotFoundError, ConnectionError, TimeoutError)))
def save_progress(run_id, comparisons, candidates):
    with _client().pipeline() as pipeline:
        pipeline.hincrby(_run(run_id), "comparisons", comparisons)
        pipeline.hincrby(_run(run_id), "candidates", candidates)
        pipeline.expire(_run(run_id), settings.CACHE_EXPIRY_SECONDS)
        pipeline.execute()


def comparisons(run_id):
    return int(_client(read_only=True).hget(_run(run_id), "comparisons") or 0)


def set_total_comparisons(project_id, total):
    key = "project:" + project_id
    with _client().pipeline() as pipeline:
        pipeline.hset(key, "total_comparisons", total)
        pipeline.expire(key, PROJECT_SECONDS)
        pipeline.execute()


def forget_project(project_id, run_ids):
    client = _client()
    client.delete("project:" + project_id)
    for run_id in run_ids:
        set_run_deleted(run_id)
