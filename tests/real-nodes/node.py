"""One real node: kubelet, containerd and kube-proxy in namespaces of their own."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time

import network
import processes

HERE = pathlib.Path(__file__).resolve().parent
CGROUPS = pathlib.Path("/sys/fs/cgroup")
HIERARCHIES = ("cpu", "cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids", "systemd")
PAUSE = "localhost/entityservice/pause:1"
DNS = "10.96.0.10"
NETWORK_PROGRAMS = "/usr/lib/cni"  # where Debian puts them

CONTAINERD = f"""version = 2
oom_score = 0
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{PAUSE}"
# Without CAP_SYS_RESOURCE nothing may become less likely to be killed than it is.
restrict_oom_score_adj = true
disable_apparmor = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{NETWORK_PROGRAMS}"
conf_dir = "/run/networks"
"""


def pod_network(number):
    return {"cniVersion": "0.4.0", "name": "pods", "plugins": [
        # Pods keep their own address everywhere: network policies look at it.
        {"type": "bridge", "bridge": "cni0", "isGateway": True, "ipMasq": False, "hairpinMode": True,
         "ipam": {"type": "host-local", "ranges": [[{"subnet": network.pod_range(number)}]],
                  "routes": [{"dst": "0.0.0.0/0"}]}},
        {"type": "portmap", "capabilities": {"portMappings": True}}]}


def kubelet(folder, pki, group):
    return {
        "kind": "KubeletConfiguration", "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "failCgroupV1": False, "cgroupDriver": "cgroupfs", "cgroupRoot": f"/{group}",
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "authentication": {"x509": {"clientCAFile": f"{pki}/ca.crt"}},
        "tlsCertFile": f"{folder}/kubelet.crt", "tlsPrivateKeyFile": f"{folder}/kubelet.key",
        "clusterDomain": "cluster.local", "clusterDNS": [DNS], "resolvConf": f"{folder}/resolv.conf",
        "oomScoreAdj": 0, "failSwapOn": False,
        # An image that is taken away cannot be pulled again.
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "2%",
                         "imagefs.available": "2%", "nodefs.inodesFree": "1%"},
        # A volume that grew, or a new text, is seen in seconds, not in a minute or two.
        "syncFrequency": "5s",
        # A lost node is noticed in seconds.
        "nodeStatusUpdateFrequency": "4s", "nodeLeaseDurationSeconds": 10}


def kube_proxy(folder, name):
    return {
        "kind": "KubeProxyConfiguration", "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "mode": "nftables", "clusterCIDR": network.PODS, "hostnameOverride": name, "oomScoreAdj": 0,
        "clientConnection": {"kubeconfig": f"{folder}/kube-proxy.kubeconfig"},
        # Not all of these settings can be written in a network namespace.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s",
                      "tcpCloseWaitTimeout": "0s"}}


class Node:
    def __init__(self, state, programs, number):
        self.number, self.name = number, f"node-{number}"
        self.folder = state / self.name
        self.group = f"entityservice-{self.name}"
        self.address = network.node_address(number)
        self.process = None
        self._programs, self._pki = programs, state / "pki"

    def write(self, server):
        """Everything that its programs read."""
        networks = self.folder / "networks"
        networks.mkdir(parents=True, exist_ok=True)
        (networks / "10-pods.conflist").write_text(json.dumps(pod_network(self.number)))
        (self.folder / "containerd.toml").write_text(CONTAINERD)
        (self.folder / "resolv.conf").touch()
        (self.folder / "address").write_text(self.address)
        (self.folder / "kubelet.json").write_text(json.dumps(kubelet(self.folder, self._pki, self.group)))
        (self.folder / "kube-proxy.json").write_text(json.dumps(kube_proxy(self.folder, self.name)))
        subprocess.run([HERE / "node-pki.sh", self._pki, self.folder, self.name, self.address, server],
                       check=True)
        (self.folder / "bin").symlink_to(self._programs)
        copy_images(self._programs / "images", self.folder / "disk/var/lib/containerd")

    @property
    def is_on(self):
        return self.process is not None

    def start(self, switch, others):
        clear_groups(self.group)
        make_groups(self.group)
        (self.folder / "attached").unlink(missing_ok=True)
        with open(self.folder / "init.log", "ab") as log:
            self.process = subprocess.Popen(
                ["unshare", "--net", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child",
                 "--propagation", "private", "--mount-proc",
                 "bash", HERE / "node-init.sh", self.folder, self.name, self.group],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=processes.die_with_parent)
        network.own_namespace(self.process.pid)
        switch.attach(self.number, self.process.pid, others)
        (self.folder / "process").write_text(processes.identity(self.process.pid))
        (self.folder / "attached").touch()

    def end(self):
        """As when its power fails."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        clear_groups(self.group)


def load(folder, archive):
    """Gives a running node the archive's images; their names.

    Raises subprocess.CalledProcessError, whose stderr says what the archive lacks.
    """
    process = (folder / "process").read_text().partition("-")[0]
    inside = ["nsenter", f"--mount=/proc/{process}/ns/mnt", "ctr", "--namespace", "k8s.io", "images"]
    said = subprocess.run([*inside, "import", archive], capture_output=True, text=True, check=True,
                          timeout=600).stdout
    return [line.split()[1] for line in said.splitlines() if line.startswith("unpacking ")]


def copy_images(seed, disk):
    """The disk of a containerd that has the seed's images; it shares the files that never change."""
    disk.parent.mkdir(parents=True)
    seed = seed.resolve()
    shared = seed.stat().st_dev == disk.parent.stat().st_dev
    subprocess.run(["cp", "--archive", *(["--link"] if shared else []), seed, disk], check=True)
    for database in seed.glob("*/*.db"):
        copy = disk / database.relative_to(seed)
        copy.unlink()
        shutil.copy(database, copy)


def make_groups(group):
    for hierarchy in HIERARCHIES:
        top = CGROUPS / hierarchy
        for folder in (top / group, top / group / "system"):
            folder.mkdir(exist_ok=True)
            if hierarchy == "cpuset":  # empty ones take no process
                for name in ("cpuset.cpus", "cpuset.mems"):
                    (folder / name).write_text((folder.parent / name).read_text())


def clear_groups(group, seconds=10):
    """What a killed node leaves; its processes may need a moment to be gone."""
    deadline = time.monotonic() + seconds
    left = list(CGROUPS.glob(f"*/{group}"))  # containerd makes some of its own, too
    while left:
        for top in left:
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        left = [top for top in left if top.exists()]
        if left and time.monotonic() > deadline:
            raise RuntimeError(f"{left[0]} cannot be removed: processes in it do not end")
        time.sleep(0.05 if left else 0)


def sweep():
    """Removes what killed clusters left. Nothing else of theirs outlives them."""
    for group in {path.name for path in CGROUPS.glob("*/entityservice-node-*")}:
        clear_groups(group)
