"""Documents of earlier versions in the form of this one: their reports can still be made.

Formats 1 (web cases) and 2 (worker cases) had no ``kind``: it is guessed here from their shape, and nowhere
else.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perf.store.files import numbers

_STEP = ("rate_per_s", "broken")


def upgraded(document: Mapping[str, Any], path: Path, newest: int) -> Mapping[str, Any]:
    """The document as this version writes it.

    Args:
        document: the content of *path*.
        path: the file: some of what a document of format 1 lacks stands in files beside it.
        newest: the format of this version.

    Raises:
        ValueError: it is of a later version.
    """
    if document["format"] == newest:
        return document
    if document["format"] > newest:
        raise ValueError(f"format {document['format']} is of a later version; this one reads up to {newest}")
    if "error" in document:
        kind = "web" if str(document["case"]["mode"]).startswith("web-") else "worker"
        return {**document, "kind": kind, "variant": document["case"]["variant"]}
    return _web(document, path) if "load" in document else _worker(document)


def _worker(document: Mapping[str, Any]) -> dict[str, Any]:
    facts = dict(document["facts"])
    settings = facts.pop("worker_settings", {})
    workers = [
        {"id": "", "node": each["host"], "pid": each["pid"], "concurrency": each["concurrency"]}
        | {"settings": settings}
        for each in facts.get("workers", ())
    ]
    return {
        **document,
        "kind": "worker",
        "variant": document["case"]["variant"],
        "phases": facts.pop("phases", ()),
        "facts": facts | {"workers": workers, "clip": _clip(facts.get("clip", {}))},
    }


def _web(document: Mapping[str, Any], path: Path) -> dict[str, Any]:
    name = path.stem.removeprefix("case_")
    facts = dict(document["facts"])
    users = [row.get("User Count", 0) for row in numbers(path.with_name(f"{name}_stats_history.csv"))]
    seconds = numbers(path.with_name(f"seconds_{name}.csv"))
    return {
        **document,
        "kind": "web",
        "variant": document["case"]["variant"],
        "phases": facts.pop("phases", ()),
        "seconds": [{"p50_s": None, "p95_s": None} | row for row in seconds],
        "users": [int(each) for each in users],
        "steps": [
            {**{key: step[key] for key in _STEP}}
            | {"figures": {key: value for key, value in step.items() if key not in _STEP}}
            for step in document["steps"]
        ],
        "facts": {
            "load_source": facts.get("load_source", ""),
            "clip": _clip(facts.get("clip", {})),
            "bottleneck": facts.get("limit", ""),
            "bottleneck_at_knee": facts.get("limit_at_knee", ""),
        },
    }


def _clip(clip: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "path": "",
        "key": "",
        "what": clip.get("is", ""),
        "size_bytes": clip.get("size_bytes", 0),
        "stand_in": clip.get("stand_in", False),
    }
