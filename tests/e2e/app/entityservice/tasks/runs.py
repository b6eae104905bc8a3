"""The life of a run, apart from the comparing itself."""
import logging

from entityservice import cache, database
from entityservice.async_worker import celery
from entityservice.tasks.base_task import TracedTask

log = logging.getLogger(__name__)


@celery.task(base=TracedTask, ignore_result=True)
def prerun_check(project_id, run_id):
    log.info("run %s of project %s was posted", run_id, project_id)
    check_for_executable_runs.delay(project_id)


@celery.task(base=TracedTask, ignore_result=True)
def check_for_executable_runs(project_id):
    """Starts the runs that were posted, if all parties have uploaded."""
    from entityservice.tasks.comparing import create_comparison_jobs
    missing, = database.row("""
        SELECT count(*) FROM dataproviders WHERE project_id = %s AND uploaded <> 'done'""",
                            project_id)
    if missing:
        return
    for run_id, in database.rows("""
            UPDATE runs SET state = 'queued' WHERE project_id = %s AND state = 'created'
            RETURNING run_id""", project_id):
        cache.set_run_active(run_id)
        create_comparison_jobs.apply_async(
            (project_id, run_id), link_error=run_failed.s(run_id=run_id))


@celery.task(base=TracedTask, ignore_result=True)
def mark_run_complete(run_id):
    database.execute("""
        UPDATE runs SET state = 'completed', time_completed = now()
        WHERE run_id = %s AND state = 'running'""", run_id)
    database.execute("""
        INSERT INTO metrics (rate)
        SELECT comparisons / greatest(extract(epoch FROM time_completed - time_started), 0.001)
        FROM runs WHERE run_id = %s AND state = 'completed'""", run_id)
    cache.set_run_complete(run_id)


@celery.task(base=TracedTask, ignore_result=True)
def run_failed(_request, error, _traceback, run_id):
    """Errors of a run end here: of one task, or of the first chunk of a chord that fails. Celery
    calls it in the process that saw the error."""
    database.execute("""
        UPDATE runs SET state = 'error', error_msg = %s, time_completed = now()
        WHERE run_id = %s AND state <> 'completed'""", str(error), run_id)
    log.warning("run %s failed: %s", run_id, error)
    cache.set_run_deleted(run_id)
