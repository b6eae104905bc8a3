"""docs/reference.md is current, complete, and says what the program does."""
import pathlib
import subprocess
import sys

import pytest
import reference

SCRIPT = pathlib.Path(reference.__file__)


@pytest.fixture(scope="module")
def defaults():
    return reference.Defaults()


def fields(schema, path):
    yield path, schema
    for suffix, child in reference.children(schema).items():
        yield from fields(child, path + suffix)


def spec():
    schema = reference.load_crd()["versions"][0]["schema"]["openAPIV3Schema"]
    return list(fields(schema["properties"]["spec"], "spec"))


def test_the_page_is_current():
    run = subprocess.run([sys.executable, "-B", SCRIPT, "--check"], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_every_default_that_a_description_states_is_the_programs(defaults):
    compared = 0
    for path, schema in spec():
        stated, real = reference.stated_defaults(schema.get("description", "")), defaults.of(path)
        if not stated or real is None:
            continue
        for profile, value in zip(reference.PROFILES, real):
            if value is None:
                continue
            compared += 1
            text = reference.shown(value).strip("`")
            assert text == stated[profile] or text.endswith("/" + stated[profile]), \
                f"{path} in {profile}: the program has {text}, its description {stated[profile]}"
    assert compared > 60


def test_every_value_that_the_program_prints_is_a_field_of_the_schema(defaults):
    known = {path for path, _ in spec()}
    maps = [path for path, schema in spec() if "additionalProperties" in schema]
    for values in defaults.of_profile:
        for path in values:
            assert path in known or path.startswith(tuple(f"{it}." for it in maps)), path


def test_every_field_has_a_row_with_its_meaning():
    page = reference.TARGET.read_text()
    for path, schema in spec():
        name = path.split(".")[-1]
        assert f"`{name}" in page or path == "spec", path
        for line in reference.without_default(schema.get("description", "")).split("|"):
            assert line.strip() in page, path


@pytest.mark.parametrize("text, stated", [
    ("Default: 80.", ["80", "80", "80"]),
    ("Grace. Default: 20Gi in Production, 5Gi in Test, 1Gi in Minimal.", ["1Gi", "5Gi", "20Gi"]),
    ("Default: 2 in Production, else 1.", ["1", "1", "2"]),
    ("Default: true in Test and Production, false in Minimal.", ["false", "true", "true"]),
    ("Default: the cluster's default class.", None),
    ("Default: valkey/valkey:8.1.", ["valkey/valkey:8.1"] * 3),
    ("Nothing of that kind.", None),
])
def test_a_default_in_words_is_read(text, stated):
    found = reference.stated_defaults(text)
    assert found == (dict(zip(reference.PROFILES, stated)) if stated else None)
