"""What ffmpeg says while it works, line by line, and what that means for the video; pure.

ffmpeg ends with 0 although it could read a tenth of a file, and makes a video of a picture or of sound. A
result is taken without a word when it is as long as the original says it should be and ffmpeg complained of
nothing; with a warning when one of the two is so.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

#: For ffmpeg to say what is read here: the level of each line, and how far it has come.
TALKATIVE = ("-loglevel", "level+info", "-nostats", "-progress", "pipe:1")

#: Of one complaint, for a person to read.
_MOST_CHARACTERS = 200

#: A result shorter than this share of what was announced is not the video, where ffmpeg complained too.
LEAST_LENGTH = 0.9
#: The same for its pictures. They are counted less strictly, for their rate may vary.
LEAST_PICTURES = 0.5

#: What names other files, which are read in its stead: whoever sends one could have any video of the worker's
#: machine made public. Addresses on the network are refused by ffmpeg itself.
_LISTS = {"concat", "dash", "hls", "imf"}

_CLOCK = r"(\d+):(\d\d):(\d\d(?:\.\d+)?)"
_INPUT = re.compile(r"\[info\] Input #0, (\S+), from ")
# Of AVIF and HEIF, whose animations have other brands.
_STILL = re.compile(r"\[info\]     major_brand +: (avif|hei[cxms]|mif1)$")
_DURATION = re.compile(rf"\[info\]   Duration: {_CLOCK}(?:, start: (\d+\.\d+))?")
#: Their length is counted from 0, and not from their first picture: a part of a longer one may begin late.
_FROM_ZERO = {"matroska,webm", "nut", "asf"}
_PICTURES = re.compile(r"\[info\]   Stream #0:\d+.*?: Video: (?!.*\(attached pic\))")
_RATE = re.compile(r" (\d+(?:\.\d+)?)(k?) fps")
# Losses that it conceals are but warnings to it: a corrupt packet, a corrupt decoded frame.
_COMPLAINT = re.compile(r"\[(?:error|fatal|panic|warning(?=\] .*\bcorrupt\b))\] (.*)")
_PER_SECOND = {None: 1, "s": 1, "ms": 1000, "us": 1_000_000}
_CUTTING = {
    "-ss", "-sseof", "-to", "-fs", "-shortest", "-frames", "-frames:v", "-frames:a", "-vframes", "-aframes",
}  # fmt: skip
_CUTTING_FILTER = re.compile(r"\b(?:a?trim|a?setpts|a?select|atempo|a?loop|thumbnail)\b")
_POINTER = re.compile(r"\[[^\]@]+ @ 0x[0-9a-f]+\] ")
_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_INTERRUPTED = re.compile(r"Cannot allocate memory|Resource temporarily unavailable|received signal \d+")
#: Its last word when it was told to end; it takes that for normal, and says so as mere information.
_TOLD_TO_END = "[info] Exiting normally, received signal "


def seconds(text: str) -> float | None:
    """A time as ffmpeg takes it, ``12.5``, ``12500ms``, ``0:12.5``, ``00:00:12.5``; None where it is none."""
    if found := re.fullmatch(r"(?:(?:(\d+):)?(\d\d?):)?(\d\d?(?:\.\d*)?)", text):
        return 3600 * int(found[1] or 0) + 60 * int(found[2] or 0) + float(found[3])
    if found := re.fullmatch(r"(\d+(?:\.\d*)?)(s|ms|us)?", text):
        return float(found[1]) / _PER_SECOND[found[2]]
    return None


def length_is_kept(arguments: Sequence[str]) -> bool:
    """Whether these arguments make a result as long as the original, but for what ``-t`` cuts off."""
    return not any(each in _CUTTING or _CUTTING_FILTER.search(each) for each in arguments)


@dataclass
class Said:
    """All that counts of what one ffmpeg said, however long that is.

    Attributes:
        container: the original's format, empty until it was opened.
        length_s: how long the original says it is.
        still: the original is one picture in a container of videos.
        has_pictures: the original has a video, and not only a cover.
        rates: pictures per second, of the original and of the result.
        pictures: how many the result has.
        made_s: how long the result is.
        complaints: how often ffmpeg complained.
        first: its first complaint.
        last: its last words.
        disk_full: there was no room for the result.
        interrupted: it was told to end, or the machine had no memory.
    """

    container: str = ""
    length_s: float | None = None
    still: bool = False
    has_pictures: bool = False
    rates: list[float] = field(default_factory=list)
    pictures: int = 0
    made_s: float = 0.0
    complaints: int = 0
    first: str = ""
    last: str = ""
    disk_full: bool = False
    interrupted: bool = False

    def hear(self, line: str) -> None:
        """Take in the next line."""
        name, _, value = line.partition("=")
        if name == "frame" and value.strip().isdigit():
            self.pictures = int(value)
        elif name == "out_time_us" and value.isdigit():
            self.made_s = int(value) / 1e6
        elif line.startswith(_TOLD_TO_END):
            self._note(line.removeprefix("[info] "))
        elif line.startswith("[info] "):
            self._hear_of_files(line)
        elif found := _COMPLAINT.match(_POINTER.sub("", line)):
            self._hear_complaint(found[1].strip()[:_MOST_CHARACTERS])
        elif line and "=" not in line and line[0] not in "[ ":
            self._note(line)  # of no level: not ffmpeg's own, but a wrapper's or the system's

    def _hear_of_files(self, line: str) -> None:
        if found := _INPUT.match(line):
            self.container = found[1]
        elif _STILL.match(line):
            self.still = True
        elif found := _DURATION.match(line):
            unused_s = float(found[4] or 0) if self.container in _FROM_ZERO else 0.0
            self.length_s = 3600 * int(found[1]) + 60 * int(found[2]) + float(found[3]) - unused_s
        elif _PICTURES.match(line):
            self.has_pictures = True
            if found := _RATE.search(line):
                self.rates.append(float(found[1]) * (1000 if found[2] else 1))

    def _hear_complaint(self, text: str) -> None:
        self.complaints += 1
        self.first = self.first or text
        self._note(text)

    def _note(self, text: str) -> None:
        self.last = text
        self.disk_full = self.disk_full or bool(_FULL.search(text))
        self.interrupted = self.interrupted or bool(_INTERRUPTED.search(text))


class DamageError(ValueError):
    """What is wrong with the original, for the people who sent it."""


def judge(said: Said, *, succeeded: bool, cut_s: float | None) -> str | None:
    """What is to be known of a result that can be taken; None where nothing is.

    Args:
        said: by the ffmpeg that has ended.
        succeeded: it ended with 0 and left a file.
        cut_s: after how many seconds the result is cut, however long the original is.

    Raises:
        DamageError: the result is not the video.
    """
    if not said.container:
        raise DamageError(f"it is no video that can be read, or it is cut short{_because(said)}")
    if said.container in _LISTS:
        raise DamageError("it is a list of other files, not a video")
    if said.container.endswith("_pipe") or said.container == "image2" or said.still:
        raise DamageError("it is a picture, not a video")
    if not said.has_pictures:
        raise DamageError("there are no pictures in it, only sound or data")
    if not succeeded or not said.pictures:
        raise DamageError(f"its pictures cannot be read{_because(said)}")
    short = _too_short(said, cut_s)
    if not said.complaints:
        # It may lie about its length, or what it has more of is nothing that a result keeps.
        return f"the original may be {short} could be read" if short else None
    if lack := short or _too_few(said, cut_s):
        raise DamageError(f"it is {lack} can be read{_because(said)}")
    return f"the original is damaged: {said.complaints} errors while it was read, the first: {said.first}"


def _too_short(said: Said, cut_s: float | None) -> str | None:
    """How much the result is shorter than announced; None where that is little, or cannot be known."""
    if (due_s := _due_s(said, cut_s)) is None:
        return None
    # The time of the last picture is not the end of the result, and for short ones that matters.
    made_s = max(said.made_s, said.pictures / min(said.rates))
    return f"cut short: {made_s:.1f} s of {due_s:.1f} s" if made_s < LEAST_LENGTH * due_s else None


def _too_few(said: Said, cut_s: float | None) -> str | None:
    """The same of its pictures."""
    if (due_s := _due_s(said, cut_s)) is None:
        return None
    due = min(said.rates) * due_s
    few = said.pictures < LEAST_PICTURES * due
    return f"damaged: {said.pictures} of about {due:.0f} pictures" if few else None


def _due_s(said: Said, cut_s: float | None) -> float | None:
    if said.length_s is None or not said.rates:
        return None
    return said.length_s if cut_s is None else min(said.length_s, cut_s)


def _because(said: Said) -> str:
    return f" ({said.first or said.last})" if said.first or said.last else ""
