"""Prints the status of every EntityService of the current cluster as a tree."""
import json
import subprocess


def condition(entry):
    message = f" {entry['reason']}" if entry.get("reason") else ""
    return f"{entry['type']}={entry['status']}{message}"


def component(entry):
    mark = "+" if entry.get("ready") == entry.get("desired") else "-"
    counts = f"{entry.get('ready', 0)}/{entry.get('desired', 0)}"
    if isinstance(entry.get("ready"), bool):
        mark, counts = ("+" if entry["ready"] else "-"), ""
    return f"{mark} {entry['name']:22} {counts:>7}  {entry.get('message', '')}".rstrip()


def pairs(mapping):
    return [f"{name:22} {value}" for name, value in sorted(mapping.items())]


def tree(resource):
    meta, status = resource["metadata"], resource.get("status", {})
    lines = [f"{meta['namespace']}/{meta['name']}"]
    sections = [
        ("conditions", [condition(one) for one in status.get("conditions", [])]),
        ("components", [component(one) for one in status.get("components", [])]),
        ("images", pairs(status.get("images", {}))),
        ("endpoints", pairs(status.get("endpoints", {}))),
        ("held", [json.dumps(one) if isinstance(one, dict) else str(one)
                  for one in status.get("held", [])]),
    ]
    if "replicas" in status:
        sections.insert(2, ("workers", [f"{status.get('readyReplicas', 0)} of "
                                        f"{status['replicas']} ready"]))
    sections = [(title, entries) for title, entries in sections if entries]
    for number, (title, entries) in enumerate(sections):
        last = number == len(sections) - 1
        lines.append(f"{'└' if last else '├'}─ {title}")
        for at, entry in enumerate(entries):
            branch = "└" if at == len(entries) - 1 else "├"
            lines.append(f"{' ' if last else '│'}  {branch}─ {entry}")
    return "\n".join(lines)


def main():
    found = subprocess.run(["kubectl", "get", "es", "-A", "-o", "json"], check=True,
                           capture_output=True, text=True)
    for resource in json.loads(found.stdout)["items"]:
        print(tree(resource) + "\n", flush=True)


if __name__ == "__main__":
    main()
