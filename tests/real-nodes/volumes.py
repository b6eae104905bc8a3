"""The part of the volumes' driver that runs beside the control plane, with the programs that tell
it what the cluster wants: the usual ones, unchanged."""
import pathlib

DRIVER = "volumes.entityservice.example"
PROGRAMS = ("csi-provisioner", "csi-attacher", "csi-resizer")


def disks(state):
    """A folder for each place where disks are: net, or a node; see volumes/disks.go."""
    return pathlib.Path(state) / "disks"


def commands(state, programs):
    # They run in the state folder: a long path has no room in the name of a socket.
    options = {"csi-provisioner": ["--default-fstype=xfs", "--immediate-topology=false"]}
    return {
        "volumes": [f"{programs}/volumes", "controller", disks(state), "volumes.sock"],
        **{name: [f"{programs}/{name}", f"--kubeconfig={state}/admin.kubeconfig",
                  "--csi-address=/proc/self/cwd/volumes.sock", "--timeout=60s",
                  "--retry-interval-max=5s", *options.get(name, [])] for name in PROGRAMS}}
