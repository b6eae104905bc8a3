"""Processes known by pid and start time, so that a recycled pid is never taken for one of ours."""
import ctypes
import hashlib
import os
import signal
import time

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def hear_interrupts():
    """For the preexec_fn of a child, as in the foreground of a shell: what a script runs in its
    background inherits that Ctrl-C is ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def die_with_parent():
    """For preexec_fn: the child is killed as soon as its parent is gone, however that ended."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def identity(pid):
    """'<pid>-<start time>' of a running process, None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            fields = stat.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else f"{pid}-{fields[19]}"


def alive(known):
    return bool(known) and identity(known.partition("-")[0]) == known


def end(known, grace=20):
    """SIGTERM, then SIGKILL after the grace; does nothing when the process is not the known one."""
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 10)):
        if not alive(known):
            return
        try:
            os.kill(int(known.partition("-")[0]), number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + seconds
        while alive(known) and time.monotonic() < deadline:
            time.sleep(0.05)


def control_address(state):
    """The supervisor's socket: abstract, so it is gone with its process and its length is fixed."""
    return "\0entityservice-cluster-" + hashlib.sha256(str(state).encode()).hexdigest()[:32]
