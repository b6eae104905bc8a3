"""The resilience module as it is rendered: Python loads it, and nothing in it keeps a program from
starting. Stand-ins with the names and versions of the libraries; what it mends in the real ones is
tested with the application."""
import subprocess
import sys

import pytest

import rendered

SOURCE = rendered.ROOT / "reconcilers/desired/scripts/resilience"
KNOWN = {"celery": "5.1.2", "kombu": "5.1.0", "redis": "3.5.3"}
ROLES = [("demo-api", "app"), ("demo-worker", "worker"), ("demo-worker-highmemory", "worker")]


def pod(objects, name):
    return objects.get("Deployment", name)["spec"]["template"]["spec"]


def tuned(tuning):
    def change(resource):
        resource["spec"]["tuning"] = tuning
    return change


class Image:
    """The folders that a pod's Python sees, and what it says when it starts."""

    def __init__(self, folder):
        self.module, self.packages = folder / "module", folder / "packages"
        self.packages.mkdir()
        for name, version in KNOWN.items():
            self.package(name, version)
        (self.packages / "redis/connection.py").write_text("what = 'redis-py as released'\n")
        application = self.packages / "entityservice"
        application.mkdir()
        (application / "__init__.py").write_text("import redis.connection\n")

    def package(self, name, version):
        (self.packages / name).mkdir()
        (self.packages / name / "__init__.py").write_text("")
        info = self.packages / "{}-{}.dist-info".format(name, version)
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: {}\nVersion: {}\n".format(
            name, version))

    def mount(self, files):
        self.module.mkdir()
        for name, text in files.items():
            (self.module / name).write_text(text)

    def python(self, code):
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=30,
            env={"PYTHONPATH": "{}:{}".format(self.module, self.packages), "PATH": "/usr/bin:/bin",
                 "PYTHONDONTWRITEBYTECODE": "1"})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    objects = rendered.render("minimal", tmp_path_factory.mktemp("resilience"))
    volume, = [one for one in pod(objects, "demo-worker")["volumes"] if one["name"] == "resilience"]
    return objects.config(volume["configMap"]["name"])


@pytest.fixture
def image(tmp_path, files):
    made = Image(tmp_path)
    made.mount(files)
    return made


def test_every_file_of_the_module_is_rendered_as_it_is(files):
    assert files == {path.name: path.read_text() for path in SOURCE.glob("*.py")}


@pytest.mark.parametrize("name, container", ROLES)
def test_api_and_workers_load_it_from_a_folder_that_is_read_only(tmp_path, name, container):
    found = pod(rendered.render("production", tmp_path), name)
    role = next(one for one in found["containers"] if one["name"] == container)
    path, = [one["value"] for one in role["env"] if one["name"] == "PYTHONPATH"]
    mount, = [one for one in role["volumeMounts"] if one["name"] == "resilience"]
    assert mount["mountPath"] == path and mount["readOnly"]


def test_with_upstream_nothing_of_it_is_in_the_objects(tmp_path):
    objects = rendered.render("production", tmp_path, change=tuned("Upstream"))
    assert not [one for one in objects.documents if "PYTHONPATH" in str(one)]
    assert not [one for one in objects.documents if "resilience" in str(one)]


def test_folders_that_the_resource_names_come_after_it(tmp_path):
    def change(resource):
        resource["spec"]["config"] = {"PYTHONPATH": "/opt/modules"}
    worker, = pod(rendered.render("minimal", tmp_path, change=change), "demo-worker")["containers"]
    assert {"name": "PYTHONPATH", "value": "/var/resilience:/opt/modules"} in worker["env"]


def test_it_is_on_where_the_versions_are_known_and_says_so_once(image):
    done = image.python("import entityservice")
    assert done.stderr.count("resilience module: on, celery 5.1.2, kombu 5.1.0, redis 3.5.3") == 1


@pytest.mark.parametrize("library", KNOWN)
def test_it_is_off_where_a_version_is_not_known_and_says_so_once(tmp_path, files, library):
    image = Image(tmp_path)
    (image.packages / "{}-{}.dist-info/METADATA".format(library, KNOWN[library])).write_text(
        "Metadata-Version: 2.1\nName: {}\nVersion: 9.9\n".format(library))
    image.mount(files)
    done = image.python("import entityservice, redis.connection; print(redis.connection.what)")
    assert done.stdout == "redis-py as released\n"
    line, = done.stderr.splitlines()
    assert line.startswith("resilience module: off") and library + " 9.9" in line


def test_a_program_that_is_not_the_application_sees_nothing_of_it(image):
    done = image.python("import redis.connection, sys; "
                        "print(sorted(m for m in sys.modules if m.startswith('es_')))")
    assert done.stdout == "['es_resilience']\n" and not done.stderr


def test_a_failure_in_it_is_told_in_one_line_and_the_library_stays_as_it_is(image):
    (image.module / "es_redis.py").write_text("raise OSError('broken')\n")
    done = image.python("import entityservice, redis.connection; print(redis.connection.what)")
    assert done.returncode == 0 and done.stdout == "redis-py as released\n"
    assert "redis.connection stays as it is: OSError('broken')" in done.stderr
    assert len(done.stderr.splitlines()) == 2


def test_a_module_that_cannot_be_loaded_at_all_keeps_nothing_from_starting(image):
    (image.module / "es_resilience.py").write_text("this is no Python\n")
    done = image.python("import entityservice; print('started')")
    assert done.returncode == 0 and done.stdout == "started\n"
    assert done.stderr.startswith("resilience module: not loaded: SyntaxError")
    assert len(done.stderr.splitlines()) == 1


def test_a_sitecustomize_of_the_image_is_loaded_too(image):
    (image.packages / "sitecustomize.py").write_text("import sys\nsys.images_own = 'loaded'\n")
    done = image.python("import entityservice, sitecustomize, sys; print(sys.images_own, "
                        "sitecustomize.__file__)")
    assert done.stdout == "loaded {}\n".format(image.packages / "sitecustomize.py"), done.stderr
    assert "resilience module: on" in done.stderr


def test_without_another_sitecustomize_ours_hands_on_to_nobody(image):
    done = image.python("import sitecustomize; print(sitecustomize.__file__)")
    assert done.returncode == 0 and "sitecustomize.py" in done.stdout
