"""Runs a rendered pod: what a kubelet would do, with the programs of this machine as its image.

Each container is process 1 of its own process namespace, on a read-only root that holds this
machine's /usr and the volumes at the paths of the pod's specification, with the user, environment
and command written there. A pod has one address. All ends with the test process.
"""
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import time

import network

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "control-plane"))
import processes  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PATH = "/image:/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What images have of /etc; users by the numbers of the official images.
PASSWD = """root:x:0:0::/root:/bin/sh
postgres:x:999:999::/var/lib/postgresql:/bin/sh
user:x:1000:1000::/home/user:/bin/sh
"""
GROUP = "root:x:0:\npostgres:x:999:\nuser:x:1000:\n"

SETUP = """set -eu
root={root}
mount -t tmpfs -o mode=755 tmpfs $root
cd $root
mkdir -p usr proc dev/shm etc tmp run var/lib var/run image .host
for link in bin sbin lib lib64; do
  if [ -L /$link ]; then cp -a /$link .; else mkdir $link; mount --bind /$link $link; fi
done
mount --bind /usr usr
mount --bind {image} image
for node in null zero full random urandom tty; do
  touch dev/$node
  mount --bind /dev/$node dev/$node
done
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
mount -t proc proc proc
for file in ld.so.cache nsswitch.conf localtime; do
  if [ -e /etc/$file ]; then cp -L /etc/$file etc/; fi
done
for directory in alternatives ssl; do
  mkdir etc/$directory
  mount --bind /etc/$directory etc/$directory
done
cp {folder}/passwd {folder}/group {folder}/hosts etc/
{volumes}
hostname {hostname}
mount -o remount,ro,mode=755 $root
pivot_root . .host
exec chroot . sh -c 'umount -l /.host && exec "$@"' sh {command}
"""


class Container:
    def __init__(self, pod, spec):
        self.pod, self.spec, self.name = pod, spec, spec["name"]
        self.log = pod.folder / f"{self.name}.log"
        self.process = None

    def environment(self):
        values = {"PATH": PATH, "HOSTNAME": self.pod.name}
        for variable in self.spec.get("env", []):
            values[variable["name"]] = self._value(variable)
        return values

    def _value(self, variable):
        source = variable.get("valueFrom")
        if not source:
            return variable.get("value", "")
        if "secretKeyRef" in source:
            reference = source["secretKeyRef"]
            return self.pod.secret(reference["name"])[reference["key"]]
        path = source["fieldRef"]["fieldPath"]
        return {"metadata.name": self.pod.name, "metadata.namespace": self.pod.namespace,
                "status.podIP": self.pod.address}[path]

    def start(self):
        # an image's entrypoint is asked only when there is no command
        command = [*self.spec.get("command", self.pod.entrypoint), *self.spec.get("args", [])]
        root = self.pod.folder / f"{self.name}.root"
        root.mkdir(exist_ok=True)
        setup = self.pod.folder / f"{self.name}.sh"
        setup.write_text(SETUP.format(
            root=root, image=self.pod.image, folder=self.pod.folder, hostname=self.pod.name,
            volumes="\n".join(self._mounts()),
            command=shlex.join([*self.pod.as_user(self.spec), *command])))
        with open(self.log, "ab") as log:
            self.log.chmod(0o666)  # programs open /dev/stdout anew
            self.process = subprocess.Popen(
                ["nsenter", "-t", str(self.pod.sandbox.pid), "-n", "unshare", "--mount", "--pid",
                 "--uts", "--fork", "--kill-child=KILL", "sh", setup],
                env=self.environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=processes.die_with_parent)

    def _mounts(self):
        for mount in self.spec.get("volumeMounts", []):
            source = self.pod.volumes[mount["name"]]
            if "subPath" in mount:
                source = source / mount["subPath"]
            target = "." + mount["mountPath"]
            parent = shlex.quote(os.path.dirname(target))
            yield f"mkdir -p {parent}"
            yield f"mkdir -p {target}" if source.is_dir() else f"touch {target}"
            yield f"mount --bind {shlex.quote(str(source))} {target}"
            if mount.get("readOnly"):
                yield f"mount -o remount,bind,ro {target}"

    def main_pid(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text().split()[0])

    def execute(self, command, seconds=60):
        try:
            pid = str(self.main_pid())
        except (IndexError, FileNotFoundError):
            return subprocess.CompletedProcess(command, 125, "", "the container does not run")
        return subprocess.run(
            ["nsenter", "-t", pid, "-n", "-m", "-p", "-u", "-r", "-w", *self.pod.as_user(self.spec), *command],
            env=self.environment(), capture_output=True, text=True, timeout=seconds)

    def probe(self, kind):
        """As the kubelet would: True when it succeeds within its time-out."""
        probe = self.spec[kind]
        seconds = probe["timeoutSeconds"]
        try:
            if "exec" in probe:
                return self.execute(probe["exec"]["command"], seconds).returncode == 0
            get = probe["httpGet"]
            port = next(one["containerPort"] for one in self.spec["ports"]
                        if one["name"] == get["port"])
            url = f"http://{self.pod.address}:{port}{get['path']}"
            return subprocess.run(["curl", "-fsS", "-m", str(seconds), "-o", "/dev/null", url],
                                  stderr=subprocess.DEVNULL).returncode == 0
        except subprocess.TimeoutExpired:
            return False

    def _signal(self, number):
        try:
            os.kill(self.main_pid(), number)
        except (IndexError, FileNotFoundError, ProcessLookupError):
            pass  # it has ended by itself

    def kill(self):
        self._signal(signal.SIGKILL)
        self.process.kill()
        self.process.wait()

    def stop(self, stop_signal=signal.SIGTERM):
        """preStop, signal, grace; returns the seconds that it took."""
        began = time.monotonic()
        hook = self.spec.get("lifecycle", {}).get("preStop")
        if hook:
            self.execute(hook["exec"]["command"])
        try:
            self._signal(stop_signal)
            self.process.wait(self.pod.spec["terminationGracePeriodSeconds"])
        finally:
            self.kill()
        return time.monotonic() - began


