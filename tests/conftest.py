"""Property tests are judged by what they find: how long an example takes is the machine's business."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.loaders import JSONFileLoader
from hypothesis import settings

settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

_load_file = JSONFileLoader.load_file


@cache
def _read(path: str) -> Any:
    return _load_file(JSONFileLoader(), path)


# Each test has a session of boto3 of its own; what these read of AWS's interfaces is read once.
JSONFileLoader.load_file = lambda _, path: _read(path)
