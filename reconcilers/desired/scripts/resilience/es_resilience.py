"""When the application is imported, mends the libraries that it runs on, each once it is there.

Nothing happens in programs that do not import `entityservice`, such as probes. Nothing happens on
versions of Celery, kombu and redis-py that were not tried: their insides are changed. What goes
wrong in here is told in one line and leaves the library as it was.
"""
import importlib
import sys

APPLICATION = "entityservice"
KNOWN = {"celery": "5.1.2", "kombu": "5.1.0", "redis": "3.5.3"}

# What is mended, and by which function of ours.
MENDED = {
    "redis.connection": ("es_redis", "mend_connections"),
    "redis.client": ("es_redis", "mend_clients"),
    "redis.sentinel": ("es_redis", "mend_sentinels"),
    "kombu.transport.redis": ("es_broker", "mend_transport"),
    "celery.worker.consumer.consumer": ("es_ledger", "mend_restart"),
    "celery.worker.consumer.tasks": ("es_ledger", "mend_consumer"),
    "celery.backends.redis": ("es_tasks", "mend_backend"),
    "celery.app.base": ("es_database", "mend_tasks"),
    "celery.app.task": ("es_tasks", "mend_lost_children"),
    "celery.worker.request": ("es_tasks", "mend_requests"),
    APPLICATION + ".tasks.base_task": ("es_tasks", "mend_pause"),
    "psycopg2.pool": ("es_database", "mend_pools"),
    "urllib3.poolmanager": ("es_store", "mend_pools"),
}


def say(text):
    # To the stream itself: logging may not be set up yet, or may be what failed.
    sys.stderr.write("resilience module: %s\n" % text)
    sys.stderr.flush()


def arm():
    sys.meta_path.insert(0, _Finder())


def versions():
    import importlib.metadata  # takes a while, and probes do not come here
    found = {}
    for name in KNOWN:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def mend(module):
    """Applies what is ours to a module that has just been imported."""
    file, function = MENDED[module.__name__]
    try:
        getattr(importlib.import_module(file), function)(module)
    except Exception as error:
        say("%s stays as it is: %r" % (module.__name__, error))


class _Finder:
    """Waits for the application, then for the modules to be mended."""

    def __init__(self):
        self._waits_for = {APPLICATION}

    def find_spec(self, name, path, target=None):
        if name not in self._waits_for:
            return None
        self._waits_for.discard(name)
        if name == APPLICATION:
            self._begin()
            return None
        return self._spec(name, path, target)

    def _begin(self):
        try:
            found = versions()
            text = ", ".join("%s %s" % item for item in sorted(found.items()))
            if found != KNOWN:
                say("off, because these versions are not known: " + text)
                return
            say("on, " + text)
        except Exception as error:
            say("off: %r" % error)
            return
        self._load_own()
        loaded = [sys.modules[name] for name in MENDED if name in sys.modules]
        self._waits_for.update(name for name in MENDED if name not in sys.modules)
        for module in loaded:
            mend(module)

    @staticmethod
    def _load_own():
        """Before anything is waited for: one of ours that imports what is to be mended would be
        asked to mend it before it is whole itself."""
        for file in sorted({file for file, _ in MENDED.values()}):
            try:
                importlib.import_module(file)
            except Exception:
                pass  # told when it is to mend something

    def _spec(self, name, path, target):
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader)
                return spec
        return None


class _Loader:
    """Another's loader, and the mending after it."""

    def __init__(self, loader):
        self._loader = loader

    def __getattr__(self, name):
        return getattr(self._loader, name)

    def exec_module(self, module):
        # From here on nobody needs to see that somebody stood between.
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        mend(module)
