"""What a machine must have to run real nodes."""
import os
import pathlib
import shutil
import subprocess
import tempfile

import node

PROGRAMS = ("conntrack", "containerd", "ctr", "findmnt", "gcc", "ip", "iptables", "losetup",
            "mkfs.xfs", "mmdebstrap", "nft", "nsenter", "runc", "unshare", "xfs_growfs",
            *(f"{node.NETWORK_PROGRAMS}/{name}"
              for name in ("bridge", "host-local", "loopback", "portmap")))
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
FILE_SYSTEMS = ("overlay", "xfs")


def missing(state):
    """Sentences; none when everything is there."""
    programs = [name for name in PROGRAMS if not shutil.which(name, path=SEARCHED)]
    if programs:
        yield (f"programs are not installed: {', '.join(programs)}; ./dev cluster up --real "
               "installs them, see tests/real-nodes/packages.txt")
    if os.geteuid() != 0:
        yield "it needs root, for namespaces, mounts and control groups"
    groups = [name for name in node.HIERARCHIES
              if not (node.CGROUPS / name / "cgroup.procs").exists()]
    if groups:
        yield f"{node.CGROUPS} lacks the cgroup v1 hierarchies {', '.join(groups)}"
    known = pathlib.Path("/proc/filesystems").read_text().split()
    lacking = [name for name in FILE_SYSTEMS if name not in known and not loadable(name)]
    if lacking:
        yield f"the kernel lacks the file systems {', '.join(lacking)}"
    if not pathlib.Path("/dev/loop-control").exists():
        yield "the kernel lacks loop devices: no /dev/loop-control"
    if state.is_relative_to("/var/lib") or state.is_relative_to("/var/log"):
        yield f"{state} is hidden from nodes, which have a /var/lib and a /var/log of their own"
    if os.geteuid() == 0 and not programs and not overlay_works(state):
        yield (f"{state} is on a file system that overlayfs cannot stand on; "
               "--state DIR takes another")


def loadable(module):
    modprobe = shutil.which("modprobe", path=SEARCHED)
    return bool(modprobe) and subprocess.run([modprobe, module], capture_output=True,
                                             check=False).returncode == 0


def overlay_works(state):
    parent = next(it for it in (state, *state.parents) if it.exists())
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        for name in ("lower", "upper", "work", "top"):
            (pathlib.Path(folder) / name).mkdir()
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "mount", "-t", "overlay", "overlay",
             "-o", "lowerdir=lower,upperdir=upper,workdir=work", "top"],
            cwd=folder, capture_output=True, check=False).returncode == 0
