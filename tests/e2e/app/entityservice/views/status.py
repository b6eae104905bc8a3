"""Whether the service works, and its versions."""
from flask import Blueprint, jsonify

import entityservice
from entityservice import cache, database

paths = Blueprint("status", __name__)


@paths.get("/status")
def status():
    found = cache.get_status()
    if found is None:
        projects, = database.row("SELECT count(*) FROM projects WHERE NOT marked_for_deletion")
        rate = database.row("SELECT rate FROM metrics ORDER BY id DESC LIMIT 1")
        found = {"status": "ok", "project_count": projects, "rate": rate[0] if rate else 1}
        cache.set_status(found)
    return jsonify(found)


@paths.get("/version")
def version():
    return jsonify(entityservice.versions())
