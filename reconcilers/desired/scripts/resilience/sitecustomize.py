"""Loaded by every Python program of the pod, before anything of its own: arms the resilience
module, then hands on to the sitecustomize that this file hides, if the image has one."""
import importlib.machinery
import importlib.util
import os
import sys


def _arm():
    try:
        import es_resilience
        es_resilience.arm()
    except Exception as error:  # whatever it is, the program has to start
        sys.stderr.write("resilience module: not loaded: %r\n" % error)


def _hand_on():
    here = os.path.realpath(os.path.dirname(__file__))
    others = [path for path in sys.path if os.path.realpath(path) != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    hidden = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = hidden
    spec.loader.exec_module(hidden)


_arm()
_hand_on()
