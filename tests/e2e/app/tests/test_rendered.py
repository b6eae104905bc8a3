"""The operator's rendered commands, environment and probes fit the application."""
import contextlib
import json
import subprocess

import pytest

import rendered
import services
from application import Application
from roles import Role
from services import Process, Redis, eventually

ROLES = ["Deployment/-api", "Deployment/-worker", "Deployment/-worker-highmemory", "Job/migrate"]


@pytest.fixture(scope="module")
def app(stores):
    with contextlib.ExitStack() as stack:
        path = stack.enter_context(services.folder())
        redis = stack.enter_context(Redis(path, sentinel=False))
        yield stack.enter_context(Application(path, stores, redis, "rendered"))


@pytest.mark.parametrize("sample", ["minimal", "production"])
@pytest.mark.parametrize("role", ROLES)
def test_the_settings_parse_and_name_what_the_operator_means(app, tmp_path, sample, role):
    found = Role(rendered.render(sample, tmp_path), role)
    # The files that the paths name are the pods'.
    here = {name: app.environment[name] for name in ("LOG_CFG", "TRACE_CFG")}
    assert set(here) < set(found.environment)
    done = app.run("python", "-c", """
import json
from entityservice import settings
print(json.dumps({n: v for n, v in vars(settings).items() if n.isupper()}, default=list))
""", **{**found.environment, **here})
    assert done.returncode == 0, done.stderr
    settings = json.loads(done.stdout)
    for name, value in found.environment.items():
        if name in here or name not in settings:
            continue
        known = settings[name]
        if isinstance(known, bool):
            value = value == "true"
        assert known == (int(value) if type(known) is int else value), name
    assert (app.home / "bin" / found.command[0]).exists()


def test_the_rendered_worker_runs_and_its_probe_tells_a_dead_worker(app, tmp_path):
    objects = rendered.render("minimal", tmp_path)
    worker = Role(objects, "Deployment/-worker-highmemory")
    process = Process(worker.command, app.path / "rendered.log", cwd=app.home / "www",
                      env=app.environment)
    app.processes.append(process)
    eventually(lambda: " ready." in process.text(), 40, "the worker is ready")
    environment = {**app.environment,
                   "CELERY_BROKER_URL": "redis://:{}@{}:6379/0".format(
                       services.PASSWORD, services.REDIS_ADDRESSES[0])}

    def told(probe="livenessProbe"):
        done = subprocess.run(worker.container[probe]["exec"]["command"], env=environment,
                              cwd=app.home / "www", capture_output=True, text=True, timeout=60)
        return done.returncode, done.stderr
    assert told("startupProbe")[0] == told()[0] == 0
    full = ["config", "set", "maxmemory"]
    assert app.redis.ask(services.REDIS_ADDRESSES[0], *full, "1") == "OK"
    assert told()[0] == 0, "that Redis is full is no fault of the worker"
    assert app.redis.ask(services.REDIS_ADDRESSES[0], *full, "0") == "OK"
    process.kill()
    code, error = told()
    assert code == 1, error
