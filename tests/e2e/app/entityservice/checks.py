"""What a request must look like, and what its tokens open."""
from flask import request

from entityservice import database, settings
from entityservice.errors import Refused


def query():
    """No resource has parameters in its address."""
    if settings.STRICT_VALIDATION and request.args:
        raise Refused(400, "unknown parameters: " + ", ".join(sorted(request.args)))


def document():
    found = request.get_json(silent=True)
    if not isinstance(found, dict):
        raise Refused(400, "the body is not a JSON object")
    return found


def token():
    found = request.headers.get("Authorization")
    if not found:
        raise Refused(400, "the header Authorization is missing")
    return found


def number_header(name):
    try:
        return int(request.headers[name])
    except (KeyError, ValueError):
        raise Refused(400, "the header {} is missing or not a number".format(name)) from None


def project_for_result(project_id):
    """(name, notes, result type, parties) for who holds the result token."""
    return _project(project_id, """
        SELECT name, notes, result_type, parties FROM projects
        WHERE project_id = %s AND result_token = %s AND NOT marked_for_deletion""", token())


def dataprovider(project_id):
    """The id of the data provider whose update token this is."""
    return _project(project_id, """
        SELECT d.id FROM projects p JOIN dataproviders d USING (project_id)
        WHERE project_id = %s AND d.update_token = %s AND NOT marked_for_deletion""", token())[0]


def dataprovider_of_receipt(project_id):
    """The id of the data provider whose receipt this is, or None."""
    found = database.row("""
        SELECT id FROM dataproviders WHERE project_id = %s AND receipt_token = %s""",
                         project_id, token())
    return found[0] if found else None


def _project(project_id, statement, key):
    found = database.row(statement, project_id, key)
    if found is None:
        raise Refused(403, "no such project, or not with this token")
    return found
