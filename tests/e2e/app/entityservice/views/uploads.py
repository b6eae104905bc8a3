"""Uploads: as JSON or binary through this service, or by way of the object store."""
import io

from flask import Blueprint, jsonify, request

from entityservice import checks, database, encodings, object_store, settings
from entityservice.errors import Refused
from entityservice.tasks.runs import check_for_executable_runs
from entityservice.tasks.uploads import (handle_raw_upload, handle_upload_error,
                                         pull_external_data_encodings_only, quarantine)
from entityservice.views.projects import new_token

paths = Blueprint("uploads", __name__)


def _begin(dp):
    """A receipt for an upload that only one request can begin; one that failed can be repeated."""
    receipt = new_token()
    if not database.execute("""
            UPDATE dataproviders SET uploaded = 'in_progress', receipt_token = %s
            WHERE id = %s AND uploaded IN ('not_started', 'error')""", receipt, dp):
        raise Refused(403, "this data provider has uploaded already")
    return receipt


def _take(dp, accept):
    """Accepts the upload and answers with its receipt; what goes wrong leaves it repeatable."""
    receipt = _begin(dp)
    try:
        accept(receipt)
    except Exception:
        database.execute("UPDATE dataproviders SET uploaded = 'error' WHERE id = %s", dp)
        raise
    return jsonify(message="Updated", receipt_token=receipt), 201


def _enabled():
    if not settings.UPLOAD_OBJECT_STORE_ENABLED:
        raise Refused(500, "Feature Disabled")


@paths.get("/projects/<project_id>/authorize-external-upload")
def authorize(project_id):
    _enabled()
    dp = checks.dataprovider(project_id)
    path = "{}/{}".format(project_id, dp)
    return jsonify(
        credentials=object_store.upload_credentials(path),
        upload={"endpoint": settings.UPLOAD_OBJECT_STORE_SERVER,
                "secure": settings.UPLOAD_OBJECT_STORE_SECURE,
                "bucket": settings.UPLOAD_OBJECT_STORE_BUCKET,
                "path": path}), 201


@paths.post("/projects/<project_id>/clks")
def clks(project_id):
    dp = checks.dataprovider(project_id)
    if request.mimetype == "application/octet-stream":
        return _binary(project_id, dp)
    document = checks.document()
    if isinstance(document.get("encodings"), dict):
        return _external(project_id, dp, document["encodings"])
    try:
        encodings.from_json(document)
    except (TypeError, ValueError) as error:
        raise Refused(400, str(error)) from None

    def accept(receipt):
        data = request.get_data()
        object_store.connect().put_object(settings.MINIO_BUCKET, quarantine(receipt),
                                          io.BytesIO(data), len(data))
        handle_raw_upload.apply_async((project_id, dp, receipt),
                                      link_error=handle_upload_error.s(dp_id=dp))

    return _take(dp, accept)


@paths.post("/projects/<project_id>/binaryclks")
def binary_clks(project_id):
    return _binary(project_id, checks.dataprovider(project_id))


def _binary(project_id, dp):
    count, size = checks.number_header("Hash-Count"), checks.number_header("Hash-Size")
    try:
        found = encodings.from_binary(request.get_data(), count, size)
    except ValueError as error:
        raise Refused(400, str(error)) from None

    def accept(_):
        encodings.save(dp, found)
        check_for_executable_runs.delay(project_id)

    return _take(dp, accept)


def _external(project_id, dp, reference):
    _enabled()
    file = reference.get("file", {})
    bucket, path = file.get("bucket"), file.get("path", "")
    if bucket != settings.UPLOAD_OBJECT_STORE_BUCKET:
        raise Refused(400, "encodings come from the bucket of uploads")
    if not path.startswith("{}/{}/".format(project_id, dp)):
        raise Refused(403, "the path is not this data provider's")

    def accept(_):
        pull_external_data_encodings_only.apply_async(
            (project_id, dp, bucket, path), link_error=handle_upload_error.s(dp_id=dp))

    return _take(dp, accept)
