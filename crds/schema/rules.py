"""Rules of CEL over the whole spec. Each is in crds/*.cpp too; tests/crds/cases.yaml tries both."""
import pathlib
import re

from shapes import rule

NUMBER = "(0|[1-9][0-9]{0,3})"
RELEASE = rf"^({NUMBER}(\\.{NUMBER}){{0,2}}|latest)$"
NO_MOVE = "data does not move by itself, make a new resource"

VARIABLES = ("^(DATABASE.*|POSTGRES_.*|PG.*|REDIS_.*|MINIO_.*|UPLOAD_OBJECT_STORE_.*|"
             "DOWNLOAD_OBJECT_STORE_.*|CELERY_BROKER_URL|CELERY_ACKS_LATE|CELERYD_.*|CELERY_DB_.*|"
             "FLASK_DB_.*|CHUNK_SIZE_AIM|CACHE_EXPIRY_SECONDS|LOG_CFG|TRACE_CFG)$")
PARAMETERS = ("^(max_connections|listen_addresses|port|data_directory|config_file|hba_file|"
              "ident_file|external_pid_file|include.*|unix_socket_.*|password_encryption|ssl.*)$")

BUCKETS = {"results": "anonlink", "uploads": "uploads"}


def volume_sizes():
    """Sizes where none is written, (Production, else) of each store: the table of the program."""
    table = (pathlib.Path(__file__).resolve().parents[1] / "volume_sizes.h").read_text()
    found = {name[0].lower() + name[1:]: (production, other) for name, production, other
             in re.findall(r'\bk(\w+)Volume = \{"(\w+)", "(\w+)"\};', table)}
    if found.keys() != {"database", "redis", "objectStore"}:
        raise SystemExit(f"crds/volume_sizes.h has sizes of {sorted(found)}")
    return found


SIZES = volume_sizes()


def written(of, *path):
    """The path and each step to it are there. Not `.?`: values of unknown size are too dear."""
    steps = [".".join((of, *path[:end])) for end in range(1, len(path) + 1)]
    return "(" + " && ".join(f"has({step})" for step in steps) + ")"


def storage(store, field):
    return (store, "managed", "storage", field)


def persistent(of, store):
    return f"{of}.?{store}.?managed.?storage.?enabled.orValue({of}.profile != 'Minimal')"


def redis_size(of):
    return f"{of}.?redis.?managed.?replicas.orValue({of}.profile == 'Production' ? 3 : 1)"


def value_or(of, path, default):
    return f"({written(of, *path)} ? {'.'.join((of, *path))} : {default})"


def unchanged(path):
    name = ".".join(path)
    new, old = written("self", *path), written("oldSelf", *path)
    return rule(f"{new} ? {old} && self.{name} == oldSelf.{name} : !{old}",
                f"{name} cannot change; {NO_MOVE}", fieldPath=f".{path[0]}")


def versions():
    return [
        rule(f"self.channel != 'Release' || self.version.matches('{RELEASE}')",
             "with channel Release it must be X, X.Y, X.Y.Z or latest", fieldPath=".version"),
        rule("self.channel != 'Develop' || self.version == 'develop'",
             "with channel Develop it must be develop", fieldPath=".version"),
        rule("self.channel != 'Commit' || self.version.matches('^[0-9a-f]{40}$')",
             "with channel Commit it must be the 40 hex digits of a commit", fieldPath=".version"),
        rule("self.profile != 'Production' || self.version != 'latest'",
             "a Production resource must not follow latest; name a release", fieldPath=".version"),
    ]


def volumes(store):
    described = " || ".join(written("self", *storage(store, field))
                            for field in ("size", "className", "accessModes", "existingClaim"))
    path = storage(store, "size")
    new, old = written("self", *path), written("oldSelf", *path)
    name = ".".join(path)
    production, other = SIZES[store]
    was = (f"{old} ? quantity(string(oldSelf.{name})) : "
           f"quantity(self.profile == 'Production' ? '{production}' : '{other}')")
    at = {"fieldPath": f".{store}"}
    return [
        rule(f"{persistent('self', store)} || !({described})",
             f"{store}.managed.storage.enabled is false (written, or by the profile), but a volume "
             "is described; write true or remove the rest", **at),
        rule(f"{persistent('self', store)} == {persistent('oldSelf', store)}",
             f"{store}.managed.storage.enabled cannot change; {NO_MOVE}", **at),
        rule(f"!{old} || {new}", f"{name} cannot be removed; write it again", **at),
        rule(f"!{new} || quantity(string(self.{name})).compareTo({was}) >= 0",
             f"{name} cannot shrink: a volume never does; write what it was, or more", **at),
    ] + [unchanged(storage(store, field)) for field in ("className", "accessModes", "existingClaim")]


def redis():
    mode = "self.?redis.?mode.orValue('')"
    return [
        rule(f"{mode} != 'Direct' || {redis_size('self')} == 1",
             "redis.mode Direct works with one Redis; write Sentinel or managed.replicas: 1",
             fieldPath=".redis"),
        rule(f"{mode} != 'Sentinel' || {redis_size('self')} == 3",
             "redis.mode Sentinel needs three; write Direct or managed.replicas: 3",
             fieldPath=".redis"),
        rule(f"{redis_size('self')} != 3 || {persistent('self', 'redis')}",
             "three Redis with Sentinel need volumes; write managed.storage.enabled: true or "
             "managed.replicas: 1", fieldPath=".redis"),
        rule(f"{redis_size('self')} == 1 || !{written('self', *storage('redis', 'existingClaim'))}",
             "redis.managed.storage.existingClaim serves one Redis; write replicas: 1 or remove it",
             fieldPath=".redis"),
        rule(f"{redis_size('self')} == 3 || !self.?redis.?managed.?sentinelResources.hasValue()",
             "redis.managed.sentinelResources means nothing with one Redis; remove it",
             fieldPath=".redis"),
        rule(f"{redis_size('self')} == {redis_size('oldSelf')}",
             f"redis.managed.replicas cannot change; {NO_MOVE}", fieldPath=".redis"),
    ]


def buckets():
    def name_of(of, bucket):
        return value_or(of, ("objectStore", "buckets", bucket), f"'{BUCKETS[bucket]}'")

    rules = [rule(f"{name_of('self', 'results')} != {name_of('self', 'uploads')}",
                  "objectStore.buckets: results and uploads must be two buckets, clients must not "
                  "reach the results", fieldPath=".objectStore")]
    for bucket in BUCKETS:
        rules.append(rule(f"{name_of('self', bucket)} == {name_of('oldSelf', bucket)}",
                          f"objectStore.buckets.{bucket} cannot change; {NO_MOVE}",
                          fieldPath=".objectStore"))
    return rules


def of_spec():
    rules = versions()
    for store in SIZES:
        rules += volumes(store)
    return rules + redis() + buckets()