class Pod:
    """`claims`: folder that stands for the storage; it outlives the pod. `state`: a folder."""

    def __init__(self, objects, workload, name, address, claims, state, *, hosts=(),
                 image=HERE / "image", entrypoint=()):
        self.objects, self.name, self.address = objects, name, address
        self.namespace = workload["metadata"]["namespace"]
        self.image, self.entrypoint = image, list(entrypoint)
        self.spec = workload["spec"]["template"]["spec"]
        self.folder = state / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.sandbox = subprocess.Popen(["unshare", "--net", "sleep", "infinity"],
                                        preexec_fn=processes.die_with_parent)
        self._await_sandbox()
        network.connect(self.sandbox.pid, address)
        self._write_etc(workload, hosts)
        self.volumes = {volume["name"]: self._volume(volume) for volume in self.spec["volumes"]}
        for claim in workload["spec"].get("volumeClaimTemplates", []):
            volume = claim["metadata"]["name"]
            self.volumes[volume] = self._claim(claims, f"{volume}-{name}")
        self.containers = {spec["name"]: Container(self, spec) for spec in self.spec["containers"]}

    def _await_sandbox(self):
        here = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{self.sandbox.pid}/ns/net") == here:
            time.sleep(0.01)

    def _write_etc(self, workload, hosts):
        own = self.name
        if "serviceName" in workload["spec"]:  # cluster domain of the samples
            service = workload["spec"]["serviceName"]
            own = f"{self.name}.{service}.{self.namespace}.svc.cluster.local {own}"
        lines = ["127.0.0.1 localhost", f"{self.address} {own}"]
        lines += [f"{alias['ip']} {' '.join(alias['hostnames'])}"
                  for alias in self.spec.get("hostAliases", [])]
        lines += [f"{address} {host}" for address, host in hosts]
        (self.folder / "hosts").write_text("\n".join(lines) + "\n")
        (self.folder / "passwd").write_text(PASSWD)
        (self.folder / "group").write_text(GROUP)

    def secret(self, name):
        return self.objects.secret(name)

    def _group(self):
        return self.spec["securityContext"]["fsGroup"]

    def _claim(self, claims, name):
        folder = claims / name
        if not folder.exists():
            folder.mkdir(parents=True)
            os.chown(folder, 0, self._group())
            folder.chmod(0o2775)
        return folder

    def _volume(self, volume):
        folder = self.folder / "volumes" / volume["name"]
        folder.mkdir(parents=True)
        os.chown(folder, 0, self._group())
        for kind, read in (("configMap", lambda source: self.objects.config(source["name"])),
                           ("secret", lambda source: self.secret(source["secretName"]))):
            if kind in volume:
                self._write_files(folder, volume[kind], read(volume[kind]))
                return folder
        assert "emptyDir" in volume, f"no stand-in for volume {volume}"
        folder.chmod(0o2777)
        return folder

    def _write_files(self, folder, source, data):
        items = source.get("items") or [{"key": key, "path": key} for key in data]
        for item in items:
            file = folder / item["path"]
            file.write_text(data[item["key"]])
            os.chown(file, 0, self._group())
            file.chmod(item.get("mode", source["defaultMode"]))

    def as_user(self, container):
        context = {**self.spec["securityContext"], **container.get("securityContext", {})}
        return ["setpriv", f"--reuid={context['runAsUser']}", f"--regid={context['runAsGroup']}",
                f"--groups={context['fsGroup']}", "--no-new-privs", "--bounding-set=-all",
                "--inh-caps=-all", "--"]

    def start(self):
        for container in self.containers.values():
            container.start()
        return self

    def ready(self):
        return all(container.probe("readinessProbe") for container in self.containers.values())

    def alive(self):
        return all(container.probe("livenessProbe") for container in self.containers.values())

    def kill(self):
        """Pod, address and all, as when its node is gone; the volumes of claims stay."""
        for container in self.containers.values():
            if container.process:
                container.kill()
        self.sandbox.kill()
        self.sandbox.wait()

    def logs(self):
        return "\n".join(f"--- {self.name} {container.name}\n{container.log.read_text()[-3000:]}"
                         for container in self.containers.values() if container.log.exists())


def eventually(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)
