"""Writes OCI archives: the same layers and configuration give the same bytes, on every machine.

https://github.com/opencontainers/image-spec/blob/v1.1.0/image-layout.md
"""
import hashlib
import io
import json
import pathlib
import tarfile

ARCHITECTURE = "amd64"


def layer(path, files):
    """Writes a layer of {path in the image: (bytes, mode)}, all of them root's; parents included."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        folders = set()
        for name in sorted(files):
            for parent in reversed(pathlib.PurePosixPath(name).parents[:-1]):
                if parent not in folders:
                    folders.add(parent)
                    entry = tarfile.TarInfo(str(parent))
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(entry)
            content, mode = files[name]
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), mode
            tar.addfile(entry, io.BytesIO(content))


class Archive:
    """`with Archive(path) as it: it.add(name, layers, config)`; images share their layers."""

    def __init__(self, path):
        self._tar = tarfile.open(path, "w", format=tarfile.GNU_FORMAT)
        self._blobs, self._images = set(), []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._put("oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())
        self._put("index.json", json.dumps({"schemaVersion": 2, "manifests": self._images}).encode())
        self._tar.close()

    def add(self, name, layers, config):
        """Its digest. config as in an image's `config`: User, Env, Entrypoint, WorkingDir."""
        contents = [self._file(path) for path in layers]
        image = {"architecture": ARCHITECTURE, "os": "linux", "config": config,
                 "rootfs": {"type": "layers", "diff_ids": [it["digest"] for it in contents]}}
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "config": self._document("application/vnd.oci.image.config.v1+json", image),
                    "layers": contents}
        described = self._document(manifest["mediaType"], manifest)
        self._images.append({
            **described,
            "annotations": {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}})
        return described["digest"]

    def _document(self, kind, document):
        content = json.dumps(document, sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        if self._is_new(digest):
            self._put(f"blobs/sha256/{digest}", content)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(content)}

    def _file(self, path):
        path = pathlib.Path(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
            if self._is_new(digest):
                file.seek(0)
                entry = tarfile.TarInfo(f"blobs/sha256/{digest}")
                entry.size, entry.mode = size, 0o644
                self._tar.addfile(entry, file)
        return {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": f"sha256:{digest}",
                "size": size}

    def _is_new(self, digest):
        known = digest in self._blobs
        self._blobs.add(digest)
        return not known

    def _put(self, name, content):
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = len(content), 0o644
        self._tar.addfile(entry, io.BytesIO(content))
