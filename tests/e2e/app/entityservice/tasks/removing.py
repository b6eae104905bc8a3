"""Forgetting a project."""
from entityservice import cache, database, object_store, settings
from entityservice.async_worker import celery
from entityservice.tasks.base_task import TracedTask


@celery.task(base=TracedTask, ignore_result=True)
def remove_project(project_id):
    runs = [run_id for run_id, in database.rows(
        "SELECT run_id FROM runs WHERE project_id = %s", project_id)]
    cache.forget_project(project_id, runs)
    database.execute("DELETE FROM projects WHERE project_id = %s", project_id)
    client = object_store.connect_to_uploads()
    for run_id in runs:
        object_store.remove_below(client, settings.MINIO_BUCKET, "similarity-scores/" + run_id)
    if settings.UPLOAD_OBJECT_STORE_ENABLED:
        object_store.remove_below(client, settings.UPLOAD_OBJECT_STORE_BUCKET, project_id + "/")
