"""Makes a thumbnail: `python thumbnail.py SOURCE TARGET`. The worker calls it, and it is the bare command."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image


def make(source: Path, target: Path) -> None:
    """A picture of 320 pixels at most."""
    with Image.open(source) as picture:
        picture.thumbnail((320, 320), Image.Resampling.LANCZOS)
        picture.convert("RGB").save(target, "JPEG", quality=85)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]))
