"""Nodes and pods that only kwok plays."""
import pathlib

import programs

HERE = pathlib.Path(__file__).resolve().parent


class FakeNodes:
    address = programs.LOCAL

    def prepare(self):
        pass

    def names(self):
        """Those that can be switched on and off; these are lost by faults.py."""
        return []

    def start(self, cluster):
        cluster.kubectl("apply", "--server-side", "-f", cluster.binaries / "stages-crd.yaml",
                        "-f", HERE / "nodes.yaml")
        cluster.kubectl("wait", "--for=condition=Established", "--timeout=50s",
                        "crd/stages.kwok.x-k8s.io")
        cluster.kubectl("apply", "--server-side", "-f", HERE / "stages.yaml")
        cluster.start("kwok")

    def finish(self, cluster):
        pass

    def end(self):
        pass
