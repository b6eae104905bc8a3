"""The real servers that the application needs, on loopback."""
import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[4]
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
STORE, APPLICATION = "tests/object-store/build.sh", "tests/e2e/app/build.sh"
REDIS_NAME = "redis.test"
REDIS_ADDRESSES = ["127.0.1.1", "127.0.1.2", "127.0.1.3"]
# Postgres listens here, too, so that the application can be cut off from it.
POSTGRES_APART = "127.0.4.1"
NOBODY = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
PASSWORD = "password1"
ACCESS = {who: (who + "access", who + "secret") for who in ("root", "app", "upload", "download")}


def eventually(condition, seconds, what):
    """The first true value of the condition, which may raise until then."""
    end = time.monotonic() + seconds
    while True:
        last = None
        try:
            value = condition()
            if value:
                return value
        except Exception as error:  # any: it is shown when the time is up
            last = error
        assert time.monotonic() < end, "{} s passed, not {}: {}".format(seconds, what, last)
        time.sleep(0.1)


def children(pid):
    with open("/proc/{0}/task/{0}/children".format(pid), encoding="utf-8") as file:
        return [int(child) for child in file.read().split()]


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="contract-app-"))
    path.chmod(0o755)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@functools.cache
def built(script):
    """The folder that the script makes. First asked for where there is a network to fetch from."""
    done = subprocess.run([ROOT / script], stdout=subprocess.PIPE, text=True, check=True)
    return pathlib.Path(done.stdout.strip())


class Process:
    """A program in a session of its own, its output in a file; `stop` ends all that it started."""

    def __init__(self, command, log, **options):
        self.log = log
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(
                [str(part) for part in command], stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, start_new_session=True, **options)

    def running(self):
        return self.popen.poll() is None

    def stop(self, number=signal.SIGTERM, patience=20):
        """Ends the program, by force after the patience; returns its exit status."""
        if self.running():
            self.popen.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.popen.wait(patience)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        return self.popen.wait()

    def kill(self):
        return self.stop(signal.SIGKILL)

    def text(self):
        return self.log.read_text(errors="replace")


