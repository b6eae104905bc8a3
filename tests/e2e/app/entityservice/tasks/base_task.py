"""What all tasks share."""
import time

import minio.error
import urllib3.exceptions
from celery import Task

STORE_ERRORS = (minio.error.MinioException, urllib3.exceptions.HTTPError)

# The pause lets the tracer's thread report. It is taken whether or not there is a tracer, after the
# result is stored and before a late acknowledgement: it occupies the slot.
TRACER_SECONDS = 2


class TracedTask(Task):
    def after_return(self, status, retval, task_id, args, kwargs, einfo):
        time.sleep(TRACER_SECONDS)


def try_again(task, error):
    """Celery's default of three attempts holds: no task sets max_retries."""
    raise task.retry(countdown=5, exc=error)
