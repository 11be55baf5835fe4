"""Objects of a storage: what clips need of it, and removing many at a time."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

_REMOVERS = 8


class Store(Protocol):
    """Where clips are placed. Every method may raise FixtureError."""

    def exists(self, key: str) -> bool:
        """Whether there is an object of this key."""

    def upload_from(self, path: Path, key: str, content_type: str) -> None:
        """Put a file there."""

    def delete(self, key: str) -> None:
        """Remove it; one that is not there is no error."""


def remove_objects(store: Store, keys: Iterable[str]) -> None:
    """Remove these objects; each is tried, also after one that fails.

    Raises:
        FixtureError: one of them could not be removed.
    """
    with ThreadPoolExecutor(_REMOVERS, "remove") as removers:
        list(removers.map(store.delete, keys))
