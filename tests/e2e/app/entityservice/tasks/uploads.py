"""From what a data provider sent to rows in the database."""
import json
import logging

from entityservice import database, encodings, object_store, settings
from entityservice.async_worker import celery
from entityservice.tasks.base_task import TracedTask
from entityservice.tasks.runs import check_for_executable_runs

log = logging.getLogger(__name__)


def quarantine(receipt_token):
    return "quarantine/{}.json".format(receipt_token)


@celery.task(base=TracedTask, ignore_result=True)
def handle_upload_error(_request, _error, _traceback, dp_id):
    database.execute("UPDATE dataproviders SET uploaded = 'error' WHERE id = %s", dp_id)


@celery.task(base=TracedTask, ignore_result=True)
def handle_raw_upload(project_id, dp_id, receipt_token):
    """An upload as JSON, which the API put into the application's bucket as it came."""
    client = object_store.connect()
    name = quarantine(receipt_token)
    document = json.loads(object_store.read(client, settings.MINIO_BUCKET, name))
    encodings.save(dp_id, encodings.from_json(document))
    check_for_executable_runs.delay(project_id)
    client.remove_object(settings.MINIO_BUCKET, name)


@celery.task(base=TracedTask, ignore_result=True)
def pull_external_data_encodings_only(project_id, dp_id, bucket, path):
    """An upload that the client put into the bucket of uploads; its metadata say what it holds."""
    client = object_store.connect_to_uploads()
    metadata = client.stat_object(bucket, path).metadata
    count = int(metadata["x-amz-meta-hash-count"])
    size = int(metadata["x-amz-meta-hash-size"])
    data = object_store.read(client, bucket, path)
    encodings.save(dp_id, encodings.from_binary(data, count, size))
    client.remove_object(bucket, path)
    check_for_executable_runs.delay(project_id)
