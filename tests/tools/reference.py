"""reference.py: writes docs/reference.md from the CRD, defaults from the operator's own `render`.

With --check it only says whether that is needed. OPERATOR names the program.
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "crds/schema"))
import shapes  # noqa: E402

CRD = ROOT / "crds/entityservice.crd.yaml"
TARGET = ROOT / "docs/reference.md"
PROFILES = ("Minimal", "Test", "Production")
# The operator's answer where a profile has no such value (a volume's size without a volume).
NOTHING = "–"
# Patterns that have a name; others are shown as they are.
PATTERNS = {f"^({shapes.DNS_NAME})$": "a DNS name",
            f"^(({shapes.LABEL_NAME})?)$": "a label value"}

INTRODUCTION = """\
# Reference

Every field of the resource `EntityService`, version `{version}` of group `{group}`. `./dev docs` makes \
this page from the schema, and the defaults from what `entityservice-operator render --effective` \
prints for each profile. [Operating](operating.md) tells what to do with them.

A default is one value, or one per profile: Minimal / Test / Production. `–` means that this profile \
has no such value, an empty field that there is no default. A field marked *stored* gets its default \
from the API server when the resource is created, and keeps it; all other defaults are decided by the \
operator, in each pass.

A quantity is a number with an optional suffix (`500m`, `1.5Gi`), as in Kubernetes.
"""


def operator():
    return os.environ.get("OPERATOR", str(ROOT / "build/bin/entityservice-operator"))


def load_crd():
    return yaml.safe_load(CRD.read_text())["spec"]


def effective(profile):
    """{path: value as the program prints it} of a resource that says nothing but its profile."""
    resource = {"apiVersion": "entityservice.io/v1alpha1", "kind": "EntityService",
                "metadata": {"name": "demo"}, "spec": {"profile": profile}}
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump(resource, file)
        file.flush()
        run = subprocess.run([operator(), "render", "--effective", "-f", file.name],
                             capture_output=True, text=True, check=True)
    return flat(yaml.safe_load(run.stdout)["spec"], "spec")


def flat(value, path):
    if isinstance(value, dict):
        return {key: leaf for name, child in value.items()
                for key, leaf in flat(child, f"{path}.{name}").items()}
    return {path: value}


def shown(value):
    if value is None:
        return NOTHING
    if isinstance(value, list):
        return ", ".join(shown(item) for item in value)
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def stated_defaults(description):
    """What the description says: {profile: text}; None when it says nothing, or not in values."""
    found = re.search(r"Default: ([^ ]+(?: in [^.]*)?)\.(?= |$)", description)
    if not found:
        return None
    stated = {}
    for part in found[1].split(", "):
        value, _, profiles = part.partition(" in ")
        if value.startswith("else "):
            value, profiles = value[5:], ""
        for profile in profiles.split(" and ") if profiles else PROFILES:
            stated.setdefault(profile, value)
    return stated if set(stated) == set(PROFILES) else None


def without_default(description):
    return re.sub(r" ?Default: ([^ ]+(?: in [^.]*)?)\.(?= |$)", "", description).strip()


class Defaults:
    """What each field is when nobody writes it."""

    def __init__(self):
        self.of_profile = [effective(profile) for profile in PROFILES]

    def of(self, path):
        """The values for the three profiles; None when no profile has one."""
        values = [known.get(path) for known in self.of_profile]
        return None if all(value is None for value in values) else values

    def cell(self, path, schema):
        if "default" in schema:
            return f"{shown(schema['default'])}, stored"
        values = self.of(path)
        if values is None:
            return ""
        texts = [shown(value) for value in values]
        return texts[0] if len(set(texts)) == 1 else " / ".join(texts)


def kind(schema):
    """The type in words."""
    if schema.get("x-kubernetes-int-or-string"):
        return "quantity" if "pattern" in schema else "integer or text"
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}"
    if isinstance(schema.get("additionalProperties"), dict):
        return f"map to {kind(schema['additionalProperties'])}"
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        return "object, as it is"
    return {"string": "text", "boolean": "true or false"}.get(schema.get("type"),
                                                             schema.get("type", "any"))


def bounds(schema):
    """What the schema allows, in words; of lists and maps, what each value is, too."""
    parts = []
    if "enum" in schema:
        parts.append(" \\| ".join(f"`{value}`" for value in schema["enum"]))
    quantity = schema.get("x-kubernetes-int-or-string")
    if not quantity and "minimum" in schema:
        parts.append(f"{schema['minimum']} to {schema['maximum']}"
                     if "maximum" in schema else f"at least {schema['minimum']}")
    if "minItems" in schema:
        parts.append(f"at least {schema['minItems']}")
    for limit, unit in (("maxItems", "items"), ("maxProperties", "entries")):
        if limit in schema:
            parts.append(f"at most {schema[limit]} {unit}")
    if not quantity and "maxLength" in schema:
        parts.append(f"at most {schema['maxLength']} characters")
    if not quantity and "pattern" in schema:
        pattern = f"`{schema['pattern']}`".replace("|", "\\|")
        parts.append(PATTERNS.get(schema["pattern"], pattern))
    if quantity:
        parts.append("not negative")
    for inner in ("items", "additionalProperties"):
        child = schema.get(inner)
        if isinstance(child, dict) and child.get("type") != "object" and bounds(child):
            parts.append(f"each: {bounds(child)}")
    return "; ".join(parts)


def children(schema):
    """{suffix of the path: schema} of the fields of an object, through lists and maps."""
    if "properties" in schema:
        return {f".{name}": child for name, child in schema["properties"].items()}
    for inner, suffix in (("items", "[]"), ("additionalProperties", ".NAME")):
        child = schema.get(inner)
        if isinstance(child, dict):
            return {suffix + rest: its for rest, its in children(child).items()}
    return {}


def messages(schema):
    """The rules of a field and of what its list or map holds: (text, whether it compares)."""
    found = []
    for rule in schema.get("x-kubernetes-validations", []):
        of, text = rule.get("fieldPath", "").lstrip("."), rule["message"]
        text = text if text.startswith((of, "the ")) else f"`{of}`: {text}"
        found.append((text, "oldSelf" in rule["rule"]))
    for inner in ("items", "additionalProperties"):
        if isinstance(schema.get(inner), dict):
            found += messages(schema[inner])
    return found


def bare(schema):
    """The schema without words: equal for fields of one shape."""
    if isinstance(schema, dict):
        return {key: bare(value) for key, value in schema.items()
                if key != "description" or isinstance(value, dict)}
    return [bare(item) for item in schema] if isinstance(schema, list) else schema


def anchor(path):
    return re.sub(r"[^a-z0-9 -]", "", path.lower()).replace(" ", "-")


class Page:
    def __init__(self, defaults):
        self.defaults = defaults
        self.lines = []
        self.shapes = {}  # of each `pod`: the path where it is described

    def section(self, path, schema):
        """One heading per object, with a row per field, and then the objects below it."""
        self.lines += ["", f"{'##' if path.count('.') == 0 else '###'} {path}", "",
                       schema["description"], ""]
        self.table(path, schema)
        rules = [(name, text, compares) for name, field in [("", schema), *children(schema).items()]
                 for text, compares in messages(field)]
        if rules:
            self.lines += ["", "Rules:", ""]
            for name, text, compares in dict.fromkeys(rules):
                where = f"`{name.lstrip('.')}`: " if name else ""
                self.lines.append(f"- {where}{text}{' (on a change)' if compares else ''}")
        for suffix, child in children(schema).items():
            if children(child) and not self.same_shape(path + suffix, child):
                self.section(path + suffix, child)

    def same_shape(self, path, schema):
        """True when the fields of this `pod` are listed elsewhere."""
        if not path.endswith(".pod"):
            return False
        shape = yaml.safe_dump(bare(schema))
        return self.shapes.setdefault(shape, path) != path

    def meaning(self, path, schema):
        text = schema.get("description", "").replace("|", "\\|")
        if stated_defaults(text) and self.defaults.cell(path, schema):
            text = without_default(text)
        if not children(schema):
            return text
        self.same_shape(path, schema)
        target = self.shapes.get(yaml.safe_dump(bare(schema)), path)
        return f"{text} See [{target}](#{anchor(target)})."

    def table(self, path, schema):
        fields = children(schema)
        required = {f".{name}" for name in schema.get("required", [])}
        described = any(self.defaults.cell(path + name, field) for name, field in fields.items())
        heads = ["Field", "Type", "Allowed"] + (["Default"] if described else []) + ["Meaning"]
        self.lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        for name, field in fields.items():
            cells = [f"`{name.split('.')[-1]}`", kind(field), bounds(field)]
            if described:
                cells.append(self.defaults.cell(path + name, field))
            cells.append(self.meaning(path + name, field)
                         + (" Required." if name in required else ""))
            self.lines.append("|" + "|".join(f" {cell} " if cell else " " for cell in cells) + "|")

    def columns(self, columns):
        self.lines += ["", "## Columns of kubectl get", "", "| Column | Field |", "|---|---|"]
        self.lines += [f"| {it['name']} | `{it['jsonPath'].lstrip('.')}` |" for it in columns]


def page():
    crd = load_crd()
    version = crd["versions"][0]
    schema = version["schema"]["openAPIV3Schema"]
    it = Page(Defaults())
    names = "\n".join(f"- {text}" for text, _ in messages(schema))
    introduction = INTRODUCTION.format(version=version["name"], group=crd["group"])
    it.lines = [*introduction.splitlines(), "", "The name of the resource:", "", names]
    it.section("spec", schema["properties"]["spec"])
    it.section("status", schema["properties"]["status"])
    it.columns(version["additionalPrinterColumns"])
    return "\n".join(it.lines) + "\n"


def main():
    text = page()
    if sys.argv[1:] != ["--check"]:
        TARGET.write_text(text)
    elif not TARGET.exists() or TARGET.read_text() != text:
        sys.exit("docs/reference.md is not what the schema and the program say: run ./dev docs")


if __name__ == "__main__":
    main()
