"""The clips that cases ask for: made on this machine, placed in the storage, removed again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from perf.deploy.cache import cache_folder
from perf.deploy.clips import MIB, ClipSpec, digest, make_clip
from perf.deploy.objects import Store, remove_objects
from perf.pipeline import Clip


class Clips(Protocol):
    """Where a deployment has its clips from."""

    def clip(self, size_mb: int) -> Clip:
        """The clip of this size, in storage already."""

    def remove(self) -> None:
        """Remove from storage what was placed there."""


@dataclass
class PlacedClips:
    """Clips in a storage.

    Attributes:
        spec: what the clip of a size in MB is to be.
        ffmpeg: the program that makes it.
        store: where it goes.
        key_of: under which key, by the name of its file.
        own: a video that stands for every size, in place of those that are made.
    """

    spec: Callable[[int], ClipSpec]
    ffmpeg: str
    store: Store
    key_of: Callable[[str], str]
    own: Path | None = None
    _placed: dict[int, Clip] = field(default_factory=dict, init=False)
    _uploaded: list[str] = field(default_factory=list, init=False)

    def clip(self, size_mb: int) -> Clip:
        """See Clips; one that is there already is used as it is, and stays."""
        if size_mb not in self._placed:
            self._placed[size_mb] = self._place(size_mb)
        return self._placed[size_mb]

    def _place(self, size_mb: int) -> Clip:
        if self.own is not None:
            return self._put(self.own, f"own-{digest(self.own)[:12]}{self.own.suffix}")
        spec = self.spec(size_mb)
        path = make_clip(spec, self.ffmpeg, cache_folder())
        clip = self._put(path, path.name)
        return replace(clip, what=str(spec), stand_in=spec.size_bytes != size_mb * MIB)

    def _put(self, path: Path, name: str) -> Clip:
        key, size = self.key_of(name), path.stat().st_size
        if not self.store.exists(key):
            self._uploaded.append(key)  # first: an upload that is cut off may have come through
            self.store.upload_from(path, key, "video/mp4")
        return Clip(path, key, f"{path.name}, {size / MIB:.1f} MB", size, stand_in=False)

    def remove(self) -> None:
        """See Clips."""
        remove_objects(self.store, self._uploaded)
        self._uploaded.clear()
        self._placed.clear()


@dataclass(frozen=True)
class OneFile:
    """See Clips: one file for every size, on a disk that the workers see too; its path is its key."""

    path: Path

    def clip(self, size_mb: int) -> Clip:
        """See Clips."""
        size = self.path.stat().st_size
        what = f"{self.path.name}, {size / MIB:.1f} MB"
        return Clip(self.path, str(self.path), what, size, stand_in=size != size_mb * MIB)

    def remove(self) -> None:
        """See Clips: it was there before, and stays."""
