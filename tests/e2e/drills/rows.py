"""Rows of figures: each drill writes one; `rows.py` prints them as a table for the documents."""
import json
import pathlib
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
FOLDER = ROOT / "build/test-results/e2e"


def write(row):
    """row: a dict with at least drill and tuning."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    name = "-".join([row["drill"], row["tuning"], row.get("operator", ""), str(time.time_ns())])
    text = json.dumps(row, indent=1) + "\n"
    (FOLDER / f"{name}.json").write_text(text)
    print(text)


def read():
    return [json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))]


def span(values):
    """Least to most, or the one value."""
    low, high = min(values), max(values)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def table(found):
    """Markdown, a line for each drill, tuning and operator."""
    groups = {}
    for row in found:
        if "recovered_s" in row:
            groups.setdefault((row["drill"], row["tuning"], row["operator"]), []).append(row)
    lines = ["| drill | tuning | operator | times | recovered, s | requests fail until, s | "
             "longest time without a write, s | runs in progress: exact, reported, hanging | "
             "lost or wrong |", "|---|---|---|---|---|---|---|---|---|"]
    for (drill, tuning, operator), rows in sorted(groups.items()):
        ends = [sum(row[key] for row in rows) for key in
                ("in_progress_exact", "in_progress_reported")]
        hanging = sum(row["in_progress"] for row in rows) - sum(ends)
        lines.append("| " + " | ".join([
            drill.removeprefix("test_").replace("_", " "), tuning, operator, str(len(rows)),
            span([row["recovered_s"] for row in rows]),
            span([row["failed_until_s"] for row in rows]),
            span([row["longest_gap_s"] for row in rows]),
            f"{ends[0]}, {ends[1]}, {hanging}",
            str(sum(row["lost"] + row["wrong"] for row in rows))]) + " |")
    return "\n".join(lines)


def figures(found):
    """The rows that are one figure, by name and tuning: the median of all times."""
    groups = {}
    for row in found:
        if "figure" in row:
            groups.setdefault((row["drill"], row["tuning"]), []).append(row["figure"])
    return {key: (statistics.median(values), len(values)) for key, values in groups.items()}


if __name__ == "__main__":
    every = read()
    if not every:
        sys.exit(f"{FOLDER} has no rows; ./dev e2e makes them")
    print(table(every))
    for (what, which), (median, times) in sorted(figures(every).items()):
        print(f"{what.replace('_', ' ')}, {which}: {median:g} ({times} times)")
