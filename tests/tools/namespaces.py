"""namespaces.py COMMAND...: runs the command in a mount namespace of its own, from which nothing gets
out; as a module the same, and a network, for the process that calls `enter`.

Also where / is no mount point, as in a plain chroot: nothing can be made private there, and neither
`unshare --mount` nor pivot_root work.
"""
import ctypes
import errno
import os
import sys

NETWORK, MOUNTS = 0x40000000, 0x00020000  # CLONE_NEWNET, CLONE_NEWNS
_BIND, _REC, _PRIVATE = 0x1000, 0x4000, 0x40000
# A mount point that every root has in which programs run.
_OWN_MOUNT = "/proc"

_libc = ctypes.CDLL(None, use_errno=True)


class Refused(RuntimeError):
    """What is not let us do, why, and what to do."""

    def __init__(self, what, why, number=None):
        super().__init__(f"{what}: {why}; namespaces are needed here: run this as root with "
                         "CAP_SYS_ADMIN and CAP_NET_ADMIN (a container: with --privileged)")
        self.number = number


def _call(what, function, *arguments):
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise Refused(what, os.strerror(number), number)


def _mount(source, target, flags):
    _call(f"cannot mount {target}", _libc.mount, source.encode(), target.encode(), None,
          ctypes.c_ulong(flags), None)


def enter(which):
    """Moves this process, and all that it starts from now on, into new namespaces."""
    names = [name for flag, name in ((NETWORK, "network"), (MOUNTS, "mount")) if which & flag]
    _call(f"no {' and '.join(names)} namespace", _libc.unshare, which)
    if not which & MOUNTS:
        return
    try:
        _mount("none", "/", _REC | _PRIVATE)
    except Refused as error:
        if error.number != errno.EINVAL:
            raise
        _make_root_a_mount_point()


def _make_root_a_mount_point():
    # What / is a part of lies outside, and may be shared with everybody: a mount that is ours alone
    # can only be made on one that can be made private.
    here = os.getcwd()
    _mount("none", _OWN_MOUNT, _PRIVATE)
    _mount("/", _OWN_MOUNT, _BIND | _REC)
    _mount("none", _OWN_MOUNT, _REC | _PRIVATE)
    os.chroot(_OWN_MOUNT)
    os.chdir(here)


if __name__ == "__main__":
    try:
        enter(MOUNTS)
        os.execvp(sys.argv[1], sys.argv[1:])
    except (Refused, OSError) as error:
        sys.exit(f"error: {error}")
