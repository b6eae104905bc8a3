"""build.py SERVICES STORE DNS APPLICATION FOLDER: writes the images of real nodes to FOLDER/images.tar.

SERVICES is the archive of a Debian root with Postgres, Redis, nginx and Python; every image stands on
it, so that a node keeps it once. STORE and DNS have the programs of the object store and of cluster
DNS, APPLICATION is what tests/e2e/app/build.sh makes. Each image stands in for the one of the same
name, with its user, its paths, its commands and its environment.
"""
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools"))
import oci  # noqa: E402

ENTRYPOINTS = HERE.parent.parent / "configuration/image"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def users(name, number):
    """The files that give the number a name: some programs ask for it."""
    return {
        "etc/passwd": (f"root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n"
                       f"{name}:x:{number}:{number}::/tmp:/bin/sh\n".encode(), 0o644),
        "etc/group": (f"root:x:0:\nnogroup:x:65534:\n{name}:x:{number}:\n".encode(), 0o644)}


def programs(folder, *names):
    return {f"usr/local/bin/{name}": ((folder / name).read_bytes(), 0o755) for name in names}


def application(folder):
    """Its programs and packages, and the working directory."""
    places = {"bin": "opt/application/bin", "lib": "opt/application/lib", "www": "var/www"}
    return {f"{place}/{file.relative_to(folder / part)}": (file.read_bytes(), file.stat().st_mode & 0o777)
            for part, place in places.items()
            for file in (folder / part).rglob("*") if file.is_file()}


def images(store, app):
    """{name: (files, configuration)} of those that stand on the services."""
    return {
        "docker.io/library/postgres:17-trixie": (
            {**users("postgres", 999),
             **programs(ENTRYPOINTS, "docker-entrypoint.sh", "docker-ensure-initdb.sh")},
            {"Env": [f"{PATH}:/usr/lib/postgresql/15/bin", "PGDATA=/var/lib/postgresql/data"],
             "Entrypoint": ["docker-entrypoint.sh"], "Cmd": ["postgres"]}),
        "docker.io/valkey/valkey:8.1": (users("redis", 999), {"User": "999:999", "Env": [PATH]}),
        "docker.io/pgsty/silo:RELEASE.2026-09-16T00-00-00Z": (
            {**users("minio", 1000), **programs(store, "minio", "mc")},
            {"Env": [PATH], "Entrypoint": ["minio"]}),
        "docker.io/data61/anonlink-app:v1.15.1": (
            {**users("user", 1000), **application(app)},
            {"User": "1000", "Env": [f"PATH=/opt/application/bin:{PATH.removeprefix('PATH=')}"],
             "WorkingDir": "/var/www"}),
        "docker.io/data61/anonlink-nginx:v1.4.9": (users("nginx", 101), {"User": "101", "Env": [PATH]}),
    }


def main():
    services, store, dns, app, folder = map(pathlib.Path, sys.argv[1:])
    pause = folder / "pause"
    subprocess.run(["gcc", "-Os", "-static", "-s", "-o", pause, HERE / "pause.c"], check=True)
    oci.layer(folder / "layer.tar", {"pause": (pause.read_bytes(), 0o755)})
    with oci.Archive(folder / "images.tar") as archive:
        archive.add("localhost/entityservice/pause:1", [folder / "layer.tar"],
                    {"User": "65534:65534", "Entrypoint": ["/pause"]})
        oci.layer(folder / "layer.tar", {"coredns": ((dns / "coredns").read_bytes(), 0o755)})
        archive.add("localhost/entityservice/coredns:1", [folder / "layer.tar"],
                    {"User": "65534:65534", "Entrypoint": ["/coredns"]})
        for name, (files, config) in images(store, app).items():
            oci.layer(folder / "layer.tar", files)
            archive.add(name, [services, folder / "layer.tar"], config)
    pause.unlink()
    (folder / "layer.tar").unlink()


if __name__ == "__main__":
    main()
