"""Runs and their results."""
import io

import anonlink
from flask import Blueprint, jsonify, request

from entityservice import cache, checks, database, object_store, settings
from entityservice.errors import Refused
from entityservice.tasks.runs import prerun_check
from entityservice.views.projects import new_token

paths = Blueprint("runs", __name__)

STAGES = ("waiting for CLKs", "compute similarity scores", "compute output")
DOWNLOAD_HEADER = "RETURN-OBJECT-STORE-ADDRESS"


def _time(value):
    return value.isoformat() if value else None


def _run(project_id, run_id, columns):
    found = database.row("SELECT " + columns + """ FROM runs
        WHERE run_id = %s AND project_id = %s""", run_id, project_id)
    if found is None:
        raise Refused(404, "no such run")
    return found


@paths.get("/projects/<project_id>/runs")
def index(project_id):
    checks.project_for_result(project_id)
    return jsonify([{"run_id": run_id, "time_added": _time(added), "state": state}
                    for run_id, added, state in database.rows("""
                        SELECT run_id, time_added, state FROM runs WHERE project_id = %s
                        ORDER BY time_added""", project_id)])


@paths.post("/projects/<project_id>/runs")
def create(project_id):
    checks.project_for_result(project_id)
    document = checks.document()
    threshold = document.get("threshold")
    if not isinstance(threshold, (int, float)) or not 0 <= threshold <= 1:
        raise Refused(400, "threshold is a number from 0 to 1")
    run_id = new_token()
    added, = database.rows("""
        INSERT INTO runs (run_id, project_id, name, notes, threshold) VALUES (%s, %s, %s, %s, %s)
        RETURNING time_added""", run_id, project_id, document.get("name", ""),
                           document.get("notes", ""), threshold)[0]
    prerun_check.delay(project_id, run_id)
    return jsonify(run_id=run_id, project_id=project_id, threshold=threshold, state="created",
                   name=document.get("name", ""), notes=document.get("notes", ""),
                   time_added=_time(added)), 201


@paths.get("/projects/<project_id>/runs/<run_id>")
def describe(project_id, run_id):
    checks.project_for_result(project_id)
    name, notes, threshold, state, added = _run(
        project_id, run_id, "name, notes, threshold, state, time_added")
    return jsonify(run_id=run_id, name=name, notes=notes, threshold=threshold, state=state,
                   time_added=_time(added))


@paths.delete("/projects/<project_id>/runs/<run_id>")
def delete(project_id, run_id):
    checks.project_for_result(project_id)
    _run(project_id, run_id, "1")
    cache.set_run_deleted(run_id)
    database.execute("DELETE FROM runs WHERE run_id = %s", run_id)
    return "", 204


@paths.get("/projects/<project_id>/runs/<run_id>/status")
def status(project_id, run_id):
    if checks.dataprovider_of_receipt(project_id) is None:
        checks.project_for_result(project_id)
    state, added, started, completed, total, message, has_pairs = _run(project_id, run_id, """
        state, time_added, time_started, time_completed, comparisons, error_msg,
        EXISTS (SELECT FROM similarity_scores s WHERE s.run_id = runs.run_id)""")
    number = 0 if state in ("created", "queued") else 2 if has_pairs else 1
    answer = {"state": state, "time_added": _time(added), "time_started": _time(started),
              "time_completed": _time(completed),
              "stages": len(STAGES),
              "current_stage": {"number": number + 1, "description": STAGES[number]}}
    if message:
        answer["message"] = message
    if state == "running" and total:
        done = cache.comparisons(run_id)
        answer["current_stage"]["progress"] = {
            "absolute": done, "relative": done / total, "description": "comparisons"}
    return jsonify(answer)


@paths.get("/projects/<project_id>/runs/<run_id>/result")
def result(project_id, run_id):
    dp = checks.dataprovider_of_receipt(project_id)
    if dp is not None:
        kind, = database.row("SELECT result_type FROM projects WHERE project_id = %s", project_id)
        if kind != "permutations":
            raise Refused(403, "a receipt opens a permutation only")
    else:
        _, _, kind, _ = checks.project_for_result(project_id)
    if _run(project_id, run_id, "state")[0] != "completed":
        raise Refused(404, "the run has no result yet")
    if kind == "groups":
        groups, = database.row("SELECT groups FROM run_results WHERE run_id = %s", run_id)
        return jsonify(groups=groups)
    if kind == "permutations":
        return _permutation(run_id, dp)
    return _scores(run_id)


def _permutation(run_id, dp):
    if dp is None:
        mask, = database.row("SELECT mask FROM permutation_masks WHERE run_id = %s", run_id)
        return jsonify(mask=mask)
    found, = database.row("""
        SELECT permutation FROM permutations WHERE run_id = %s AND dp = %s""", run_id, dp)
    return jsonify(permutation=found, rows=len(found))


def _scores(run_id):
    file, = database.row("SELECT file FROM similarity_scores WHERE run_id = %s", run_id)
    if request.headers.get(DOWNLOAD_HEADER, "").lower() == "true":
        return jsonify(
            credentials=object_store.download_credentials(file),
            object={"endpoint": settings.DOWNLOAD_OBJECT_STORE_SERVER,
                    "secure": settings.DOWNLOAD_OBJECT_STORE_SECURE,
                    "bucket": settings.MINIO_BUCKET, "path": file})
    data = object_store.read(object_store.connect(), settings.MINIO_BUCKET, file)
    scores, parties, records = anonlink.serialization.load_candidate_pairs(io.BytesIO(data))
    pairs = zip(scores, zip(*parties), zip(*records))
    return jsonify(similarity_scores=[
        [[a, left], [b, right], score] for score, (a, b), (left, right) in pairs])
