"""The contract application: what the operator's objects call, and what they then expect.

It stands in for the real application in the tests: the same commands, queues, variables,
migrations, paths and status codes on the same client libraries, written anew and small.
"""
import sys

import anonlink

from entityservice import logger_setup

VERSION = "v1.15.1"

logger_setup.set_up()


def versions():
    return {
        "anonlink": anonlink.__version__,
        "entityservice": VERSION,
        "python": sys.version,
    }


def __getattr__(name):
    # Workers and the migration import this package too, and need no web application.
    if name == "app":
        from entityservice import web
        globals()["app"] = web.app
        return web.app
    raise AttributeError(name)
