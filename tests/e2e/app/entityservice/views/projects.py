"""Projects."""
import secrets

from flask import Blueprint, jsonify
from psycopg2.extras import Json

from entityservice import checks, database
from entityservice.errors import Refused
from entityservice.tasks.removing import remove_project

paths = Blueprint("projects", __name__)

RESULT_TYPES = ("groups", "permutations", "similarity_scores")


def new_token():
    """24 random bytes: for ids and tokens alike."""
    return secrets.token_hex(24)


def _parties(document, kind):
    parties = document.get("number_parties", 2)
    if not isinstance(parties, int) or isinstance(parties, bool) or parties < 2:
        raise Refused(400, "number_parties is a number of at least 2")
    if kind != "groups" and parties != 2:
        raise Refused(400, "{} are for two parties".format(kind))
    return parties


@paths.get("/projects")
def index():
    return jsonify([
        {"project_id": project_id, "time_added": added.isoformat()}
        for project_id, added in database.rows("""
            SELECT project_id, time_added FROM projects WHERE NOT marked_for_deletion
            ORDER BY time_added""")])


@paths.post("/projects")
def create():
    document = checks.document()
    kind = document.get("result_type")
    if kind not in RESULT_TYPES:
        raise Refused(400, "result_type is one of " + ", ".join(RESULT_TYPES))
    if not isinstance(document.get("schema"), dict):
        raise Refused(400, "schema is missing")
    if document.get("uses_blocking"):
        raise Refused(400, "this application does not know blocks")
    parties = _parties(document, kind)
    project_id, result_token = new_token(), new_token()
    update_tokens = [new_token() for _ in range(parties)]
    with database.transaction() as cursor:
        cursor.execute("""
            INSERT INTO projects
                (project_id, name, notes, schema, result_type, result_token, parties)
            VALUES (%s, %s, %s, %s, %s, %s, %s)""",
                       (project_id, document.get("name", ""), document.get("notes", ""),
                        Json(document["schema"]), kind, result_token, parties))
        for position, token in enumerate(update_tokens):
            cursor.execute("""
                INSERT INTO dataproviders (project_id, position, update_token)
                VALUES (%s, %s, %s)""", (project_id, position, token))
    return jsonify(project_id=project_id, result_token=result_token,
                   update_tokens=update_tokens), 201


@paths.get("/projects/<project_id>")
def describe(project_id):
    name, notes, kind, parties = checks.project_for_result(project_id)
    states = [state for state, in database.rows(
        "SELECT uploaded FROM dataproviders WHERE project_id = %s", project_id)]
    return jsonify(project_id=project_id, name=name, notes=notes, result_type=kind,
                   number_parties=parties, parties_contributed=states.count("done"),
                   error="error" in states, uses_blocking=False)


@paths.delete("/projects/<project_id>")
def delete(project_id):
    checks.project_for_result(project_id)
    database.execute("UPDATE projects SET marked_for_deletion = true WHERE project_id = %s",
                     project_id)
    remove_project.delay(project_id)
    return "", 204
