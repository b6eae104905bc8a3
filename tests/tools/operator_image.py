"""operator_image.py PROGRAM ARCHIVE: writes the operator's image, an OCI archive, and prints its name and
digest.

It holds the program, the libraries that it loads, and what the C library reads to find hosts and the
user; no shell, no packages. The same program and libraries give the same bytes.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

import oci

USER = 65532  # nobody's on any node; manifests/operator.yaml runs it as this one, too
LIBRARIES = "lib/x86_64-linux-gnu"
ORDERLY = {
    "etc/passwd": (f"operator:x:{USER}:{USER}::/:/nologin\n".encode(), 0o644),
    "etc/group": (f"operator:x:{USER}:\n".encode(), 0o644),
    "etc/nsswitch.conf": (b"hosts: files dns\n", 0o644)}


def libraries(program):
    """{path in the image: path here} of what the dynamic linker finds, itself included."""
    found = {}
    for line in subprocess.run(["ldd", program], capture_output=True, text=True,
                               check=True).stdout.splitlines():
        match = re.search(r"(/\S+) \(0x", line)
        if match:
            path = pathlib.Path(match[1])
            loader = path.name.startswith("ld-linux")
            found[f"lib64/{path.name}" if loader else f"{LIBRARIES}/{path.name}"] = path
        elif "not found" in line:
            raise ValueError(f"{program}: {line.strip()}; install it, or build again: ./dev build")
    return found


def stripped(program):
    with tempfile.NamedTemporaryFile() as copy:
        subprocess.run(["strip", "--strip-all", "-o", copy.name, program], check=True)
        return pathlib.Path(copy.name).read_bytes()


def version(program):
    said = subprocess.run([program, "version"], capture_output=True, text=True, check=True).stdout
    return re.search(r"\d+\.\d+\.\d+\S*", said)[0]


def write(program, archive):
    """The image's name and digest."""
    name = f"docker.io/library/entityservice-operator:{version(program)}"
    files = {"entityservice-operator": (stripped(program), 0o755), **ORDERLY,
             **{place: (path.read_bytes(), 0o755) for place, path in libraries(program).items()}}
    fresh = archive.with_suffix(".new")
    with tempfile.NamedTemporaryFile() as layer, oci.Archive(fresh) as image:
        oci.layer(layer.name, files)
        digest = image.add(name, [layer.name], {
            "User": f"{USER}:{USER}", "Entrypoint": ["/entityservice-operator"], "Cmd": ["run"],
            "Labels": {"org.opencontainers.image.title": "entityservice-operator",
                       "org.opencontainers.image.version": version(program)}})
    fresh.rename(archive)
    return name, digest


def main():
    program, archive = (pathlib.Path(one).absolute() for one in sys.argv[1:])
    name, digest = write(program, archive)
    print(f"{archive}\n{name}\n{digest}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, subprocess.CalledProcessError) as error:
        sys.exit(f"error: {error}")
