"""What was measured, kept as JSON; and the part of docs/performance.md that is made of it."""
import json
import pathlib

import plot
import ratios

BEGIN, END = "<!-- made by ./dev bench report -->", "<!-- end of what is made -->"


class Results:
    """{operator: {scenario: figures}} in a file."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.all = json.loads(self.path.read_text()) if self.path.exists() else {}

    def add(self, name, scenario, figures):
        self.all.setdefault(name, {})[scenario] = figures
        self.path.write_text(json.dumps(self.all, indent=1))


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def told_requests(counted):
    words = {"write": "applies and other writes", "status": "status writes", "event": "events",
             "read": "reads", "watch": "watches", "lease": "lease"}
    parts = [f"{number:.3g} {words[kind]}" for kind, number in counted.items()
             if number and kind != "lease"]
    return ", ".join(parts) or "none"


def machine_of(figures):
    facts = figures["machine"]
    return (f"{facts['date']}: {facts['cpu']}, {facts['cores']} cores, {facts['memory_gib']} GiB, "
            f"Linux {facts['kernel']}, Kubernetes {figures['kubernetes']}")


def load_of(figures, *path):
    for one in path:
        figures = figures[one]
    return f"{figures['load']:.1f}"


def requests_part(found):
    create = found["create"]
    idle = found["idle"]
    rows = [("create", f"{found['objects']:.0f} objects; status ≤ 12, events ≤ 10",
             told_requests(create)),
            ("a label that means nothing changes on each resource", "none",
             told_requests(found["touched"])),
            ("a field of a child is changed by somebody else", "1 write",
             told_requests(found["drift"])),
            ("a child is deleted", "1 write", told_requests(found["deleted"])),
            ("idle, a minute", "lease and watch renewals",
             told_requests(idle["requests"]) +
             f", lease {idle['requests'].get('lease', 0):.0f}; CPU {idle['cpu_s']:.2f} s")]
    return "### Requests\n\n" + table(("What happens", "Must be", "Requests"), rows)


def waves_part(found):
    rows = [(f"{number + 1}, {found['objects'][number]} objects", "≤ 1.2",
             ratios.told(wave["ratio"]), ratios.told(wave["control"]), f"{wave['ms']:.0f} ms",
             f"{wave['floor_ms']:.0f} ms") for number, wave in enumerate(found["waves"])]
    return (f"### One resource after the other\n\nFrom the event that opens a wave to its last "
            f"object seen, as a multiple of the floor; {found['kept']} of {found['blocks']} blocks, "
            f"load {found['load']:.1f}.\n\n" +
            table(("Wave", "Must be", "Ratio", "Floor against itself", "Median", "Floor"), rows))


def burst_part(found):
    widths = ", ".join(f"{k}: {speed:.0f}" for k, speed in found["widths"].items())
    rows = []
    for number in sorted((key for key in found if key.isdigit()), key=int):
        one = found[number]
        rows.append((number, "≥ 0.90", ratios.told(one["speed"]), ratios.told(one["control"]),
                     f"{one['floor_per_second']:.0f}", f"{one['cpu_s']:.1f} s",
                     f"{one['server_cpu_s']:.1f} s ({one['floor_server_cpu_s']:.1f} s)",
                     f"{one['kept']} of {one['blocks']}", f"{one['load']:.1f}"))
    return (f"### Many resources at once\n\nObjects a second as a multiple of the floor at its best "
            f"concurrency (requests at once and objects a second: {widths}).\n\n" +
            table(("Resources", "Must be", "Ratio", "Floor against itself", "Floor, objects/s",
                   "CPU", "Servers' CPU (floor's)", "Blocks", "Load"), rows))


def standing_part(found):
    cold, passes, storm = found["cold"], found["passes"], found["storm"]
    number = found["resources"]
    rows = [("cold start, as a multiple of streaming the same lists into nothing", "≤ 1.5",
             f"{ratios.told(cold['time'])}, against itself {ratios.told(cold['control'])}; "
             f"{cold['seconds']:.1f} s, {cold['cpu_s']:.1f} CPU-s for {cold['megabytes']:.0f} MB",
             f"{cold['load']:.1f}"),
            ("writes of a cold start", "0", f"{cold['writes']:.0f}", ""),
            ("memory in step (PSS)", "≤ 64 MB", f"{cold['pss']:.0f} MiB", ""),
            ("… of the process that made them all", "", f"{found['making']['pss']:.0f} MiB", ""),
            ("most memory (VmHWM)", "≤ 2 × that", f"{cold['peak']:.0f} MiB", ""),
            ("a pass with nothing to do, alone", "< 50 µs",
             f"{passes['unchanged_pass_us']:.1f} µs over {storm['passes']:.0f} passes", ""),
            ("the first pass of a process", "", f"{passes['first_pass_us']:.0f} µs", ""),
            ("a label that means nothing changes: from the event to the end of the pass", "",
             f"{storm['cpu_us']:.0f} µs; {told_requests(storm['requests'])}",
             f"{storm['load']:.1f}"),
            ("idle, a minute", "lease and watch renewals",
             f"{told_requests(found['idle']['requests'])}, "
             f"lease {found['idle']['requests'].get('lease', 0):.0f}; "
             f"CPU {found['idle']['cpu_s']:.2f} s", f"{found['idle']['load']:.1f}"),
            ("a wrong field is put right after the API server restarted", "< 2 s",
             f"{found['restart']['seconds']:.1f} s; {told_requests(found['restart']['requests'])}",
             f"{found['restart']['load']:.1f}")]
    return (f"### {number} resources in step\n\n{passes['objects']} objects in the cache, their "
            f"Pods included.\n\n" + table(("Figure", "Must be", "Measured", "Load"), rows))


PARTS = {"requests": requests_part, "waves": waves_part, "burst": burst_part,
         "standing": standing_part}


def drawings(found):
    if "burst" in found:
        rows = [(f"{key} resources at once", *found["burst"][key]["speed"])
                for key in sorted((key for key in found["burst"] if key.isdigit()), key=int)]
        yield "burst", plot.bars("Objects a second, the floor is 1", rows, 0.9)
    if "waves" in found:
        rows = [(f"wave {number + 1}", *wave["ratio"])
                for number, wave in enumerate(found["waves"]["waves"])]
        yield "waves", plot.bars("Time of a wave, the floor is 1", rows, 1.2)
    if "standing" in found:
        memory = found["standing"]["cold"]
        rows = [("in step (PSS)", memory["pss"], memory["pss"], memory["pss"]),
                ("at most (VmHWM)", memory["peak"], memory["peak"], memory["peak"])]
        yield "memory", plot.bars(f"MiB with {found['standing']['resources']} resources", rows, 64)


def text_of(results, folder):
    parts = []
    for name, found in results.items():
        parts.append(f"## {name} on a control plane")
        told = [one for one in PARTS if one in found]
        parts.append("\n".join(sorted({machine_of(found[one]) for one in told})))
        parts += [PARTS[one](found[one]) for one in told]
        for drawing, svg in drawings(found):
            folder.mkdir(exist_ok=True)
            (folder / f"{name}-{drawing}.svg").write_text(svg)
            parts.append(f"![{drawing} of {name}]({folder.name}/{name}-{drawing}.svg)")
    return "\n\n".join(parts)


def write(document, results):
    text = document.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    made = text_of(json.loads(pathlib.Path(results).read_text()), document.parent / "performance")
    document.write_text(f"{before}{BEGIN}\n\n{made}\n\n{END}{after}")
