"""What the operator's objects call, and a linkage from project to result."""
import contextlib
import os
import pathlib
import subprocess

import pytest

import services
from application import Application, Parties, Project, request, succeed
from services import Redis


@pytest.fixture(scope="module", params=["direct", "sentinel"])
def app(request, stores):
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(services.folder())
        redis = stack.enter_context(Redis(path, request.param == "sentinel"))
        # 30 x 30 comparisons in several chunks
        yield stack.enter_context(Application(path, stores, redis, "linkage_" + request.param,
                                              CHUNK_SIZE_AIM="200"))


def test_a_second_migration_changes_nothing(app):
    assert "Running upgrade" not in app.migrate().stderr
    revision = app.stores.query("SELECT version_num FROM alembic_version", app.database)
    assert revision == "9a5d78339327"


def test_scores_are_the_dice_coefficients_of_all_pairs_above_the_threshold(app):
    project = Project(Parties(1), "similarity_scores")
    project.upload_json(0)
    project.upload_binary(1)
    run = project.start()
    assert project.ended(run) == "completed"
    found = {(left, right): score for (_, left), (_, right), score
             in project.result(run)["similarity_scores"]}
    expected = project.parties.similarities()
    assert len(expected) == 12
    assert found == pytest.approx(expected)
    chunks = app.stores.query("SELECT chunks FROM runs WHERE run_id = '{}'".format(
        run.rsplit("/", 1)[1]), app.database)
    assert int(chunks) > 1


def test_groups_hold_the_matching_records(app):
    project = Project(Parties(2), "groups")
    project.upload_binary(0)
    project.upload_binary(1)
    run = project.start()
    assert project.ended(run) == "completed"
    pairs = {(left, right) for (_, left), (_, right) in project.result(run)["groups"]}
    assert pairs == set(project.parties.similarities())


def test_permutations_put_matching_records_at_the_same_masked_position(app):
    project = Project(Parties(3), "permutations")
    run = project.start()  # before the uploads: it waits for them
    project.upload_json(0)
    project.upload_json(1)
    assert project.ended(run) == "completed"
    mask = project.result(run)["mask"]
    left, right = (project.result(run, receipt)["permutation"] for receipt in project.receipts)
    assert sorted(left) == sorted(right) == list(range(30))
    pairs = {(left.index(place), right.index(place)) for place, one in enumerate(mask) if one}
    assert pairs == set(project.parties.similarities())


def test_an_upload_with_temporary_credentials_is_linked_and_then_removed(app):
    project = Project(Parties(4), "groups")
    found = succeed("GET", project.path + "/authorize-external-upload", project.update_tokens[0])
    given, target = found["credentials"], found["upload"]
    name = target["path"] + "/encodings"
    script = """
import io, minio, sys
data = sys.stdin.buffer.read()
client = minio.Minio(sys.argv[1], *sys.argv[2:5], secure=False, region="us-east-1")
client.put_object(sys.argv[5], sys.argv[6], io.BytesIO(data), len(data),
                  metadata={"hash-count": sys.argv[7], "hash-size": sys.argv[8]})
try:
    client.get_object(sys.argv[5], sys.argv[6])
except minio.error.S3Error as error:
    print(error.code)
"""
    encodings = project.parties.encodings[0]
    done = subprocess.run(
        ["python", "-c", script, target["endpoint"], given["AccessKeyId"],
         given["SecretAccessKey"], given["SessionToken"], target["bucket"], name,
         str(len(encodings)), "64"], input=b"".join(encodings), capture_output=True,
        env={**os.environ, "PATH": app.environment["PATH"]})
    assert (done.returncode, done.stdout) == (0, b"AccessDenied\n"), done.stderr
    succeed("POST", project.path + "/clks", project.update_tokens[0], document={
        "encodings": {"file": {"bucket": target["bucket"], "path": name}}})
    project.upload_binary(1)
    run = project.start()
    assert project.ended(run) == "completed"
    pairs = {(left, right) for (_, left), (_, right) in project.result(run)["groups"]}
    assert pairs == set(project.parties.similarities())
    assert not list((app.stores.path / "minio/uploads").glob("*/*/*"))


def test_a_result_can_be_fetched_from_the_store_with_temporary_credentials(app):
    project = Project(Parties(5), "similarity_scores")
    project.upload_binary(0)
    project.upload_binary(1)
    run = project.start()
    assert project.ended(run) == "completed"
    status, found = request("GET", run + "/result", project.token,
                            headers={"RETURN-OBJECT-STORE-ADDRESS": "true"})
    assert status == 200
    given, source = found["credentials"], found["object"]
    script = """
import minio, sys
client = minio.Minio(sys.argv[1], *sys.argv[2:5], secure=False, region="us-east-1")
print(len(client.get_object(sys.argv[5], sys.argv[6]).read()))
"""
    done = app.run("python", "-c", script, source["endpoint"], given["AccessKeyId"],
                   given["SecretAccessKey"], given["SessionToken"], source["bucket"],
                   source["path"])
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 12 * 8


@pytest.mark.parametrize("method, path, expected", [
    ("GET", "/version", 200), ("GET", "/status", 200), ("GET", "/projects", 200),
    ("GET", "/status?x=1", 400), ("GET", "/nothing", 404), ("POST", "/projects", 400),
    ("GET", "/projects/unknown", 400)])
def test_a_plain_request_gets_the_status(app, method, path, expected):
    assert request(method, path)[0] == expected


def test_tokens_open_what_they_are_for(app):
    project = Project(Parties(6), "groups")
    assert request("GET", project.path, project.token)[0] == 200
    assert request("GET", project.path, project.update_tokens[0])[0] == 403
    assert request("POST", project.path + "/runs", "wrong", document={"threshold": 1})[0] == 403
    project.upload_binary(0)
    assert request("POST", project.path + "/clks", project.update_tokens[0],
                   document={"clks": ["AAAAAAAAAAA="]})[0] == 403
    assert request("POST", project.path + "/clks", project.update_tokens[1],
                   document={"clks": ["AAAA"]})[0] == 400
    run = project.start()
    assert request("GET", run + "/result", project.token)[0] == 404
    assert request("DELETE", project.path, project.token)[0] == 204
    assert request("GET", project.path, project.token)[0] == 403


def test_without_the_logging_file_every_role_ends_at_import(app):
    for command in (["alembic", "upgrade", "head"],
                    ["gunicorn", "--check-config", "entityservice:app"],
                    ["celery", "-A", "entityservice.async_worker", "report"]):
        done = app.run(*command, LOG_CFG="/nonexistent")
        assert done.returncode != 0 and "/nonexistent" in done.stderr + done.stdout


def test_a_failure_has_a_traceback_that_can_be_shown(app):
    done = app.run("python", "-c", """
import traceback
import entityservice.async_worker
from billiard.einfo import ExceptionInfo
try:
    1 / 0
except ZeroDivisionError:
    found = ExceptionInfo()
print("".join(traceback.format_exception(found.type, found.exception, found.tb)))
""")
    assert done.returncode == 0 and "ZeroDivisionError" in done.stdout, done.stderr


def test_the_built_folder_works_under_another_path(app, tmp_path):
    moved = tmp_path / "elsewhere"
    subprocess.run(["cp", "-r", app.home, moved], check=True)
    done = app.run(str(moved / "bin/python"), "-c", "import entityservice as e; print(e.__file__)",
                   PATH="/usr/bin:/bin")
    assert pathlib.Path(done.stdout.strip()).is_relative_to(moved), done.stderr
