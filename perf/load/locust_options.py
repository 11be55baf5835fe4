"""The options of the Locust file; what makes no sense ends in one line, before any load. Without Locust."""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import Any

from perf.cases.endpoints import SHIPPED, read_endpoints
from perf.cases.errors import UsageError
from perf.cases.options import number_above_0, number_from_0, seconds, whole_number
from perf.load.shapes import SHAPES

#: More than one host can even count.
MOST_PER_S = 100_000


def add_options(parser: Any) -> None:
    """Add the options to Locust's parser; Locust hands them on to its workers."""
    group = parser.add_argument_group("video pipeline")
    rate = by("--rate", number_above_0("requests per second, e.g. 40", least=0.01, most=MOST_PER_S))
    users = by("--step-users", whole_number("users, e.g. 50"))
    at_once = by("--max-outstanding", whole_number("requests at once, e.g. 1000"))
    think = by("--think-time", number_from_0("e.g. 1", "number of seconds"))
    group.add_argument("--rate", type=rate, default=0.0, help="open loop: requests per second in all")
    group.add_argument(
        "--load-time", type=by("--load-time", seconds), default=0.0, help="seconds of load (default: -t)"
    )
    group.add_argument(
        "--max-outstanding", type=at_once, default=1000, help="open loop: requests at once at most (1000)"
    )
    group.add_argument(
        "--shape", choices=("none", *SHAPES), default="none", help="closed loop: how users grow (none: -r)"
    )
    group.add_argument("--step-load", action="store_true", help="the same as --shape steps")
    group.add_argument("--step-users", type=users, default=5, help="users that each step adds (5)")
    group.add_argument(
        "--step-time", type=by("--step-time", seconds), default=30.0, help="length of a step, 30 or 2m (30)"
    )
    group.add_argument(
        "--think-time", type=think, default=1.0, help="closed loop: pause between visits, s (1)"
    )
    group.add_argument(
        "--api",
        type=by("--api", _api),
        default=str(SHIPPED),
        help="the file of the endpoints (this pipeline's)",
    )
    group.add_argument("--endpoints", default="", help="which of them to call, in this order (default: all)")
    group.add_argument(
        "--clip", type=by("--clip", _clip), default="", help="the video to upload (default: 1 MB of zeros)"
    )
    group.add_argument("--done-video", default="", help="id of a done video to download (default: any)")
    group.add_argument("--records", default="", help="folder of the raw requests (default: none are kept)")


def by(flag: str, read: Callable[[str, str], Any]) -> Callable[[str], Any]:
    """A reader of the suite's options as argparse takes them: what makes no sense ends in one line."""

    def convert(text: str) -> Any:
        try:
            return read(flag, text.strip())
        except UsageError as error:
            raise ArgumentTypeError(str(error)) from error

    return convert


def _api(_: str, path: str) -> str:
    read_endpoints(Path(path))
    return path


def _clip(flag: str, path: str) -> str:
    if path and not Path(path).is_file():
        raise UsageError(f"{flag} {path}: there is no such file")
    return path
