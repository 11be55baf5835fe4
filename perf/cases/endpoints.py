"""The endpoints of a web tier, as data: what is called, and what is a good answer.

A TOML table for each, in the order in which a user calls them; perf/cases/endpoints.toml is that of the
pipeline this suite ships with::

    [upload]
    request = "POST /api/videos"    # method and path; {made} and {done} stand for a video's id
    good = [201]                    # statuses of a good answer
    sends = "file"                  # the field of a form that carries the clip
    makes = "id"                    # the field of the answer that names what was made; {made} afterwards
    streams = false                 # whether the answer is read to its last byte and not kept
    find = ""                       # a GET that finds a value for {done}, where none is given
    found = ""                      # where that answer holds it, such as "videos.0.id"
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf.cases.errors import UsageError
from perf.cases.options import nearest
from perf.cases.toml_tables import read_tables

#: The endpoints of the pipeline that this suite ships with.
SHIPPED = Path(__file__).with_name("endpoints.toml")
_REQUEST = re.compile(r"(GET|POST|PUT|DELETE|HEAD) (/[^\s{}]*(?:\{(?:made|done)\}[^\s{}]*)*)")
_KEYS: dict[str, type] = {"request": str, "good": list, "sends": str, "makes": str, "streams": bool}
_KEYS |= {"find": str, "found": str}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint.

    Attributes:
        name: what metrics and options call it.
        method: of HTTP.
        path: with ``{made}`` for what the last good upload made, ``{done}`` for what can be downloaded.
        good: the statuses of a good answer.
        sends: the field of a form that carries the clip; empty = no body.
        makes: the field of the answer that names what was made; empty = nothing is.
        streams: whether the answer is read to its last byte, and not kept.
        find: the path of a GET that finds a value for ``{done}`` where none is given; empty = none does.
        found: where its answer holds that value, keys and positions with dots between them.
    """

    name: str
    method: str
    path: str
    good: tuple[int, ...] = (200,)
    sends: str = ""
    makes: str = ""
    streams: bool = False
    find: str = ""
    found: str = ""

    @property
    def needs(self) -> str:
        """``made``, ``done`` or nothing: whose id the path takes."""
        return next((word for word in ("made", "done") if f"{{{word}}}" in self.path), "")

    def __str__(self) -> str:
        return f"{self.method} {self.path}".replace("{made}", "ID").replace("{done}", "ID")

    def made_by(self, response: Any) -> str | None:
        """What a good answer to this request says that it made; None when the answer holds none."""
        if not self.makes:
            return None
        try:
            return str(json.loads(response.content)[self.makes])
        except (ValueError, KeyError, TypeError):
            return None


def read_endpoints(path: Path = SHIPPED) -> tuple[Endpoint, ...]:
    """The endpoints of a file, in its order.

    Raises:
        UsageError: one line with the file and what is wrong in it.
    """
    document = read_tables(path, "endpoint", "health")
    endpoints = tuple(_endpoint(path, name, table) for name, table in document.items())
    for position, endpoint in enumerate(endpoints):
        if wrong := _misplaced(endpoint, endpoints[:position]):
            raise UsageError(f"{path}: [{endpoint.name}]: {wrong}")
    return endpoints


def _misplaced(endpoint: Endpoint, earlier: Sequence[Endpoint]) -> str:
    """What makes no sense where an endpoint stands; nothing where it does."""
    if endpoint.needs == "made" and not any(each.makes for each in earlier):
        return "{made} stands for what an earlier endpoint has made, and none has `makes`"
    if endpoint.makes and any(each.makes for each in earlier):
        return "an earlier endpoint has `makes` too, and {made} can stand for one of them only"
    if bool(endpoint.find) != bool(endpoint.found):
        return "find and found go together: what is asked, and where its answer holds the value"
    if endpoint.find and not re.fullmatch(r"/[^\s{}]*", endpoint.find):
        return f"find is {endpoint.find!r}; expected a path, such as /api/videos?limit=1"
    return ""


def _endpoint(path: Path, name: str, table: Any) -> Endpoint:
    if not re.fullmatch(r"[a-z][a-z0-9]*", name):
        raise UsageError(f"{path}: [{name}]: not a name of an endpoint; expected lower-case letters, digits")
    if not isinstance(table, Mapping):
        raise UsageError(f"{path}: {name}: expected a table [{name}] with request = ...")
    for key, value in table.items():
        if key not in _KEYS:
            raise UsageError(f"{path}: [{name}]: unknown key {key!r}{nearest(key, _KEYS)}")
        if not isinstance(value, _KEYS[key]):
            raise UsageError(f"{path}: [{name}]: {key} is {value!r}; expected a {_KEYS[key].__name__}")
    match = _REQUEST.fullmatch(table.get("request", ""))
    if match is None:
        raise UsageError(
            f'{path}: [{name}]: request is {table.get("request")!r}; expected e.g. "GET /health"'
        )
    good = table.get("good", [200])
    if not good or not all(isinstance(status, int) and 100 <= status <= 599 for status in good):
        raise UsageError(f"{path}: [{name}]: good is {good!r}; expected statuses of HTTP, e.g. [200]")
    rest = {key: value for key, value in table.items() if key not in ("request", "good")}
    return Endpoint(name, match[1], match[2], tuple(good), **rest)
