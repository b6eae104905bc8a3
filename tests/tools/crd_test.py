"""The CRD in the repository is what its generator makes."""
import pathlib
import subprocess
import sys

GENERATOR = pathlib.Path(__file__).resolve().parents[2] / "crds/schema/generate.py"


def test_the_crd_is_current():
    run = subprocess.run([sys.executable, "-B", GENERATOR, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
