"""The Celery application: `celery -A entityservice.async_worker worker -Q ...`."""
import itertools
import logging

from billiard import einfo
from celery import Celery, signals

from entityservice import database, settings

log = logging.getLogger(__name__)

# Fixed, whatever REDIS_SENTINEL_NAME says; with it every other option keeps kombu's default, among
# them the visibility timeout of an hour and sockets that wait without limit.
TRANSPORT = {"master_name": "mymaster"}

# Python 3.11 asks code objects for positions, and those that this billiard makes of a traceback have
# none: every failure would be one of Celery's own, told by a process that has no database.
einfo._Code.co_positions = lambda _: itertools.repeat((None,) * 4)

celery = Celery(
    "entityservice", broker=settings.CELERY_BROKER_URL, backend=settings.CELERY_BROKER_URL,
    include=["entityservice.tasks.uploads", "entityservice.tasks.runs",
             "entityservice.tasks.comparing", "entityservice.tasks.solving",
             "entityservice.tasks.removing"])

celery.conf.update(
    broker_transport_options=TRANSPORT,
    result_backend_transport_options=TRANSPORT,
    task_acks_late=settings.CELERY_ACKS_LATE,
    worker_prefetch_multiplier=settings.CELERYD_PREFETCH_MULTIPLIER,
    worker_max_tasks_per_child=settings.CELERYD_MAX_TASKS_PER_CHILD,
    task_routes={
        "entityservice.tasks.comparing.create_comparison_jobs": {"queue": "celery"},
        "entityservice.tasks.comparing.compute_filter_similarity": {"queue": "compute"},
        "entityservice.tasks.comparing.aggregate_comparisons": {"queue": "highmemory"},
        "entityservice.tasks.solving.solver_task": {"queue": "highmemory"},
        "entityservice.tasks.solving.save_and_permute": {"queue": "highmemory"},
        "entityservice.tasks.uploads.handle_raw_upload": {"queue": "celery"},
    },
)
if settings.CELERYD_CONCURRENCY:
    celery.conf.worker_concurrency = settings.CELERYD_CONCURRENCY


@signals.worker_process_init.connect
def open_pool(**_):
    database.open_pool(settings.CELERY_DB_MIN_CONNECTIONS, settings.CELERY_DB_MAX_CONNECTIONS)


@signals.worker_process_shutdown.connect
def close_pool(**_):
    database.close_pool()
