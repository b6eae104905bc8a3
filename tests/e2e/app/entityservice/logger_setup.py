"""Logging and tracing as their files say; a file that is named and absent ends the process."""
import logging.config
from pathlib import Path

import yaml

from entityservice import settings


def set_up():
    path = settings.LOG_CFG or Path(__file__).with_name("default_logging.yaml")
    with open(path, encoding="utf-8") as file:
        logging.config.dictConfig(yaml.safe_load(file))
    if settings.TRACE_CFG:
        with open(settings.TRACE_CFG, encoding="utf-8") as file:
            yaml.safe_load(file)
