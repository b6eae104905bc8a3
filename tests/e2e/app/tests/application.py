"""The application's processes, started as the operator's objects start them, and a client."""
import json
import signal
import subprocess

import linkage
from linkage import Parties  # noqa: F401
from rest import Api
from services import (ACCESS, APPLICATION, PASSWORD, REDIS_ADDRESSES, REDIS_NAME, Process, built,
                      eventually)


class Application:
    def __init__(self, path, stores, redis, database, **changes):
        self.path, self.stores, self.redis, self.database = path, stores, redis, database
        self.home = built(APPLICATION)
        self.processes = []
        self.environment = self._environment(changes)
        stores.query("CREATE DATABASE " + database)

    def _environment(self, changes):
        host = REDIS_NAME if self.redis.sentinel else REDIS_ADDRESSES[0]
        logging, tracing = self.path / "logging.yaml", self.path / "tracing.yaml"
        logging.write_text(json.dumps({
            "version": 1, "disable_existing_loggers": False,
            "formatters": {"plain": {"format": "%(message)s"}},
            "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain",
                                     "stream": "ext://sys.stdout"}},
            "root": {"level": "INFO", "handlers": ["console"]}}))
        tracing.write_text("sampler: {type: const, param: 0}\n")
        return {
            "PATH": "{}:/usr/bin:/bin".format(self.home / "bin"), "HOME": str(self.path),
            "LOG_CFG": str(logging), "TRACE_CFG": str(tracing),
            "REDIS_SERVER": host, "REDIS_PASSWORD": PASSWORD,
            "REDIS_USE_SENTINEL": "true" if self.redis.sentinel else "false",
            **({"CELERY_BROKER_URL": ";".join(
                "sentinel://:{}@{}:26379/0".format(PASSWORD, address)
                for address in REDIS_ADDRESSES)} if self.redis.sentinel else {}),
            "MINIO_SERVER": "127.0.0.1:9000", "MINIO_BUCKET": "anonlink",
            "MINIO_ACCESS_KEY": ACCESS["app"][0], "MINIO_SECRET_KEY": ACCESS["app"][1],
            "UPLOAD_OBJECT_STORE_SECURE": "false", "UPLOAD_OBJECT_STORE_BUCKET": "uploads",
            "UPLOAD_OBJECT_STORE_ACCESS_KEY": ACCESS["upload"][0],
            "UPLOAD_OBJECT_STORE_SECRET_KEY": ACCESS["upload"][1],
            "DOWNLOAD_OBJECT_STORE_SECURE": "false",
            "DOWNLOAD_OBJECT_STORE_ACCESS_KEY": ACCESS["download"][0],
            "DOWNLOAD_OBJECT_STORE_SECRET_KEY": ACCESS["download"][1],
            "DATABASE_SERVER": "127.0.0.1", "DATABASE": self.database, "DATABASE_USER": "postgres",
            "DATABASE_PASSWORD": PASSWORD, "POSTGRES_DB": self.database,
            "POSTGRES_USER": "postgres", "MIN_ENCODING_SIZE": "8", "MAX_ENCODING_SIZE": "1024",
            "FLASK_DB_MAX_CONNECTIONS": "2", "CELERY_ACKS_LATE": "true",
            "CELERYD_CONCURRENCY": "4", **changes}

    def run(self, *command, **changes):
        return subprocess.run(command, cwd=self.home / "www", env={**self.environment, **changes},
                              capture_output=True, text=True, timeout=60)

    def migrate(self):
        done = self.run("alembic", "upgrade", "head")
        assert done.returncode == 0, done.stderr
        return done

    def start(self, *command, name):
        process = Process(command, self.path / (name + ".log"), cwd=self.home / "www",
                          env=self.environment)
        self.processes.append(process)
        return process

    def start_api(self):
        return self.start("gunicorn", "--name=entityservice-web", "--bind=0.0.0.0:8000",
                          "--workers=2", "--timeout=600", "--graceful-timeout=15",
                          "--worker-tmp-dir=/dev/shm", "--log-level=info", "--access-logfile=-",
                          "entityservice:app", name="api")

    def start_worker(self, queues="celery,compute,highmemory", name="worker"):
        worker = self.start("celery", "-A", "entityservice.async_worker", "worker",
                            "--loglevel=info", "-O", "fair", "-Q", queues, "-n", name + "@%h",
                            name=name)
        eventually(lambda: " ready." in worker.text(), 40, "the worker is ready")
        return worker

    def __enter__(self):
        try:
            self.migrate()
            self.api, self.worker = self.start_api(), self.start_worker()
            eventually(lambda: request("GET", "/status")[1]["status"] == "ok", 30, "the API is up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.stop(signal.SIGQUIT, patience=1)
            # pytest shows it when a test failed
            print(process.log.name, *process.text().splitlines()[-60:], sep="\n")


API = Api("http://127.0.0.1:8000")
request, succeed = API.request, API.succeed


class Project(linkage.Project):
    """A project with its tokens, at the API."""

    def __init__(self, parties, kind):
        super().__init__(API, parties, kind)

    def ended(self, run, seconds=60):
        """The state in which the run ended."""
        def over():
            state = self.state(run)
            return state if state in ("completed", "error") else None
        return eventually(over, seconds, "an end of the run")
