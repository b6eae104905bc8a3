"""Where these tests can run, and what they say where they cannot."""
import pathlib
import subprocess
import sys

import pytest

import network

# A root like that of a plain chroot, and around it a mount that hands on what is mounted below.
PLAIN_ROOT = """set -eu
mount -t tmpfs none {around}
mount --make-shared {around}
mkdir -p {around}/root/usr {around}/root/proc {around}/root/mnt
cd {around}/root
for link in bin lib lib64; do
  if [ -L /$link ]; then cp -a /$link .; else mkdir $link; mount --bind /$link $link; fi
done
mount --bind /usr usr
mount --bind /proc proc
cp {program} program.py
"""
MOUNTING = "mount -t tmpfs none /mnt && grep ' / /mnt ' /proc/self/mountinfo"


def in_plain_root(folder, command):
    """What the command prints there, and the mounts that the world around has meanwhile."""
    setup = PLAIN_ROOT.format(around=folder, program=network.namespaces.__file__)
    script = setup + 'exec chroot . sh -c "$1" sh $$'
    return subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", command],
                          capture_output=True, text=True, check=False, timeout=60)


def test_mounts_are_made_where_the_root_is_no_mount_point_and_stay_inside(tmp_path):
    refused = in_plain_root(tmp_path, f"unshare --mount sh -c \"{MOUNTING}\"")
    assert refused.returncode != 0 and "propagation" in refused.stderr, "not such a root"
    program = f"{sys.executable} /program.py"
    done = in_plain_root(tmp_path, f"""
around=$$
{program} unshare --mount sh -c "{MOUNTING} && ! grep ' / /mnt ' /proc/$around/mountinfo" """)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 1 and " / /mnt " in done.stdout


def test_mounts_of_the_process_itself_would_be_seen_outside(tmp_path):
    """What the test above looks at is there when nothing is kept inside."""
    seen = in_plain_root(tmp_path, f"around=$$; unshare --mount --propagation unchanged sh -c "
                                   f"\"{MOUNTING} && grep ' / /mnt ' /proc/$around/mountinfo\"")
    assert seen.returncode == 0, seen.stderr


@pytest.mark.parametrize("lacking", ["sys_admin", "net_admin"])
def test_without_the_rights_one_line_says_which_are_needed(lacking):
    done = subprocess.run(
        ["setpriv", f"--bounding-set=-{lacking}", f"--inh-caps=-{lacking}", sys.executable,
         "-m", "pytest", "-q", "-p", "no:cacheprovider", pathlib.Path(__file__),
         "-k", "stay_inside"],
        capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "ot permitted; namespaces are needed here: run this as root with CAP_SYS_ADMIN and " \
        "CAP_NET_ADMIN" in done.stdout
    assert "Traceback" not in done.stdout and "conftest.py" not in done.stdout