class Stores:
    """Postgres and the object store with its buckets, users and policies."""

    def __init__(self, path):
        self.path = path
        self.processes = []

    def __enter__(self):
        try:
            self._postgres()
            self._minio()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.stop(signal.SIGINT)

    def _postgres(self):
        data = self.path / "postgres"
        data.mkdir()
        shutil.chown(data, "nobody", "nogroup")
        (self.path / "password").write_text(PASSWORD)
        subprocess.run([*NOBODY, POSTGRES / "initdb", "-D", data, "-U", "postgres", "-A",
                        "scram-sha-256", "--pwfile", self.path / "password", "--no-sync"],
                       check=True, stdout=subprocess.DEVNULL)
        self.start_postgres()

    def start_postgres(self):
        self.postgres = Process(
            [*NOBODY, POSTGRES / "postgres", "-D", self.path / "postgres", "-c",
             "listen_addresses=127.0.0.1,%s" % POSTGRES_APART, "-c", "unix_socket_directories="],
            self.path / "postgres.log")
        self.processes.append(self.postgres)
        eventually(lambda: self.query("SELECT 1") == "1", 30, "Postgres answers")

    def signal_postgres(self, number):
        """To all its processes at once, as when its container is killed."""
        first = self.postgres.popen.pid
        for pid in [first, *children(first)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill_postgres(self):
        self.signal_postgres(signal.SIGKILL)
        self.postgres.kill()

    def query(self, sql, database="postgres"):
        done = subprocess.run(
            [POSTGRES / "psql", "-X", "-At", "-h", "127.0.0.1", "-U", "postgres", "-d", database,
             "-c", sql], env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True,
            timeout=20)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def _minio(self):
        self.programs = built(STORE)
        access, secret = ACCESS["root"]
        self.processes.append(Process(
            [self.programs / "minio", "server", "--address", "127.0.0.1:9000",
             "--console-address", "127.0.0.1:9001", self.path / "minio"], self.path / "minio.log",
            env={**os.environ, "MINIO_ROOT_USER": access, "MINIO_ROOT_PASSWORD": secret}))
        eventually(lambda: self.mc("root", "ls", "it"), 30, "the object store answers")
        for bucket in ("anonlink", "uploads"):
            self.mc("root", "mb", "it/" + bucket)
        self._user("app", [
            (["s3:GetBucketLocation", "s3:ListBucket"], ["anonlink", "uploads"]),
            (["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
             ["anonlink/quarantine/*", "anonlink/similarity-scores/*"]),
            (["s3:GetObject", "s3:DeleteObject"], ["uploads/*"])])
        self._user("upload", [(["s3:PutObject"], ["uploads/*"])])
        self._user("download", [(["s3:GetObject"], ["anonlink/similarity-scores/*"])])

    def _user(self, who, statements):
        policy = self.path / (who + ".json")
        policy.write_text(json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": actions,
             "Resource": ["arn:aws:s3:::" + name for name in names]}
            for actions, names in statements]}))
        self.mc("root", "admin", "user", "add", "it", *ACCESS[who])
        self.mc("root", "admin", "policy", "create", "it", who, str(policy))
        self.mc("root", "admin", "policy", "attach", "it", who, "--user", ACCESS[who][0])

    def mc(self, who, *arguments):
        done = subprocess.run(
            [self.programs / "mc", "--config-dir", self.path / "mc", *arguments],
            env={"PATH": os.environ["PATH"], "HOME": str(self.path),
                 "MC_HOST_it": "http://{}:{}@127.0.0.1:9000".format(*ACCESS[who])},
            capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr
        return done


class Redis:
    """One master, or three servers with three Sentinels; servers are told apart by address."""

    def __init__(self, path, sentinel, min_replicas=0):
        self.path, self.sentinel, self.min_replicas = path, sentinel, min_replicas
        self.addresses = REDIS_ADDRESSES if sentinel else REDIS_ADDRESSES[:1]
        self.servers, self.sentinels = {}, {}

    def __enter__(self):
        for address in self.addresses:
            self.start(address, self.addresses[0])
        if self.sentinel:
            eventually(lambda: self.info("connected_slaves") == "2", 20, "two replicas")
            for address in self.addresses:
                self._start_sentinel(address)
            eventually(lambda: all(self.ask(a, "sentinel", "ckquorum", "mymaster", port=26379)
                                   .startswith("OK 3") for a in self.addresses), 30, "a quorum")
            eventually(lambda: all("slaves=2" in self.ask(a, "info", "sentinel", port=26379)
                                   for a in self.addresses), 30, "the replicas are known")
        return self

    def __exit__(self, *_):
        for process in [*self.sentinels.values(), *self.servers.values()]:
            process.kill()

    def start(self, address, master):
        data = self.path / address
        data.mkdir(exist_ok=True)
        replica = [] if master == address else ["--replicaof", master, "6379"]
        self.servers[address] = Process(
            ["redis-server", "--bind", address, "--port", "6379", "--dir", data, "--requirepass",
             PASSWORD, "--masterauth", PASSWORD, "--replica-announce-ip", address,
             "--appendonly", "yes", "--save", "",
             "--min-replicas-max-lag", "10", "--repl-diskless-sync-delay", "0",
             "--min-replicas-to-write", self.min_replicas, *replica],
            self.path / (address + ".log"))
        eventually(lambda: self.ask(address, "ping") == "PONG", 20, "Redis answers")

    def _start_sentinel(self, address):
        config = self.path / (address + ".sentinel")
        config.write_text("""
bind {0}
port 26379
protected-mode no
sentinel announce-ip {0}
sentinel monitor mymaster {1} 6379 2
sentinel auth-pass mymaster {2}
sentinel down-after-milliseconds mymaster 5000
sentinel failover-timeout mymaster 20000
sentinel parallel-syncs mymaster 1
""".format(address, self.addresses[0], PASSWORD))
        self.sentinels[address] = Process(["redis-sentinel", config],
                                          self.path / (address + ".sentinel.log"))
        eventually(lambda: self.ask(address, "ping", port=26379) == "PONG", 20, "Sentinel answers")

    def ask(self, address, *command, port=6379):
        done = subprocess.run(
            ["redis-cli", "-h", address, "-p", str(port), *command], capture_output=True, text=True,
            timeout=10, env={**os.environ, **({"REDISCLI_AUTH": PASSWORD} if port == 6379 else {})})
        return done.stdout.strip()

    def master(self):
        if not self.sentinel:
            return self.addresses[0]
        return self.ask(self.addresses[2], "sentinel", "get-master-addr-by-name", "mymaster",
                        port=26379).split()[0]

    def info(self, name, address=None):
        for line in self.ask(address or self.addresses[0], "info").splitlines():
            if line.startswith(name + ":"):
                return line.strip().split(":", 1)[1]
        return None

    def unacked(self):
        return int(self.ask(self.master(), "hlen", "unacked"))
