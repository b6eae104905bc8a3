"""What the kernel knows of a process and of the machine."""
import os
import platform
import re
import time

TICKS = os.sysconf("SC_CLK_TCK")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def cpu_seconds(pid):
    """User and system time of all its threads."""
    fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def scheduled(pid):
    """Seconds that the threads that live now have run, and that they have waited for a core."""
    ran = waited = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            numbers = read(f"/proc/{pid}/task/{thread}/schedstat").split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        ran += int(numbers[0])
        waited += int(numbers[1])
    return ran / 1e9, waited / 1e9


def precise_cpu_seconds(pid):
    """The processor time of the threads that live now, to the nanosecond."""
    return scheduled(pid)[0]


def _kib(text, name):
    return int(re.search(rf"^{name}:\s+(\d+)", text, re.M).group(1))


def memory(pid):
    """MiB: `pss` now, `peak` (VmHWM) of its resident memory."""
    return {"pss": _kib(read(f"/proc/{pid}/smaps_rollup"), "Pss") / 1024,
            "peak": _kib(read(f"/proc/{pid}/status"), "VmHWM") / 1024}


def load():
    return os.getloadavg()[0]


def facts():
    model = re.search(r"^model name\s*: (.*)", read("/proc/cpuinfo"), re.M)
    total = _kib(read("/proc/meminfo"), "MemTotal") / 1024 / 1024
    return {"date": time.strftime("%Y-%m-%d"), "cpu": model.group(1) if model else "unknown",
            "cores": os.cpu_count(), "memory_gib": round(total), "kernel": platform.release()}
