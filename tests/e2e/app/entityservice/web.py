"""The web application: what is common to all requests."""
import logging

import kombu.exceptions
import minio.error
import psycopg2
import redis.exceptions
import urllib3.exceptions
from flask import Flask, jsonify, request
from werkzeug.exceptions import HTTPException

from entityservice import checks, database, settings
from entityservice.errors import Refused
from entityservice.views import projects, runs, status, uploads

log = logging.getLogger(__name__)

app = Flask("entityservice")
for part in (status, projects, uploads, runs):
    app.register_blueprint(part.paths)


def _problem(status_code, detail):
    answer = jsonify(title="Problem", status=status_code, detail=detail)
    answer.status_code = status_code
    answer.mimetype = "application/problem+json"
    return answer


@app.before_request
def prepare():
    # The first request of each process makes the pool, so even /version waits for the database.
    database.open_pool(settings.FLASK_DB_MIN_CONNECTIONS, settings.FLASK_DB_MAX_CONNECTIONS)
    for name in settings.LOG_HTTP_HEADER_FIELDS:
        log.info("%s: %s", name, request.headers.get(name))
    checks.query()


@app.errorhandler(Refused)
def refused(error):
    return _problem(error.status, error.detail)


@app.errorhandler(HTTPException)
def http_error(error):
    return _problem(error.code, error.description)


@app.errorhandler(psycopg2.errors.UndefinedTable)
def uninitialized(_):
    return _problem(500, "DB uninitialized")


@app.errorhandler(psycopg2.Error)
@app.errorhandler(redis.exceptions.RedisError)
@app.errorhandler(kombu.exceptions.KombuError)
@app.errorhandler(minio.error.MinioException)
@app.errorhandler(urllib3.exceptions.HTTPError)
def dependency_down(error):
    log.error("%s %s: %s: %s", request.method, request.path, type(error).__name__, error)
    return _problem(500, "a service that this one needs did not answer")
